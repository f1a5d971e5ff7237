# SPDX-License-Identifier: Apache-2.0
"""Registration with the embedded core: who is registered where, and what a restart keeps.

    phone                  cpmd
      | REGISTER            |
      |-------------------->|
      |             401     |
      |<--------------------|
      | REGISTER, digest    |
      |-------------------->|
      |   200, Contact...   |
      |<--------------------|
"""

import re

import pytest

from harness import add_user
from sipua import UserAgent, digest

PASSWORD = "correct horse"
TEL = "tel:+4930123"


@pytest.fixture
def server(make_daemon):
    daemon = make_daemon().with_sip().start()
    add_user(daemon, "alice", PASSWORD, aliases=[TEL])
    add_user(daemon, "bob", PASSWORD)
    return daemon


@pytest.fixture
def phone(server):
    with UserAgent(server, "alice", PASSWORD) as ua:
        yield ua


def contacts(answer):
    """URI and seconds left of each contact in ANSWER."""
    found = {}
    for value in answer.all("contact"):
        uri = re.match(r"<([^>]*)>", value).group(1)
        found[uri] = int(re.search(r";expires=(\d+)", value).group(1))
    return found


def uri_of(ua):
    return ua.contact.strip("<>")


@pytest.mark.parametrize("transport", ["udp", "tcp"])
def test_register_fetch_remove(server, transport):
    with UserAgent(server, "alice", PASSWORD, transport=transport) as phone:
        answer = phone.register(600)
        assert answer.status == 200
        assert 540 <= contacts(answer)[uri_of(phone)] <= 600
        assert answer.get("p-associated-uri") == f"<sip:alice@example.com>, <{TEL}>"
        assert list(contacts(phone.register(contact=""))) == [uri_of(phone)]
        assert contacts(phone.register(0)) == {}
        assert contacts(phone.register(contact="")) == {}


def test_both_algorithms_are_offered_best_first(phone):
    answer = phone.answer_to(phone.request("REGISTER", "sip:example.com", to_uri=phone.aor))
    assert answer.status == 401
    asked = answer.all("www-authenticate")
    assert "SHA-256" in asked[0] and (len(asked) == 1 or "MD5" in asked[1])
    assert all('qop="auth"' in value and 'realm="example.com"' in value for value in asked)


def test_md5_alone_where_clients_know_nothing_else(make_daemon):
    daemon = make_daemon().with_sip(sha256=False).start()
    add_user(daemon, "alice", PASSWORD)
    with UserAgent(daemon, "alice", PASSWORD) as phone:
        asked = phone.answer_to(phone.request("REGISTER", "sip:example.com", to_uri=phone.aor))
        assert re.findall(r"algorithm=([^,]+)", " ".join(asked.all("www-authenticate"))) == ["MD5"]
        assert phone.register().status == 200


def test_the_second_algorithm_serves_too(phone):
    asked = phone.answer_to(phone.request(
        "REGISTER", "sip:example.com", [("X", "x" * 300)], to_uri=phone.aor)).all("www-authenticate")
    value = digest(asked[1], "REGISTER", "sip:example.com", "alice", PASSWORD)
    answer = phone.answer_to(phone.request(
        "REGISTER", "sip:example.com", [("Authorization", value), ("Contact", phone.contact)],
        to_uri=phone.aor))
    assert answer.status == 200


def test_star_and_short_and_late(phone):
    assert phone.register(600).status == 200
    answer = phone.register(10)
    assert answer.status == 423 and int(answer.get("min-expires")) > 10
    assert phone.register(600, contact="*").status == 400
    assert len(contacts(phone.register(contact=""))) == 1
    answer = phone.register(0, contact="*")
    assert answer.status == 200 and contacts(answer) == {}


def test_many_contacts_and_their_words(phone):
    icsi = '+g.3gpp.icsi-ref="urn%3Aurn-7%3A3gpp-service.ims.icsi.oma.cpm.msg"'
    answer = phone.register(600, contact=f"<sip:a@192.0.2.1>;q=0.5;{icsi}, <sip:b@192.0.2.2>")
    lines = answer.all("contact")
    assert len(lines) == 2
    assert lines[0].startswith(f"<sip:a@192.0.2.1>;{icsi};q=0.500;expires=")


def test_outbound_path_and_gruu(phone):
    instance = '+sip.instance="<urn:uuid:f81d4fae-7dec-11d0-a765-00a0c91e6bf6>"'
    answer = phone.register(
        600, contact=f"{phone.contact};{instance};reg-id=1",
        headers=[("Supported", "outbound, gruu, path"), ("Path", "<sip:edge.example.com;lr;ob>")])
    assert answer.status == 200 and answer.get("require") == "outbound"
    assert answer.get("path") == "<sip:edge.example.com;lr;ob>"
    assert ('pub-gruu="sip:alice@example.com;gr=urn:uuid:f81d4fae-7dec-11d0-a765-00a0c91e6bf6"'
            in answer.get("contact"))
    # The flow is what counts, not the URI.
    answer = phone.register(
        600, contact=f"<sip:alice@192.0.2.7>;{instance};reg-id=1", headers=[("Supported", "outbound")])
    assert list(contacts(answer)) == ["sip:alice@192.0.2.7"]


def test_what_is_required_and_unknown(phone):
    answer = phone.register(600, headers=[("Require", "path, magic")])
    assert answer.status == 420 and answer.get("unsupported") == "magic"
    # What RFC 3840 s5 has clients ask for, and we do.
    assert phone.register(600, headers=[("Require", "pref")]).status == 200


@pytest.mark.parametrize("transport", ["udp", "tcp"])
def test_a_copy_that_came_by_another_way_is_refused(server, transport):
    """RFC 3261 s8.2.2.2: the same REGISTER, forked by a proxy before us."""
    with UserAgent(server, "alice", PASSWORD, transport=transport) as phone:
        uri, to = "sip:example.com", {"to_uri": phone.aor, "call_id": "merged", "from_tag": "f"}
        fields = [("Contact", phone.contact), ("Expires", 600)]
        asked = phone.answer_to(phone.request("REGISTER", uri, fields, cseq=1, **to))
        assert asked.status == 401
        # What has not shown who it is, is not kept in mind.
        asked = phone.answer_to(phone.request("REGISTER", uri, fields, cseq=1, **to))
        assert asked.status == 401
        for cseq, nc, status in ((2, 1, 200), (2, 2, 482), (3, 3, 200)):
            value = digest(asked.get("www-authenticate"), "REGISTER", uri, "alice", PASSWORD, nc=nc)
            answer = phone.answer_to(phone.request(
                "REGISTER", uri, fields + [("Authorization", value)], cseq=cseq, **to))
            assert answer.status == status


def test_the_number_registers_the_same_user(server, phone):
    with UserAgent(server, "alice", PASSWORD) as other:
        assert phone.register(600).status == 200
        answer = other.call(
            "REGISTER", "sip:example.com", [("Contact", other.contact)], to_uri=TEL, from_uri=TEL)
        assert answer.status == 200
        assert set(contacts(answer)) == {uri_of(phone), uri_of(other)}


def test_a_restart_keeps_who_is_registered(server, phone):
    assert phone.register(600).status == 200
    assert server.stop() == 0
    server.start()
    left = contacts(phone.register(contact=""))
    assert list(left) == [uri_of(phone)] and left[uri_of(phone)] <= 600
    with UserAgent(server, "bob", PASSWORD) as bob:
        waiting = bob.request("MESSAGE", phone.aor)
        answer = bob.answer_to(waiting)
        value = digest(answer.get("proxy-authenticate"), "MESSAGE", phone.aor, "bob", PASSWORD)
        bob.send_raw(bob.request("MESSAGE", phone.aor, [("Proxy-Authorization", value)]))
        phone.take("MESSAGE")
        assert bob.expect(lambda m: not m.is_request).status == 200


def test_an_erased_user_is_not_registered(server, phone):
    assert phone.register(600).status == 200
    assert server.ctl("user", "del", "alice", "--yes").returncode == 0
    assert phone.register(contact="").status in (401, 403)


def test_a_silent_connection_lives_as_long_as_its_registration(make_daemon):
    server = make_daemon().with_sip(**{"idle-time": "10 s"}).start()
    for user in ("alice", "bob", "carol"):
        add_user(server, user, PASSWORD)
    with UserAgent(server, "alice", PASSWORD, transport="tcp") as phone, \
            UserAgent(server, "carol", PASSWORD, transport="tcp") as gone, \
            UserAgent(server, "bob", PASSWORD) as bob:
        assert phone.register(600).status == 200
        assert gone.register(600).status == 200
        assert gone.register(0).status == 200
        # Whose registration has ended is closed like anybody, though silent for less long.
        gone.sock.settimeout(60)
        assert gone.sock.recv(1) == b""
        waiting = bob.request("MESSAGE", phone.aor)
        answer = bob.answer_to(waiting)
        value = digest(answer.get("proxy-authenticate"), "MESSAGE", phone.aor, "bob", PASSWORD)
        bob.send_raw(bob.request("MESSAGE", phone.aor, [("Proxy-Authorization", value)]))
        phone.take("MESSAGE")
        assert bob.expect(lambda m: not m.is_request).status == 200


def test_what_clients_are_told_to_do(make_daemon):
    server = make_daemon().with_sip(**{
        "flow-timer": "2 min", "service-route": "<sip:orig@cpm.example.com;lr>"}).start()
    add_user(server, "alice", PASSWORD)
    with UserAgent(server, "alice", PASSWORD, transport="tcp") as phone:
        instance = '+sip.instance="<urn:uuid:f81d4fae-7dec-11d0-a765-00a0c91e6bf6>"'
        answer = phone.register(
            600, contact=f"{phone.contact};{instance};reg-id=1",
            headers=[("Supported", "outbound, path")])
        assert answer.get("flow-timer") == "120"
        assert answer.get("service-route") == "<sip:orig@cpm.example.com;lr>"
