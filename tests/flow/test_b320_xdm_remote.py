# SPDX-License-Identifier: Apache-2.0
"""Documents in one cpmd, messages and presence in another: CPM-3 and CPM-4 on the wire.

    bob          centre (xdm.mode remote)            documents
     | SUBSCRIBE alice |                                 |
     |---------------->|  SUBSCRIBE xcap-diff, of alice  |
     |                 |-------------------------------->|  200
     |                 |<------------- NOTIFY -----------|
     |                 |  GET pres-rules                 |
     |                 |-------------------------------->|
     |<----------------|  200, or 403
     |                 |            alice: PUT pres-rules|
     |                 |<------------- NOTIFY -----------|
     |<----------------|  NOTIFY: what the rules now say
"""

import threading

import pytest
import requests
from requests.auth import HTTPDigestAuth

from harness import Daemon, add_user, free_sip_port, wait_for
from sipua import UserAgent

PASSWORD = "correct horse battery"
PIDF = """<?xml version="1.0" encoding="UTF-8"?>
<presence xmlns="urn:ietf:params:xml:ns:pidf" entity="sip:alice@example.com">
<tuple id="t1"><status><basic>open</basic></status></tuple></presence>"""
RULES = """<?xml version="1.0" encoding="UTF-8"?>
<cr:ruleset xmlns:cr="urn:ietf:params:xml:ns:common-policy"
 xmlns:pr="urn:ietf:params:xml:ns:pres-rules">
<cr:rule id="a"><cr:conditions><cr:identity><cr:one id="sip:bob@example.com"/></cr:identity>
</cr:conditions><cr:actions><pr:sub-handling>{handling}</pr:sub-handling></cr:actions>
</cr:rule></cr:ruleset>"""


@pytest.fixture
def documents(make_daemon):
    """Trusts its neighbours, over SIP and HTTP."""
    daemon = make_daemon({
        "xcap": {"notify-interval": "10 ms"},
        "auth": {"trusted-proxies": [{"address": "127.0.0.1"}]},
    }).with_sip(peers=[{"name": "centre", "networks": "127.0.0.1/32", "trusted": True}]).start()
    add_user(daemon, "centre", PASSWORD, operator=True)
    add_user(daemon, "alice", PASSWORD)
    return daemon


@pytest.fixture(params=["asserted", "digest"])
def centre(request, documents, tmp_path):
    daemon = Daemon(tmp_path / "centre").with_sip()
    xdm = {
        "mode": "remote", "root": documents.url + "/xcap-root",
        "sip": f"sip:127.0.0.1:{documents.sip_port};transport=tcp",
        "identity": "sip:centre@example.com",
        "contact": f"127.0.0.1:{daemon.sip_port};transport=tcp",
    }
    if request.param == "digest":
        secret = tmp_path / "secret"
        secret.write_text(PASSWORD + "\n", encoding="utf-8")
        secret.chmod(0o600)
        xdm.update(user="centre", password={"file": str(secret)})
    daemon.configure({"xdm": xdm}).start()
    try:
        for name in ("alice", "bob"):
            add_user(daemon, name, PASSWORD)
        yield daemon
        assert daemon.stop() == 0, daemon.log()
    finally:
        daemon.kill()


def put_rules(documents, handling):
    answer = requests.put(
        f"{documents.url}/xcap-root/pres-rules/users/sip:alice@example.com/index",
        data=RULES.format(handling=handling), auth=HTTPDigestAuth("alice", PASSWORD),
        headers={"Content-Type": "application/auth-policy+xml"}, timeout=60)
    assert answer.status_code < 300, answer.text


def subscribe(ua, to):
    return ua.call("SUBSCRIBE", to, [("Event", "presence"), ("Expires", 600)], contact=True)


def publish(ua):
    fields = [("Event", "presence"), ("Expires", 600), ("Content-Type", "application/pidf+xml")]
    assert ua.call("PUBLISH", ua.aor, fields, PIDF).status == 200


@pytest.fixture
def alice(centre):
    with UserAgent(centre, "alice", PASSWORD) as ua:
        yield ua


@pytest.fixture
def bob(centre):
    with UserAgent(centre, "bob", PASSWORD) as ua:
        yield ua


def test_rules_of_another_server_are_in_force(documents, alice, bob):
    assert subscribe(bob, alice.aor).status == 403
    publish(alice)
    put_rules(documents, "allow")
    told = None
    while told is None:  # the first after the NOTIFY, which comes by itself
        told = subscribe(bob, alice.aor).status == 200 or None
    shown = bob.take("NOTIFY")
    assert shown.get("subscription-state").startswith("active") and b"open" in shown.body
    put_rules(documents, "polite-block")
    assert b"closed" in bob.take("NOTIFY").body
    put_rules(documents, "block")
    assert bob.take("NOTIFY").get("subscription-state") == "terminated;reason=rejected"
    assert subscribe(bob, alice.aor).status == 403


def test_the_other_server_may_go_and_come_back(documents, centre, alice, bob):
    put_rules(documents, "allow")
    assert subscribe(bob, alice.aor).status == 200
    bob.take("NOTIFY")
    assert documents.stop() == 0
    # What was known stays in force; what was not is not guessed.
    assert subscribe(bob, alice.aor).status == 200
    bob.take("NOTIFY")
    assert subscribe(alice, bob.aor).status == 503
    documents.start()
    put_rules(documents, "block")
    ended = 0
    while ended < 2:
        state = bob.take("NOTIFY").get("subscription-state")
        ended += state == "terminated;reason=rejected"
    wait_for(lambda: subscribe(alice, bob.aor).status == 403, "the other server to be asked")


ACCESS = """<ruleset xmlns="urn:ietf:params:xml:ns:common-policy"
 xmlns:oxe="urn:oma:xml:xdm:extensions"><rule id="r"><conditions><identity>
<one id="{who}"/></identity></conditions><actions>
<oxe:allow-reject-invite>true</oxe:allow-reject-invite></actions></rule></ruleset>"""
PREFS = """<cpm-user-prefs xmlns="urn:opencpm:xml:user-prefs"><blocking answer="open"/>
</cpm-user-prefs>"""


def put(documents, path, body, media):
    answer = requests.put(f"{documents.url}/xcap-root/{path}", data=body,
                          auth=HTTPDigestAuth("alice", PASSWORD),
                          headers={"Content-Type": media}, timeout=60)
    assert answer.status_code < 300, answer.text


@pytest.fixture
def phone(centre):
    """Alice's, which takes what comes."""
    with UserAgent(centre, "alice", PASSWORD) as ua:
        assert ua.register(600).status == 200
        ended = threading.Event()

        def serve():
            while not ended.is_set():
                message = ua.receive(0.1)
                if message and message.is_request:
                    ua.reply(message)

        thread = threading.Thread(target=serve, daemon=True)
        thread.start()
        yield ua
        ended.set()
        thread.join()


def test_messages_are_decided_by_documents_elsewhere(documents, phone, bob):
    def block(who):
        put(documents, "org.openmobilealliance.access-rules/users/sip:alice@example.com/"
            "access-rules", ACCESS.format(who=who), "application/auth-policy+xml")

    put(documents, "org.opencpm.user-prefs/users/sip:alice@example.com/index", PREFS,
        "application/vnd.opencpm.user-prefs+xml")
    block("sip:bob@example.com")
    assert bob.message(phone.aor).status == 403
    # In force for the first message after the NOTIFY of the change.
    block("sip:carol@example.com")
    wait_for(lambda: bob.message(phone.aor).status == 200, "the change to be told")
    assert bob.message(phone.aor).status == 200
    block("sip:bob@example.com")
    wait_for(lambda: bob.message(phone.aor).status == 403, "the change to be told")
    assert bob.message(phone.aor).status == 403


def test_without_the_other_server_nothing_is_allowed(tmp_path):
    daemon = Daemon(tmp_path / "alone").with_sip()
    daemon.configure({"xdm": {
        "mode": "remote", "root": "http://127.0.0.1:1/xcap-root",
        "sip": f"sip:127.0.0.1:{free_sip_port()};transport=tcp",
        "identity": "sip:centre@example.com",
        "contact": f"127.0.0.1:{daemon.sip_port};transport=tcp"}}).start()
    try:
        add_user(daemon, "alice", PASSWORD)
        add_user(daemon, "bob", PASSWORD)
        with UserAgent(daemon, "bob", PASSWORD) as bob:
            assert subscribe(bob, "sip:alice@example.com").status == 503
            assert subscribe(bob, bob.aor).status == 200
            bob.take("NOTIFY")
        assert daemon.stop() == 0, daemon.log()
    finally:
        daemon.kill()


def test_what_remote_needs_is_said(tmp_path):
    daemon = Daemon(tmp_path / "broken").configure({"xdm": {"mode": "remote"}})
    daemon.spawn()
    wait_for(daemon.ended, "cpmd to end")
    for needed in ("xdm.root", "xdm.sip", "xdm.identity", "xdm.contact", "sip.listen"):
        assert needed in daemon.log()
