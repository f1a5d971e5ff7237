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
    daemon = make_daemon().with_sip(peers=[
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
