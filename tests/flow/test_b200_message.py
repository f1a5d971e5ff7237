# SPDX-License-Identifier: Apache-2.0
"""SIP end to end: users register, authenticate and message each other through one cpmd.

    alice           cpmd            bob
      | MESSAGE       |               |
      |-------------->|               |
      | 407           |               |
      |<--------------|               |
      | MESSAGE       | MESSAGE       |
      |-------------->|-------------->|
      |           200 |           200 |
      |<--------------|<--------------|
"""

from concurrent.futures import ThreadPoolExecutor

import pytest

from harness import add_user
from sipua import UserAgent

PASSWORD = "correct horse battery"


@pytest.fixture
def sip(make_daemon):
    """A daemon with SIP and three users."""
    daemon = make_daemon({"cpm": {"deferred-max-messages": 0}}).with_sip().start()
    for name in ("alice", "bob", "carol"):
        add_user(daemon, name, PASSWORD)
    return daemon


def agent(daemon, name, transport="udp"):
    return UserAgent(daemon, name, PASSWORD, transport)


def test_options_tells_what_we_can_do(sip):
    with agent(sip, "alice") as alice:
        answer = alice.answer_to(alice.request("OPTIONS", "sip:example.com"))
    assert answer.status == 200
    assert "MESSAGE" in answer.get("allow")
    assert answer.get("server").startswith("CPM-serv/OMA2.2 opencpm/")


@pytest.mark.parametrize("transport", ["udp", "tcp"])
def test_a_message_reaches_who_is_registered(sip, transport):
    with agent(sip, "alice", transport) as alice, agent(sip, "bob", transport) as bob:
        answer = bob.register()
        assert answer.status == 200 and bob.contact.strip("<>") in answer.get("contact")
        with ThreadPoolExecutor() as pool:
            taken = pool.submit(bob.take, "MESSAGE")
            assert alice.message("sip:bob@example.com", "hello bob").status == 200
            message = taken.result()
    assert message.body == b"hello bob"
    assert message.uri == bob.contact.strip("<>")
    assert message.get("p-asserted-identity") == "<sip:alice@example.com>"
    assert message.get("proxy-authorization") is None
    assert message.get("max-forwards") == "69"


def test_who_is_away_is_480_and_who_is_nobody_404(sip):
    with agent(sip, "alice") as alice:
        assert alice.message("sip:carol@example.com").status == 480
        assert alice.message("sip:nobody@example.com").status == 404


def test_nothing_passes_without_credentials(sip):
    with agent(sip, "alice") as alice, agent(sip, "bob") as bob:
        assert bob.register().status == 200
        alice.password = None
        for method in ("MESSAGE", "SUBSCRIBE", "PUBLISH", "INVITE"):
            answer = alice.answer_to(alice.request(method, "sip:bob@example.com", contact=True))
            assert answer.status in (401, 407), method
        assert alice.register().status == 401
        assert bob.receive(patience_s=0.3) is None


def test_a_registration_survives_a_restart(sip):
    with agent(sip, "alice") as alice, agent(sip, "bob") as bob:
        assert bob.register().status == 200
        assert sip.stop() == 0
        sip.start()
        with ThreadPoolExecutor() as pool:
            taken = pool.submit(bob.take, "MESSAGE")
            assert alice.message("sip:bob@example.com").status == 200
            assert taken.result().body == b"hello"
