# SPDX-License-Identifier: Apache-2.0
"""Who may send what in whose name: robustness tests 12, 13, 15, 16, 20, 22."""

import re
import socket

import pytest

from harness import add_user
from sipua import UserAgent, digest

PASSWORD = "correct horse"
ALICE, BOB = "sip:alice@example.com", "sip:bob@example.com"


@pytest.fixture
def server(make_daemon):
    daemon = make_daemon().with_sip().start()
    for name in ("alice", "bob"):
        add_user(daemon, name, PASSWORD)
    return daemon


@pytest.fixture
def alice(server):
    with UserAgent(server, "alice", PASSWORD) as ua:
        yield ua


@pytest.fixture
def bob(server):
    with UserAgent(server, "bob", PASSWORD) as ua:
        assert ua.register(600).status == 200
        yield ua


@pytest.mark.parametrize("transport", ["udp", "tcp"])
def test_nothing_without_credentials(server, bob, transport):
    with UserAgent(server, "alice", transport=transport) as stranger:
        for method in ("MESSAGE", "OPTIONS", "INFO", "REFER", "PUBLISH", "SUBSCRIBE", "NOTIFY"):
            answer = stranger.answer_to(stranger.request(method, BOB))
            assert answer.status in (401, 407, 489), method
        answer = stranger.answer_to(stranger.request(
            "REGISTER", "sip:example.com", [("Contact", stranger.contact)], to_uri=BOB))
        assert answer.status == 401
    assert bob.receive(0.3) is None
    assert len(bob.register(contact="").all("contact")) == 1


def test_nobody_speaks_in_anothers_name(alice, bob):
    before = bob.register(contact="").all("contact")
    ppi = "P-Preferred-Identity"
    assert alice.message(BOB, from_uri=BOB).status == 403
    assert alice.message(BOB, from_uri="sip:alice@elsewhere.example").status == 403
    assert alice.message(BOB, headers=[(ppi, f"<{BOB}>")]).status == 403
    assert alice.message(BOB, headers=[(ppi, f"<{ALICE}>"), (ppi, f"<{BOB}>")]).status == 403
    for to, origin, target in ((BOB, ALICE, "sip:example.com"), (ALICE, BOB, "sip:example.com"),
                               (BOB, BOB, "sip:example.com"), (ALICE, ALICE, BOB)):
        answer = alice.call("REGISTER", target, [("Contact", alice.contact)], to_uri=to,
                            from_uri=origin)
        assert answer.status == 403, (to, origin, target)
    after = bob.register(contact="").all("contact")
    assert [v.split(";")[0] for v in before] == [v.split(";")[0] for v in after]
    assert bob.receive(0.3) is None


FORGED = [
    f"P-Asserted-Identity: <{BOB}>",
    f"P-Asserted-Identity : <{BOB}>",
    f"P-Asserted-Identity\t: <{BOB}>",
    f"p-asserted-identity: <{BOB}>",
    f"P-ASSERTED-IDENTITY: <{BOB}>",
    f"P-Asserted-Identity:\r\n <{BOB}>",
    f"P-Asserted-Identity: <{BOB}>\r\nP-Asserted-Identity: <{BOB}>",
    f"P-Asserted-Identity: <{ALICE}>, <{BOB}>",
    f"P-Asserted-Identity:<{BOB}>",
    f"X: 1\rP-Asserted-Identity: <{BOB}>",
    f"X: 1\nP-Asserted-Identity: <{BOB}>",
    f"X: 1\vP-Asserted-Identity: <{BOB}>",
]


@pytest.mark.parametrize("line", FORGED)
def test_an_asserted_identity_of_a_stranger_is_never_believed(alice, bob, line):
    # As if it were credentials.
    octets = alice.request("MESSAGE", BOB).replace(b"\r\nMax-Forwards", b"\r\n" + line.encode() + b"\r\nMax-Forwards")
    alice.send_raw(octets)
    answer = alice.receive(1)
    assert answer is None or answer.status in (400, 407)
    if answer is None or answer.status == 400:
        return
    # Beside credentials: what reaches bob is what we know.
    value = digest(answer.get("proxy-authenticate"), "MESSAGE", BOB, "alice", PASSWORD)
    octets = alice.request("MESSAGE", BOB, [("Proxy-Authorization", value)]).replace(
        b"\r\nMax-Forwards", b"\r\n" + line.encode() + b"\r\nMax-Forwards")
    alice.send_raw(octets)
    got = bob.take("MESSAGE")
    assert got.all("p-asserted-identity") == [f"<{ALICE}>"]


def test_privacy(alice, bob):
    def passed(headers, **options):
        answer = alice.answer_to(alice.request("MESSAGE", BOB, **options))
        value = digest(answer.get("proxy-authenticate"), "MESSAGE", BOB, "alice", PASSWORD)
        alice.send_raw(alice.request(
            "MESSAGE", BOB, headers + [("Proxy-Authorization", value)], **options))
        return bob.take("MESSAGE")

    assert passed([("Privacy", "id")]).get("p-asserted-identity") is None
    anonymous = "sip:anonymous@anonymous.invalid"
    got = passed([], from_uri=anonymous)
    assert got.get("p-asserted-identity") is None
    assert not re.search(rb"(?i)alice", got.octets.split(b"\r\n\r\n")[0].replace(b"Via", b""))
    assert alice.message(BOB, headers=[("Privacy", "header;critical")]).status == 500


def test_a_response_serves_once(alice, bob):
    asked = alice.answer_to(alice.request("REGISTER", "sip:example.com", to_uri=ALICE))
    challenge = asked.get("www-authenticate")

    def tried(nc, method="REGISTER", uri="sip:example.com", value=None):
        value = value or digest(challenge, method, uri, "alice", PASSWORD, nc=nc)
        return alice.answer_to(alice.request(
            "REGISTER", "sip:example.com", [("Authorization", value)], to_uri=ALICE))

    assert tried(1).status == 200
    again = tried(1)
    assert again.status == 401 and "stale=true" not in again.get("www-authenticate").lower()
    assert tried(3).status == 200
    assert tried(2).status == 200, "overtaken, within the window"
    assert tried(2).status == 401
    assert tried(4, method="INVITE").status == 401, "of another method"
    assert tried(5, uri="sip:elsewhere.example").status in (400, 401), "of another target"
    assert tried(6, value=digest(challenge, "REGISTER", "sip:example.com", "alice", "wrong")).status == 401


def head_of(answer):
    """What the answer says, without what differs each time."""
    text = repr(answer)
    text = re.sub(r'nonce="[^"]*"', "nonce", text)
    text = re.sub(r"127\.0\.0\.1:\d+|rport=\d+", "", text)
    text = re.sub(r"branch=[^;\r]*|tag=[^;\r]*|Call-ID: .*|CSeq: \d+", "", text)
    return re.sub(r"(bob|zoe)", "who", text)


@pytest.mark.parametrize("method", ["REGISTER", "OPTIONS", "MESSAGE"])
def test_whether_a_user_exists_is_not_told(server, method):
    seen = []
    for name in ("bob", "zoe"):
        with UserAgent(server, name, "wrong password") as stranger:
            stranger.sock.close()
            stranger.sock = socket.socket(type=socket.SOCK_DGRAM)
            stranger.sock.bind(("127.0.0.1", 0))
            target = "sip:example.com" if method == "REGISTER" else f"sip:{name}@example.com"
            first = stranger.answer_to(stranger.request(method, target, to_uri=stranger.aor))
            last = stranger.call(method, target, to_uri=stranger.aor)
            seen.append([(m.status, len(m.octets), head_of(m)) for m in (first, last)])
    assert [(s, h) for s, _, h in seen[0]] == [(s, h) for s, _, h in seen[1]]


@pytest.mark.parametrize("method", ["REGISTER", "MESSAGE", "OPTIONS", "INVITE"])
def test_little_is_sent_to_who_may_be_forged(server, method):
    """At most twice the octets of a request come back, once, however short it is."""
    with UserAgent(server, "a") as stranger:
        for padding in (0, 10, 30, 60, 100, 300):
            octets = "\r\n".join([
                f"{method} sip:b@example.com SIP/2.0",
                f"v: SIP/2.0/UDP {stranger.address};rport;branch=z9hG4bK{padding}",
                "f: <sip:a@example.com>;tag=1", "t: <sip:b@example.com>", f"i: {padding}",
                f"CSeq: 1 {method}", f"x: {'x' * padding}", "", ""]).encode()
            stranger.send_raw(octets)
            answer = stranger.receive(0.4)
            assert answer is not None or padding < 100
            if answer:
                assert answer.status in (401, 407)
                assert len(answer.octets) <= 2 * len(octets)
        assert stranger.receive(0.4) is None
