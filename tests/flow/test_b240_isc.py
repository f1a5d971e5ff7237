# SPDX-License-Identifier: Apache-2.0
"""Behind an IMS core, and beside another domain: peers of the trust domain and others.

    S-CSCF (127.0.0.2)        cpmd
      | REGISTER, To: user     |
      |----------------------->|  as if the device had registered here
      |          200           |
      |<-----------------------|
      | MESSAGE, Route: cpmd,  |
      |          Route: S-CSCF |
      |----------------------->|
      |    MESSAGE             |
      |<-----------------------|  back to where it came from
"""

import pytest

from harness import add_user
from sipua import UserAgent, digest

PASSWORD = "correct horse"
CARL = "sip:carl@example.com"


class Server(UserAgent):
    """A server at HOST, known to cpmd by its address."""

    def __init__(self, daemon, host):
        super().__init__(daemon, "server")
        self.sock.close()
        self.sock = self.sock.__class__(type=self.sock.type)
        self.sock.bind((host, 0))
        self.address = "%s:%d" % self.sock.getsockname()
        self.contact = f"<sip:{self.address};lr>"


@pytest.fixture
def server(make_daemon):
    daemon = make_daemon({"cpm": {"deferred-max-messages": 0}}).with_sip(peers=[
        {"name": "core", "networks": "127.0.0.2/32", "core": True},
        {"name": "trusted", "networks": "127.0.0.3/32", "trusted": True},
        {"name": "stranger", "networks": "127.0.0.4/32"},
    ]).start()
    for name in ("alice", "bob"):
        add_user(daemon, name, PASSWORD)
    return daemon


@pytest.fixture
def core(server):
    with Server(server, "127.0.0.2") as ua:
        yield ua


def embedded(contact):
    return "\r\n".join([
        "REGISTER sip:example.com SIP/2.0", "Via: SIP/2.0/UDP 192.0.2.1;branch=z9hG4bKe",
        f"From: <{CARL}>;tag=1", f"To: <{CARL}>", "Call-ID: device", "CSeq: 3 REGISTER",
        f"Contact: {contact}", "Content-Length: 0", "", ""])


def third_party(core, expires, body="", content_type=None):
    fields = [("Expires", expires), ("Contact", core.contact)]
    if content_type:
        fields.append(("Content-Type", content_type))
    return core.call("REGISTER", "sip:cpm@example.com", fields, body, to_uri=CARL,
                     from_uri=f"sip:{core.address}")


def test_a_third_party_register_is_enough(server, core):
    add_user(server, "carl", PASSWORD)
    with UserAgent(server, "alice", PASSWORD) as alice:
        assert alice.message(CARL).status == 480
        device = '<sip:carl@192.0.2.1>;+g.oma.sip-im;+sip.instance="<urn:uuid:1>"'
        mixed = (f"--b\r\nContent-Type: text/plain\r\n\r\nx\r\n--b\r\nContent-Type: message/sip\r\n"
                 f"\r\n{embedded(device)}\r\n--b--\r\n")
        assert third_party(core, 600, mixed, "multipart/mixed;boundary=b").status == 200
        # By the core, to the device.
        challenge = alice.answer_to(alice.request("MESSAGE", CARL))
        value = digest(challenge.get("proxy-authenticate"), "MESSAGE", CARL, "alice", PASSWORD)
        alice.send_raw(alice.request("MESSAGE", CARL, [("Proxy-Authorization", value)]))
        got = core.take("MESSAGE")
        assert got.uri == "sip:carl@192.0.2.1"
        assert got.get("route") == core.contact
        assert alice.expect(lambda m: not m.is_request).status == 200
        assert third_party(core, 0).status == 200
        assert alice.message(CARL).status == 480


def test_without_a_body_the_user_alone_is_known(server, core):
    add_user(server, "carl", PASSWORD)
    assert third_party(core, 600).status == 200
    with UserAgent(server, "carl", PASSWORD) as carl:
        contacts = carl.register(contact="").all("contact")
        assert len(contacts) == 1 and contacts[0].startswith(f"<{CARL}>;expires=")
    message = embedded("<sip:carl@192.0.2.1>")
    assert third_party(core, 600, message, "message/sip").status == 200
    with UserAgent(server, "carl", PASSWORD) as carl:
        contacts = carl.register(contact="").all("contact")
        assert len(contacts) == 1 and contacts[0].startswith("<sip:carl@192.0.2.1>")


def reginfo(version, contacts, state="active", kind="full"):
    """CONTACTS: (state, URI, instance) each."""
    return (f'<reginfo xmlns="urn:ietf:params:xml:ns:reginfo" version="{version}" state="{kind}">'
            f'<registration aor="{CARL}" id="a" state="{state}">' + "".join(
                f'<contact id="{n}" state="{live}" event="registered" expires="600">'
                f'<uri>{uri}</uri><unknown-param name="+sip.instance">"&lt;{instance}&gt;"'
                f'</unknown-param><unknown-param name="+g.oma.sip-im"/></contact>'
                for n, (live, uri, instance) in enumerate(contacts)) + "</registration></reginfo>")


def notify(core, subscribe, cseq, body, state="active;expires=600"):
    """The notifier's half of the dialog that SUBSCRIBE began; the status it hears."""
    target = subscribe.get("contact").strip("<>")
    core.send_raw(core.request(
        "NOTIFY", target, [("Event", "reg"), ("Subscription-State", state),
                           ("Contact", core.contact), ("Content-Type", "application/reginfo+xml")],
        body, call_id=subscribe.get("call-id"), from_uri=CARL, from_tag="notifier",
        to_uri="sip:cpm@example.com", to_tag=subscribe.tag("from"), cseq=cseq))
    return core.expect(lambda m: m.method == "NOTIFY" and m.status).status


def accept(core, subscribe):
    tag = "" if subscribe.tag("to") else ";tag=notifier"
    octets = "\r\n".join(
        ["SIP/2.0 200 OK", *(f"Via: {value}" for value in subscribe.all("via")),
         f"From: {subscribe.get('from')}", f"To: {subscribe.get('to')}{tag}",
         f"Call-ID: {subscribe.get('call-id')}", f"CSeq: {subscribe.get('cseq')}",
         f"Contact: {core.contact}", f"Expires: {subscribe.get('expires')}",
         "Content-Length: 0", "", ""])
    core.send_raw(octets)


def test_the_devices_of_who_is_registered_without_a_body_are_asked_for(server, core):
    add_user(server, "carl", PASSWORD)
    assert third_party(core, 600).status == 200
    asked = core.expect(lambda m: m.is_request and m.method == "SUBSCRIBE")
    assert asked.uri == CARL and asked.get("event") == "reg"
    assert asked.get("accept") == "application/reginfo+xml"
    assert asked.get("route") == core.contact
    assert asked.get("p-asserted-identity") == "<sip:cpm@example.com>"
    assert asked.get("p-charging-vector").startswith("icid-value=")
    accept(core, asked)
    with UserAgent(server, "carl", PASSWORD) as carl:
        def known():
            return sorted(line.split(";")[0] for line in carl.register(contact="").all("contact"))

        one, two = ("active", "sip:carl@192.0.2.1", "urn:uuid:1"), \
            ("active", "sip:carl@192.0.2.2", "urn:uuid:2")
        assert notify(core, asked, 1, reginfo(0, [one, two])) == 200
        assert known() == ["<sip:carl@192.0.2.1>", "<sip:carl@192.0.2.2>"]
        contact = carl.register(contact="").get("contact")
        assert '+sip.instance="<urn:uuid:1>"' in contact and "+g.oma.sip-im" in contact
        # The same device elsewhere; and REGISTER once more does not bring the address back.
        moved = ("active", "sip:carl@192.0.2.3", "urn:uuid:2")
        assert notify(core, asked, 2, reginfo(1, [moved], kind="partial")) == 200
        assert third_party(core, 600).status == 200
        assert known() == ["<sip:carl@192.0.2.1>", "<sip:carl@192.0.2.3>"]
        # Version 2 has not come: everything is asked for once more.
        assert notify(core, asked, 3, reginfo(3, [], kind="partial")) == 200
        again = core.expect(lambda m: m.is_request and m.method == "SUBSCRIBE")
        assert again.get("call-id") == asked.get("call-id") and again.tag("to") == "notifier"
        accept(core, again)
        assert notify(core, asked, 4, reginfo(4, [one])) == 200
        assert known() == ["<sip:carl@192.0.2.1>"]
        # Nobody else tells of them, and what is no document changes nothing.
        with Server(server, "127.0.0.4") as stranger:
            assert notify(stranger, asked, 5, reginfo(5, [])) != 200
        assert notify(core, asked, 5, "<reginfo") == 200
        assert known() == ["<sip:carl@192.0.2.1>"]
        gone = reginfo(5, [("terminated", *one[1:])], state="terminated")
        assert notify(core, asked, 6, gone, "terminated;reason=noresource") == 200
        assert known() == []


def test_a_watch_ends_with_the_registration(server, core):
    add_user(server, "carl", PASSWORD)
    assert third_party(core, 600).status == 200
    asked = core.expect(lambda m: m.is_request and m.method == "SUBSCRIBE")
    accept(core, asked)
    assert notify(core, asked, 1, reginfo(0, [("active", "sip:carl@h", "urn:uuid:1")])) == 200
    assert third_party(core, 0).status == 200
    last = core.expect(lambda m: m.is_request and m.method == "SUBSCRIBE")
    assert last.get("expires") == "0" and last.get("call-id") == asked.get("call-id")


def test_identities_of_one_user_are_registered_as_one(server, core):
    add_user(server, "carl", PASSWORD, aliases=["sip:karl@example.com"])
    for to in (CARL, "sip:karl@example.com"):
        assert core.call("REGISTER", "sip:cpm@example.com",
                         [("Expires", 600), ("Contact", core.contact)], to_uri=to,
                         from_uri=f"sip:{core.address}").status == 200
    with UserAgent(server, "carl", PASSWORD) as carl:
        contacts = carl.register(contact="").all("contact")
        assert len(contacts) == 1 and contacts[0].startswith(f"<{CARL}>;expires=")


def test_nobody_else_registers_others(server):
    for host in ("127.0.0.3", "127.0.0.4"):
        with Server(server, host) as other:
            assert third_party(other, 600).status in (401, 403)


def test_the_return_route_is_kept(server, core):
    routes = f"<sip:127.0.0.1:{server.sip_port};lr>, <sip:{core.address};lr;odi=abc>"
    octets = core.request(
        "MESSAGE", CARL, [("Route", routes), ("P-Asserted-Identity", "<sip:x@elsewhere.example>"),
                          ("P-Served-User", f"<{CARL}>;sescase=term"),
                          ("P-Charging-Vector", "icid-value=1")],
        from_uri="sip:x@elsewhere.example")
    core.send_raw(octets)
    got = core.take("MESSAGE")
    assert got.get("route") == f"<sip:{core.address};lr;odi=abc>"
    assert got.uri == CARL
    for name in ("p-asserted-identity", "p-served-user", "p-charging-vector"):
        assert got.get(name), name
    assert core.expect(lambda m: not m.is_request).status == 200


def test_a_trusted_peer_is_believed_and_another_is_not(server):
    with UserAgent(server, "bob", PASSWORD) as bob:
        assert bob.register(600).status == 200
        pai = ("P-Asserted-Identity", "<sip:x@elsewhere.example>")
        for host, told in (("127.0.0.3", pai[1]), ("127.0.0.4", None)):
            with Server(server, host) as peer:
                peer.send_raw(peer.request("MESSAGE", bob.aor, [pai],
                                           from_uri="sip:x@elsewhere.example"))
                got = bob.take("MESSAGE")
                assert got.get("p-asserted-identity") == told
                assert peer.expect(lambda m: not m.is_request).status == 200
        # In a name of ours nobody speaks without a password, and no further than to us.
        with Server(server, "127.0.0.4") as peer:
            answer = peer.answer_to(peer.request("MESSAGE", bob.aor, [pai], from_uri="sip:alice@example.com"))
            assert answer.status == 407
            answer = peer.answer_to(peer.request("MESSAGE", "sip:y@third.example",
                                                 from_uri="sip:x@elsewhere.example"))
            assert answer.status == 403
