# SPDX-License-Identifier: Apache-2.0
"""MESSAGE from one user to another through the embedded core.

    alice          cpmd          bob's devices
      | MESSAGE     |             |  |
      |------------>|   MESSAGE   |  |
      |             |------------>|  |
      |             |--------------->|
      |             |     200     |  |
      |     200     |<------------|  |
      |<------------|                |
"""

import re
import socket
import threading
import time

import pytest

from harness import PATIENCE_S, add_user, free_sip_port
from httpd import wait_until
from sipua import UserAgent, digest

PASSWORD = "correct horse"
BOB = "sip:bob@example.com"
TEL = "tel:+4930123"


@pytest.fixture
def server(make_daemon):
    daemon = make_daemon({"cpm": {"deferred-max-messages": 0}}).with_sip()
    daemon.configure({"cpm": {"enabled": False}})  # the relay alone
    daemon.start()
    for name, aliases in (("alice", []), ("bob", [TEL])):
        add_user(daemon, name, PASSWORD, aliases=aliases)
    return daemon


@pytest.fixture
def alice(server):
    with UserAgent(server, "alice", PASSWORD) as ua:
        yield ua


class Device(UserAgent):
    """Registered, and answering in the background what it is asked with STATUS (None: nothing)."""

    def __init__(self, server, user, status=200, q=None, params="", silent=False, **options):
        super().__init__(server, user, PASSWORD, **options)
        value = self.contact + params + (f";q={q}" if q else "")
        assert self.register(600, contact=value).status == 200
        self.got, self.status, self.silent, self.ended = [], status, silent, False
        self.thread = threading.Thread(target=self.serve, daemon=True)
        self.thread.start()

    def serve(self):
        while not self.ended:
            request = self.receive(0.2)
            if request is None or not request.is_request:
                continue
            self.got.append(request)
            if not self.silent:
                self.reply(request, self.status, "Because")

    def wait_for(self, count=1):
        deadline = time.monotonic() + PATIENCE_S
        while len(self.got) < count and time.monotonic() < deadline:
            time.sleep(0.01)
        assert len(self.got) >= count
        return self.got

    def close(self):
        self.ended = True
        self.thread.join()
        super().close()


@pytest.mark.parametrize("to", ["udp", "tcp"])
@pytest.mark.parametrize("by", ["udp", "tcp"])
def test_a_message_and_its_answer(server, by, to):
    with UserAgent(server, "alice", PASSWORD, transport=by) as alice, \
            Device(server, "bob", transport=to) as bob:
        answer = alice.message(BOB, "Grüße", headers=[("X-Own", "1"), ("Max-Forwards", "9")][:1])
        assert answer.status == 200
        assert len(answer.all("via")) == 1
        got = bob.wait_for()[0]
        assert got.body.decode() == "Grüße"
        assert got.uri == bob.contact.strip("<>")
        assert got.get("max-forwards") == "69"
        assert got.get("x-own") == "1"
        assert got.get("p-asserted-identity") == "<sip:alice@example.com>"
        assert got.get("proxy-authorization") is None
        assert len(got.all("via")) == 2
        assert got.get("record-route") is None


def test_an_answer_finds_another_way_when_its_connection_has_ended(server):
    """RFC 3261 s18.2.2: to the source's address at the port of the Via."""
    with UserAgent(server, "bob", PASSWORD) as bob, \
            socket.create_server(("127.0.0.1", 0)) as listener, \
            UserAgent(server, "alice", PASSWORD, transport="tcp") as alice:
        assert bob.register(600).status == 200
        alice.address = "127.0.0.1:%d" % listener.getsockname()[1]
        answer = alice.answer_to(alice.request("MESSAGE", BOB, cseq=1, call_id="c", from_tag="f"))
        value = digest(answer.get("proxy-authenticate"), "MESSAGE", BOB, "alice", PASSWORD)
        alice.send_raw(alice.request("MESSAGE", BOB, [("Proxy-Authorization", value)], b"x", cseq=2,
                                     call_id="c", from_tag="f"))
        got = bob.expect(lambda m: m.is_request)
        alice.close()
        # The server has to learn of the end before it has something to send.
        gone = 'opencpm_sip_connections{transport="TCP"} 0\n'
        wait_until(lambda: gone in server.get("/metrics").text)
        bob.reply(got)
        listener.settimeout(PATIENCE_S)
        stream, _ = listener.accept()
        with stream:
            stream.settimeout(PATIENCE_S)
            octets = b""
            while b"\r\n\r\n" not in octets:
                octets += stream.recv(65536)
        assert octets.startswith(b"SIP/2.0 200 ") and b"CSeq: 2 MESSAGE" in octets


def test_every_spelling_reaches_the_user(server, alice):
    with Device(server, "bob") as bob:
        for n, to in enumerate(("sip:bob@EXAMPLE.com", "sip:%62ob@example.com", TEL,
                                "sip:+49-30-123@example.com;user=phone", "sips:bob@example.com")):
            assert alice.message(to).status == 200, to
            bob.wait_for(n + 1)


def test_unknown_and_away(alice):
    assert alice.message("sip:nobody@example.com").status == 404
    assert alice.message("tel:+49999").status == 404
    assert alice.message(BOB).status == 480


@pytest.mark.parametrize("status", [486, 603, 415])
def test_a_refusal_comes_back(server, alice, status):
    with Device(server, "bob", status):
        assert alice.message(BOB).status == status


def test_every_device_gets_it_and_the_first_success_answers(server, alice):
    with Device(server, "bob", 200) as one, Device(server, "bob", 486) as two, \
            Device(server, "bob", 200, transport="tcp") as three:
        assert alice.message(BOB, "all").status == 200
        for device in (one, two, three):
            assert device.wait_for()[0].body == b"all"
        assert len({device.got[0].branch() for device in (one, two, three)}) == 3


def test_the_best_refusal_answers(server, alice):
    with Device(server, "bob", 480), Device(server, "bob", 486):
        assert alice.message(BOB).status == 486
    with Device(server, "alice", 486) as one, Device(server, "alice", 603):
        assert alice.message("sip:alice@example.com").status == 603
        one.wait_for()


def test_q_orders(server, alice):
    with Device(server, "bob", 486, q="0.9") as first, Device(server, "bob", 200, q="0.5") as second, \
            Device(server, "bob", 200, q="0.1") as third:
        assert alice.message(BOB).status == 200
        first.wait_for()
        second.wait_for()
        assert not third.got


def test_flows_of_one_device_are_one_device(server, alice):
    flow = ';+sip.instance="<urn:uuid:1>";reg-id=%d'
    supported = [("Supported", "outbound")]
    with Device(server, "bob", params=flow % 1) as one, Device(server, "bob", params=flow % 2) as two:
        for n, device in enumerate((one, two), 1):
            assert supported and device
        assert alice.message(BOB).status == 200
        two.wait_for()
        assert not one.got


def test_a_gruu_reaches_the_one_device(server, alice):
    with Device(server, "bob", params=';+sip.instance="<urn:uuid:1>"') as one, \
            Device(server, "bob", params=';+sip.instance="<urn:uuid:2>"') as two:
        assert alice.message(BOB + ";gr=urn:uuid:1").status == 200
        one.wait_for()
        assert not two.got
        assert alice.message(BOB + ";gr=urn:uuid:3").status == 480


def temp_gruu(device, call_id):
    answer = device.register(600, contact=device.contact + ';+sip.instance="<urn:uuid:1>"',
                             headers=[("Supported", "gruu")], call_id=call_id)
    assert answer.status == 200
    own = [line for line in answer.all("contact") if line.startswith(device.contact)]
    return re.search('temp-gruu="([^"]+)"', own[0]).group(1)


def test_a_temporary_gruu_reaches_the_device_until_it_is_void(make_daemon):
    daemon = make_daemon({"cpm": {"deferred-max-messages": 0}}).with_sip().start()
    for name in ("alice", "bob"):
        add_user(daemon, name, PASSWORD)
    with UserAgent(daemon, "alice", PASSWORD) as alice, \
            UserAgent(daemon, "bob", PASSWORD) as bob, \
            Device(daemon, "bob", 486, params=';+sip.instance="<urn:uuid:2>"') as other:
        def reaches(uri):
            # The answer first: who registers waits for none.
            sender = threading.Thread(target=lambda: answers.append(alice.message(uri).status))
            answers = []
            sender.start()
            got = bob.receive(5)
            if got:
                bob.reply(got)
            sender.join()
            return answers[0]

        first = temp_gruu(bob, "one")
        assert "bob" not in first and first.endswith("@example.com;gr")
        second = temp_gruu(bob, "one")
        assert first != second
        assert daemon.stop() == 0
        daemon.start()
        assert reaches(first) == reaches(second) == 200
        assert not other.got
        third = temp_gruu(bob, "two")
        assert alice.message(first).status == alice.message(second).status == 404
        assert reaches(third) == 200
        assert alice.message(third.replace("tgruu.", "tgruu.A")).status == 404
        assert bob.register(0, contact=bob.contact).status == 200
        assert alice.message(third).status == 404


def test_a_device_whose_connection_ended_is_away(server, alice):
    ws_like = Device(server, "bob", transport="tcp",
                     params=';+sip.instance="<urn:uuid:1>";reg-id=1')
    ws_like.close()
    assert alice.message(BOB).status == 480


def test_hops(server, alice):
    with Device(server, "bob") as bob:
        octets = alice.request("MESSAGE", BOB).replace(b"Max-Forwards: 70", b"Max-Forwards: 0")
        assert alice.answer_to(octets).status == 483
        assert not bob.got


def test_our_route_goes_and_others_stay(server, alice):
    with Device(server, "bob") as bob:
        ours = ("Route", f"<sip:127.0.0.1:{server.sip_port};lr>")
        assert alice.message(BOB, headers=[ours]).status == 200
        assert bob.wait_for()[0].get("route") is None
        theirs = ("Route", f"<sip:{bob.address};lr>")
        assert alice.message("sip:x@elsewhere.example", headers=[ours, theirs]).status == 200
        got = bob.wait_for(2)[1]
        assert got.get("route") == theirs[1] and got.uri == "sip:x@elsewhere.example"


def test_unknown_schemes_and_extensions(alice):
    assert alice.message("mailto:bob@example.com").status == 416
    answer = alice.message(BOB, headers=[("Proxy-Require", "magic")])
    assert answer.status == 420 and answer.get("unsupported") == "magic"


def test_no_breadth_is_left(server, alice):
    with Device(server, "bob"):
        assert alice.message(BOB, headers=[("Max-Breadth", "0")]).status == 440


def test_other_methods_pass_too(server, alice):
    with Device(server, "bob") as bob:
        assert alice.call("OPTIONS", BOB).status == 200
        assert alice.call("INFO", BOB).status == 200
        assert [request.method for request in bob.wait_for(2)] == ["OPTIONS", "INFO"]


def test_a_contact_that_leads_back_here_ends(server, alice):
    """Bob's contacts are alice, hers are bob: robustness test 23."""
    with UserAgent(server, "bob", PASSWORD) as bob:
        for ua, other in ((alice, "bob"), (bob, "alice")):
            value = ", ".join(
                f"<sip:{other}@127.0.0.1:{server.sip_port};n={n}>" for n in range(10))
            assert ua.register(600, contact=value).status == 200
        answer = alice.message(BOB)
        assert answer.status in (404, 407, 480, 482, 483, 440, 504)
    branches = server.metric("opencpm_sip_relayed_total")
    assert branches <= 71


class Caught(UserAgent):
    """Registered over UDP, taking connections at the same address when LISTENS."""

    def __init__(self, server, user, listens, params=""):
        super().__init__(server, user, PASSWORD, port=free_sip_port())  # TCP has it free, too
        self.contact = f"<sip:{user}@{self.address}{params}>"
        self.listener = socket.create_server(self.sock.getsockname()) if listens else None
        assert self.register(600).status == 200

    def close(self):
        if self.listener:
            self.listener.close()
        super().close()


def send_large(server, alice):
    """A message beyond 1300 octets from alice to bob, authenticated; it is not waited for."""
    answer = alice.answer_to(alice.request("MESSAGE", BOB))
    value = digest(answer.get("proxy-authenticate"), "MESSAGE", BOB, "alice", PASSWORD)
    alice.send_raw(alice.request("MESSAGE", BOB, [("Proxy-Authorization", value),
                                                  ("Content-Type", "text/plain")], "x" * 1400))


def test_what_is_too_large_for_a_datagram_goes_over_tcp(server, alice):
    with Caught(server, "bob", listens=True) as bob:
        send_large(server, alice)
        bob.listener.settimeout(PATIENCE_S)
        bob.sock.close()
        bob.sock, bob.transport = bob.listener.accept()[0], "tcp"
        got = bob.take("MESSAGE")
        assert got.get("via").startswith("SIP/2.0/TCP ") and len(got.body) == 1400
        assert alice.expect(lambda m: not m.is_request).status == 200


@pytest.mark.parametrize("listens, params", [(False, ""), (True, ";transport=udp")])
def test_it_goes_by_udp_where_nobody_listens_or_udp_is_asked_for(server, alice, listens, params):
    with Caught(server, "bob", listens, params) as bob:
        send_large(server, alice)
        got = bob.take("MESSAGE")
        assert got.get("via").startswith("SIP/2.0/UDP ") and len(got.body) == 1400
        assert alice.expect(lambda m: not m.is_request).status == 200


MSG = '+g.3gpp.icsi-ref="urn%3Aurn-7%3A3gpp-service.ims.icsi.oma.cpm.msg"'
SESSION = '+g.3gpp.icsi-ref="urn%3Aurn-7%3A3gpp-service.ims.icsi.oma.cpm.session"'


def forget(server):
    with UserAgent(server, "bob", PASSWORD) as bob:
        assert bob.register(0, contact="*").status == 200


def test_only_the_devices_that_the_caller_wants(server, alice):
    with Device(server, "bob", params=";" + MSG) as one, \
            Device(server, "bob", params=";" + SESSION) as two, Device(server, "bob") as immune:
        wanted = [("Accept-Contact", f"*;{MSG};require;explicit")]
        assert alice.message(BOB, headers=wanted).status == 200
        immune.wait_for()
        assert len(one.wait_for()) == 1 and one.got[0].all("accept-contact")
        unwanted = [("Reject-Contact", f"*;{MSG}")]
        assert alice.message(BOB, headers=unwanted).status == 200
        assert len(two.wait_for()) == 1
        immune.wait_for(2)
        assert len(one.got) == 1


def test_nobody_that_the_caller_wants(server, alice):
    with Device(server, "bob", params=";" + SESSION) as bob:
        wanted = [("Accept-Contact", f"*;{MSG};require;explicit")]
        assert alice.message(BOB, headers=wanted).status == 480
        # What only its method implies drops nobody.
        assert alice.message(BOB).status == 200 and len(bob.got) == 1
    forget(server)
    with Device(server, "bob", params=';methods="INVITE"'):
        assert alice.message(BOB).status == 200


def test_one_after_another_and_one_alone(server, alice):
    first = [("Accept-Contact", f"*;{MSG};explicit")]
    with Device(server, "bob", 486, params=";" + MSG) as one, \
            Device(server, "bob", 200, params=";" + SESSION) as two:
        assert alice.message(
            BOB, headers=first + [("Request-Disposition", "no-fork")]).status == 486
        assert len(one.got) == 1 and not two.got
        assert alice.message(
            BOB, headers=first + [("Request-Disposition", "sequential")]).status == 200
        assert len(one.got) == 2 and len(two.got) == 1
    forget(server)
    with Device(server, "bob", 200, params=";" + MSG) as one, \
            Device(server, "bob", 200, params=";" + SESSION) as two:
        assert alice.message(
            BOB, headers=first + [("Request-Disposition", "sequential")]).status == 200
        assert len(one.got) == 1 and not two.got


def test_all_at_once_whatever_their_q(server, alice):
    with Device(server, "bob", 200, q="0.1") as low, \
            Device(server, "bob", q="0.9", silent=True) as high:
        assert alice.message(BOB, headers=[("Request-Disposition", "parallel")]).status == 200
        assert low.wait_for() and high.wait_for()


@pytest.mark.parametrize("name, value", [
    ("Request-Disposition", "fork, no-fork"), ("Accept-Contact", "sip:a@b"),
])
def test_preferences_that_are_none(server, alice, name, value):
    with Device(server, "bob"):
        assert alice.message(BOB, headers=[(name, value)]).status == 400
