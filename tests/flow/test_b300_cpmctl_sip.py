# SPDX-License-Identifier: Apache-2.0
"""What operators see of SIP: REST below /v1/sip and cpmctl sip.

    phone                  cpmd                  operator
      | REGISTER            |                       |
      |-------------------->|  sip registrations    |
      |                     |<----------------------|
      |                     |  sip drop alice       |
      |                     |<----------------------|
      | MESSAGE to alice    |                       |
      |-------------------->|                       |
      |             480     |                       |
      |<--------------------|                       |
"""

import json
import socket
import subprocess
from urllib.parse import quote

import pytest

from harness import BUILD, PATIENCE_S, add_user, wait_for
from rest import rest
from sipua import UserAgent, digest

CTL = BUILD / "cpmctl"
PASSWORD = "correct horse"
ALICE, TEL = "sip:alice@example.com", "tel:+4930123"
PEERS = [
    {"name": "core", "networks": "192.0.2.0/24", "trusted": True, "core": True,
     "uri": "sip:192.0.2.1;transport=tcp", "domains": "core.example"},
    {"name": "other", "networks": "198.51.100.0/24"},
]


@pytest.fixture
def server(make_daemon):
    daemon = make_daemon({"cpm": {"deferred-max-messages": 0}}).with_sip(peers=PEERS).start()
    add_user(daemon, "alice", PASSWORD, aliases=[TEL])
    add_user(daemon, "bob", PASSWORD)
    return daemon


@pytest.fixture
def phone(server):
    with UserAgent(server, "alice", PASSWORD) as ua:
        yield ua


def ctl(daemon, *args, status=0):
    """What cpmctl says: on standard output when it is done, else on standard error."""
    done = subprocess.run(
        [CTL, "--socket", daemon.socket, *args], capture_output=True, timeout=PATIENCE_S)
    assert done.returncode == status, (done.returncode, done.stdout, done.stderr)
    return (done.stdout if status == 0 else done.stderr).decode()


def ctl_json(daemon, *args):
    return json.loads(ctl(daemon, "--json", *args))


def uri_of(ua):
    return ua.contact.strip("<>")


# ---- registrations ----


def test_a_registration_is_seen(server, phone):
    assert ctl(server, "sip", "registrations") == ""
    assert "not registered" in ctl(server, "sip", "registrations", "alice", status=1)
    assert phone.register(600, headers=[("User-Agent", "\u00fc phone")]).status == 200

    line = ctl(server, "sip", "registrations").split()
    assert line[:2] == ["UDP", phone.address] and line[-2:] == [ALICE, uri_of(phone)]

    user = ctl_json(server, "sip", "registrations", "alice")
    assert (user["user"], user["identities"]) == (ALICE, [ALICE, TEL])
    (contact,) = user["contacts"]
    assert contact["uri"] == uri_of(phone) and contact["source"] == phone.address
    assert 540 <= contact["expires_s"] <= 600
    assert (contact["transport"], contact["user_agent"]) == ("UDP", "\u00fc phone")
    assert "connected" not in contact
    assert ctl_json(server, "sip", "registrations", "tel:+49-30-123")["user"] == ALICE

    shown = ctl(server, "sip", "registrations", "alice")
    assert uri_of(phone) in shown and TEL in shown
    assert phone.register(0).status == 200
    assert ctl_json(server, "sip", "registrations") == {"loaded": True, "users": []}


def test_a_connection_is_seen(server):
    with UserAgent(server, "alice", PASSWORD, transport="tcp") as phone:
        phone.register(600)
        (contact,) = ctl_json(server, "sip", "registrations", "alice")["contacts"]
        assert (contact["transport"], contact["connected"]) == ("TCP", True)
        assert "not connected" not in ctl(server, "sip", "registrations", "alice")
    wait_for(lambda: "not connected" in ctl(server, "sip", "registrations", "alice"), "the end")


def test_pages_hold_everybody_once(server):
    names = [f"user{i}" for i in range(7)]
    for name in names:
        add_user(server, name, PASSWORD)
        with UserAgent(server, name, PASSWORD) as ua:
            assert ua.register(600).status == 200
    seen, after = [], ""
    while after is not None:
        page = rest(server, "GET", f"/v1/sip/registrations?max=2{after}").json()
        assert len(page["users"]) <= 2
        seen += [user["user"] for user in page["users"]]
        after = "&after=" + page["next"] if "next" in page else None
    assert sorted(seen) == [f"sip:{name}@example.com" for name in names]
    everybody = ctl_json(server, "sip", "registrations")["users"]
    assert sorted(user["user"] for user in everybody) == sorted(seen)


@pytest.mark.parametrize("after", ["x", "256.sip:a", ".", "-1.x", "1", "0." + "a" * 300])
def test_a_page_that_was_never_named(server, after):
    assert rest(server, "GET", "/v1/sip/registrations?after=" + after).fault() == "range"


def test_drop(server, phone):
    phone.register(600)
    assert ctl(server, "sip", "drop", TEL) == f"dropped {ALICE}, 1 contact\n"
    assert "not registered" in ctl(server, "sip", "drop", "alice", status=1)
    assert ctl(server, "sip", "registrations") == ""
    with UserAgent(server, "bob", PASSWORD) as bob:
        assert bob.message(ALICE).status == 480
    assert phone.register(600).status == 200
    assert len(ctl_json(server, "sip", "registrations", "alice")["contacts"]) == 1


def test_a_drop_outlives_a_restart(server, phone):
    phone.register(600)
    ctl(server, "sip", "drop", "alice")
    server.stop()
    server.start()
    wait_for(lambda: ctl_json(server, "sip", "registrations")["loaded"], "registrations")
    assert ctl(server, "sip", "registrations") == ""


# ---- peers, transactions ----


def test_peers(server):
    core, other = ctl_json(server, "sip", "peers")["peers"]
    assert core == {"name": "core", "uri": "sip:192.0.2.1;transport=tcp", "trusted": True,
                    "core": True, "tls": False, "requests": 0, "refused": 0}
    assert (other["name"], other["trusted"], "uri" in other) == ("other", False, False)
    assert len(ctl(server, "sip", "peers").splitlines()) == 3


def test_transactions(server, phone):
    def seen(what):
        return sum(one[what] for one in ctl_json(server, "sip", "transactions")["workers"])

    assert seen("finished") == seen("server") == 0
    phone.register(600)
    assert seen("finished") >= 1 and seen("server") == 0
    request = phone.request("OPTIONS", "sip:example.com", branch="z9hG4bKtwice")
    phone.answer_to(request)
    phone.answer_to(request)
    assert seen("retransmitted") >= 1
    head, *rows = ctl(server, "sip", "transactions").splitlines()
    assert head.split()[:2] == ["worker", "server"]
    assert [row.split()[0] for row in rows] == [str(i) for i in range(len(rows))]


# ---- trace ----


def test_trace_of_one_user(server, phone):
    assert ctl(server, "sip", "trace") == "nobody is traced\n"
    phone.register(600)
    assert "call_id=" not in server.log()
    assert ctl(server, "sip", "trace", ALICE, "on") == "alice@example.com\n"
    with UserAgent(server, "bob", PASSWORD) as bob:
        bob.register(600, call_id="of-bob")
    phone.register(600, call_id="of-alice")
    wait_for(lambda: "of-alice" in server.log(), "the trace")
    assert "of-bob" not in server.log()
    assert "Authorization" not in server.log() and "response=" not in server.log()

    assert ctl(server, "sip", "trace", "alice@example.com", "off") == "nobody is traced\n"
    phone.register(600, call_id="untraced")
    assert "untraced" not in server.log()
    assert "not traced" in ctl(server, "sip", "trace", "alice@example.com", "off", status=1)


def test_a_user_is_traced_and_nobody_whose_name_holds_theirs(server, phone):
    add_user(server, "malice", PASSWORD)
    assert ctl(server, "sip", "trace", "sip:%61lice@EXAMPLE.com", "on") == "alice@example.com\n"
    with UserAgent(server, "malice", PASSWORD) as malice:
        malice.register(600, call_id="of-malice")
    phone.register(600, call_id="of-alice")
    wait_for(lambda: "of-alice" in server.log(), "the trace")
    assert "of-malice" not in server.log()
    assert ctl(server, "sip", "trace", "alice@example.com", "off") == "nobody is traced\n"
    phone.register(0)
    # A number, in whatever URI and spelling.
    assert ctl(server, "sip", "trace", "+49-30-123", "on") == "+4930123\n"
    phone.message("tel:+49301234", call_id="longer")
    for call_id, uri in (("as-tel", "tel:+49-30-123"), ("as-sip", "sip:+4930123@example.com")):
        phone.message(uri, call_id=call_id)
        wait_for(lambda: call_id in server.log(), "the trace")
    assert "longer" not in server.log()


def hep_chunks(packet):
    """A HEPv3 packet's chunks of the generic vendor, by type."""
    assert packet[:4] == b"HEP3" and int.from_bytes(packet[4:6], "big") == len(packet)
    chunks, at = {}, 6
    while at < len(packet):
        size = int.from_bytes(packet[at + 4:at + 6], "big")
        chunks[int.from_bytes(packet[at + 2:at + 4], "big")] = packet[at + 6:at + size]
        at += size
    return chunks


@pytest.mark.parametrize("transport", ["udp", "tcp"])
def test_a_message_is_followed_from_socket_to_socket_under_one_id(make_daemon, transport):
    """The same in the log and, as correlation id, in what the capture server gets."""
    with socket.socket(type=socket.SOCK_DGRAM) as homer:
        homer.bind(("127.0.0.1", 0))
        homer.settimeout(PATIENCE_S)
        server = make_daemon().with_sip(**{
            "capture-address": "127.0.0.1", "capture-port": homer.getsockname()[1]}).start()
        for name in ("alice", "bob"):
            add_user(server, name, PASSWORD)
        with UserAgent(server, "alice", PASSWORD, transport=transport) as alice, \
                UserAgent(server, "bob", PASSWORD) as bob:
            assert bob.register(600).status == 200
            ctl(server, "sip", "trace", "bob@example.com", "on")
            asked = alice.answer_to(alice.request("MESSAGE", bob.aor, cseq=1, call_id="followed"))
            value = digest(asked.get("proxy-authenticate"), "MESSAGE", bob.aor, "alice", PASSWORD)
            octets = alice.request("MESSAGE", bob.aor, [("Proxy-Authorization", value)], b"x",
                                   cseq=2, call_id="followed")
            alice.send_raw(octets)
            bob.take("MESSAGE")
            assert alice.expect(lambda m: not m.is_request and m.status >= 200).status == 200
            if transport == "udp":  # once more: it is the same request still
                alice.send_raw(octets)
                assert alice.expect(lambda m: not m.is_request).status == 200
        seen = []
        while len(seen) < (6 if transport == "udp" else 4):
            chunks = hep_chunks(homer.recv(65536))
            if b"Call-ID: followed" in chunks[15] and b"CSeq: 2 MESSAGE" in chunks[15]:
                seen.append(chunks)
        ids = {chunks.get(17) for chunks in seen}
        assert len(ids) == 1 and None not in ids
        first_lines = [chunks[15].split(b" ")[0] for chunks in seen]
        assert sorted(first_lines[:4]) == [b"MESSAGE"] * 2 + [b"SIP/2.0"] * 2
        trace_id = ids.pop().decode()

        def traced():
            return [line for line in server.log().splitlines()
                    if '"2 MESSAGE"' in line and "call_id=followed" in line]

        wait_for(lambda: len(traced()) >= 4, "the trace")
        assert all(f"id={trace_id}" in line for line in traced()), traced()


def test_so_many_are_traced_and_no_more(server):
    for i in range(16):
        assert rest(server, "PUT", f"/v1/sip/trace/user{i}").status == 200
    assert rest(server, "PUT", "/v1/sip/trace/user3").status == 200  # is already
    assert rest(server, "PUT", "/v1/sip/trace/user16").fault() == "conflict"
    assert len(ctl(server, "sip", "trace").splitlines()) == 16


@pytest.mark.parametrize("user", ["sip:", "x" * 300])
def test_nobody_can_be_named_so(server, user):
    assert rest(server, "PUT", "/v1/sip/trace/" + quote(user, safe="")).fault() == "range"


# ---- what goes wrong ----


@pytest.mark.parametrize("path", ["registrations", "registrations/alice", "peers", "transactions",
                                  "trace"])
def test_a_server_without_sip_says_so(make_daemon, path):
    daemon = make_daemon().start()
    answer = rest(daemon, "GET", "/v1/sip/" + path)
    assert answer.status == 404
    assert "no SIP listeners" in answer.json()["message"]
    assert "sip.listen" in ctl(daemon, "sip", *path.split("/"), status=1)


@pytest.mark.parametrize("args", [
    [], ["x"], ["drop"], ["drop", ""], ["peers", "x"], ["trace", "alice"],
    ["trace", "alice", "maybe"], ["registrations", "a", "b"],
])
def test_wrong_usage(server, args):
    assert "cpmctl" in ctl(server, "sip", *args, status=2)
