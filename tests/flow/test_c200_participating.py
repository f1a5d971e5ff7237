# SPDX-License-Identifier: Apache-2.0
"""Messages decided and delivered: rules over XCAP, devices with their own outcomes, ids, reports.

    alice           cpmd                 bob's devices
      | MESSAGE       |  rules of both,       |  |
      |-------------->|  operator's           |  |
      |               | MESSAGE               |  |
      |               |---------------------->|  |
      |               |------------------------->|
      |           200 |                   200 |  |
      |<--------------|<----------------------|  |
"""

import gzip
import re
import threading

import pytest
import requests
from requests.auth import HTTPDigestAuth

from harness import PATIENCE_S, add_user
from sipua import UserAgent

PASSWORD = "correct horse"
BOB, ALICE = "sip:bob@example.com", "sip:alice@example.com"
ICSI = "urn:urn-7:3gpp-service.ims.icsi.oma.cpm."
CPM = ';+g.3gpp.icsi-ref="%s"' % (ICSI.replace(":", "%3A") + "msg")
NAMESPACES = (
    'xmlns="urn:ietf:params:xml:ns:common-policy" xmlns:ocp="urn:oma:xml:xdm:common-policy" '
    'xmlns:oxe="urn:oma:xml:xdm:extensions" xmlns:up="urn:opencpm:xml:user-prefs" '
    'xmlns:op="urn:opencpm:xml:operator-policy"'
)
REJECT = "<oxe:allow-reject-invite>true</oxe:allow-reject-invite>"
ACCESS = "org.openmobilealliance.access-rules/users/%s/access-rules"
PREFS = "org.opencpm.user-prefs/users/%s/index"
POLICY = "org.opencpm.operator-policy/global/index"


class Device(UserAgent):
    """Registered, and answering in the background what it is asked with STATUS (0: not at all)."""

    def __init__(self, server, user, params="", status=200, instance=None, **options):
        super().__init__(server, user, PASSWORD, **options)
        if instance:
            params += f';+sip.instance="<urn:uuid:{instance}>"'
        self.answered = self.register(600, contact=self.contact + params)
        assert self.answered.status == 200
        self.got, self.status, self.ended = [], status, False
        self.refuses = lambda request: 0
        self.answers, self.news = [], threading.Condition()
        self.thread = threading.Thread(target=self.serve, daemon=True)
        self.thread.start()

    def serve(self):
        while not self.ended:
            message = super().receive(0.1)
            if message is None:
                continue
            if not message.is_request:
                with self.news:
                    self.answers.append(message)
                    self.news.notify_all()
                continue
            if message.branch() in [seen.branch() for seen in self.got]:
                continue  # once more: the test does not care for what is lost
            with self.news:
                self.got.append(message)
                self.news.notify_all()
            status = self.refuses(message) or self.status
            if status:
                self.reply(message, status, "Because")

    def receive(self, patience_s=PATIENCE_S):
        """What the thread has put aside."""
        if not hasattr(self, "thread"):
            return super().receive(patience_s)
        with self.news:
            return self.answers.pop(0) if self.news.wait_for(lambda: self.answers, patience_s) else None

    def wait_for(self, count=1):
        with self.news:
            assert self.news.wait_for(lambda: len(self.got) >= count, PATIENCE_S), self.got
        return self.got[count - 1]

    def close(self):
        self.ended = True
        self.thread.join()
        super().close()


def put(server, who, path, body, media="application/auth-policy+xml"):
    answer = requests.put(
        f"{server.url}/xcap-root/{path}", data=body.encode(), headers={"Content-Type": media},
        auth=HTTPDigestAuth(who, PASSWORD), timeout=60)
    assert answer.status_code in (200, 201), answer.text


def rule(conditions, actions, name="r"):
    return (f'<rule id="{name}"><conditions>{conditions}</conditions>'
            f"<actions>{actions}</actions></rule>")


def rules(server, who, *all_of_them):
    put(server, who, ACCESS % f"sip:{who}@example.com",
        f"<ruleset {NAMESPACES}>{''.join(all_of_them)}</ruleset>")


def prefs(server, who, inside):
    put(server, who, PREFS % f"sip:{who}@example.com",
        f'<cpm-user-prefs xmlns="urn:opencpm:xml:user-prefs">{inside}</cpm-user-prefs>',
        "application/vnd.opencpm.user-prefs+xml")


def one(uri):
    return f'<identity><one id="{uri}"/></identity>'


def cpim(text="hi", more="", head="", kind="text/plain"):
    return (f"{head}From: <{ALICE}>\r\nTo: <{BOB}>\r\nNS: imdn <urn:ietf:params:imdn>\r\n{more}"
            f"\r\nContent-Type: {kind}\r\n\r\n{text}")


def imdn(message_id, what):
    return cpim(
        '<imdn xmlns="urn:ietf:params:xml:ns:imdn"><message-id>%s</message-id><datetime>'
        "2024-05-21T13:02:11Z</datetime>%s</imdn>" % (message_id, what),
        "imdn.Message-ID: r1\r\n", kind="message/imdn+xml\r\nContent-Disposition: notification")


SEEN = "<display-notification><status><displayed/></status></display-notification>"
CAME = "<delivery-notification><status><delivered/></status></delivery-notification>"


def send(sender, body, to=BOB, headers=(), **options):
    return sender.message(to, body, [("P-Preferred-Service", ICSI + "msg"), *headers],
                          content_type="message/cpim", **options)


@pytest.fixture
def server(make_daemon):
    daemon = make_daemon({"cpm": {"deferred-max-messages": 0}}).with_sip(peers=[
        {"name": "core", "networks": "127.0.0.2/32", "core": True},
        {"name": "trusted", "networks": "127.0.0.3/32", "trusted": True},
    ])
    daemon.configure({"cpm": {"answer-time": "500 ms"}}).start()
    for name in ("alice", "bob", "carol"):
        add_user(daemon, name, PASSWORD)
    add_user(daemon, "operator", PASSWORD, operator=True)
    return daemon


@pytest.fixture
def alice(server):
    with UserAgent(server, "alice", PASSWORD) as ua:
        yield ua


@pytest.fixture
def bob(server):
    with Device(server, "bob") as ua:
        yield ua


# ---- rules ----


def test_who_is_blocked_openly_is_told_and_nothing_is_delivered(server, alice, bob):
    assert alice.message(BOB).status == 200
    rules(server, "bob", rule(one(ALICE), REJECT))
    prefs(server, "bob", '<blocking answer="open"/>')
    answer = alice.message(BOB)
    assert answer.status == 403
    assert re.match(r'399 example\.com "[^"]+"', answer.get("warning"))
    assert alice.message(BOB, to_tag="1").status == 403
    with UserAgent(server, "carol", PASSWORD) as carol:
        assert carol.message(BOB, "from carol").status == 200
    rules(server, "bob")
    assert alice.message(BOB, "again").status == 200
    assert [m.body for m in bob.got] == [b"hello", b"from carol", b"again"]


def test_who_is_blocked_politely_sees_success(server, alice, bob):
    rules(server, "bob", rule(one(ALICE), REJECT))
    answer = alice.message(BOB)
    assert answer.status == 200 and not answer.get("warning")
    assert not bob.got


def test_a_blocked_list_in_the_address_book_blocks(server, alice, bob):
    put(server, "bob", "resource-lists/users/sip:bob@example.com/index",
        '<resource-lists xmlns="urn:ietf:params:xml:ns:resource-lists">'
        f'<list name="oma_blockedcontacts"><entry uri="{ALICE}"/></list></resource-lists>',
        "application/resource-lists+xml")
    prefs(server, "bob", '<blocking answer="open"/>')
    assert alice.message(BOB).status == 403
    assert not bob.got


def test_nobody_without_a_name_is_let_in(server, alice, bob):
    rules(server, "bob", rule("<ocp:anonymous-request/>", "<up:deliver>reject</up:deliver>"))
    hidden = {"from_uri": "sip:anonymous@anonymous.invalid", "headers": [("Privacy", "id")]}
    assert alice.message(BOB, **hidden).status == 433
    assert alice.message(BOB).status == 200
    rules(server, "bob")
    assert alice.message(BOB, **hidden).status == 200
    assert bob.wait_for(2).get("p-asserted-identity") is None


def test_the_operator_has_the_last_word(server, alice, bob):
    cap = rule("<op:direction>originating</op:direction>",
               "<op:layer>cap</op:layer><up:deliver>reject</up:deliver>"
               "<op:reject-code>488</op:reject-code>")
    put(server, "operator", POLICY, f"<ruleset {NAMESPACES}>{cap}</ruleset>")
    answer = alice.message(BOB)
    assert answer.status == 488 and answer.get("warning")
    assert not bob.got


# ---- what a message is ----


def test_what_is_too_large_is_413(server, alice, bob):
    assert alice.message(BOB, "x" * 8000).status == 200
    answer = alice.message(BOB, "x" * 9000)
    assert answer.status == 413 and answer.get("warning")
    assert len(bob.got) == 1


@pytest.mark.parametrize("service, status", [
    ("msg", 200), ("session", 403), ("largemsg", 403), ("systemmsg", 403)])
def test_the_service_is_one_for_messages(server, alice, bob, service, status):
    answer = alice.message(BOB, headers=[("P-Preferred-Service", ICSI + service)])
    assert answer.status == status


def test_ids_and_date_are_added_and_nothing_else_is_touched(server, alice, bob):
    body = cpim(more="X.y: z\r\nimdn.Disposition-Notification: display\r\n")
    assert send(alice, body).status == 200
    got = bob.wait_for()
    ids = [got.get("conversation-id"), got.get("contribution-id")]
    assert all(re.fullmatch("[0-9a-f]{32}", value) for value in ids) and ids[0] != ids[1]
    added = re.search(rb"imdn\.Message-ID: [0-9a-f]{32}\r\nDateTime: [-0-9T:]+Z\r\n", got.body)
    assert got.body.replace(added.group(0), b"").decode() == body
    headers = [("Conversation-ID", "c1"), ("Contribution-ID", "c2"),
               ("InReplyTo-Contribution-ID", "c0"), ("X-Own", "1"), ("Subject", "s")]
    body = cpim(more="imdn.Message-ID: m1\r\nDateTime: 2024-05-21T13:02:11Z\r\n")
    assert send(alice, body, headers=headers).status == 200
    got = bob.wait_for(2)
    assert got.body.decode() == body
    for name, value in headers:
        assert got.all(name) == [value]


def test_a_hidden_name_does_not_stand_in_cpim(server, alice, bob):
    answer = send(alice, cpim(), headers=[("Privacy", "id")],
                  from_uri="sip:anonymous@anonymous.invalid")
    assert answer.status == 200
    got = bob.wait_for()
    assert b"alice" not in got.octets
    assert b"From: <sip:anonymous@anonymous.invalid>\r\n" in got.body


def test_broken_cpim_is_400(server, alice, bob):
    answer = send(alice, "From: <sip:a@b>\r\n")
    assert answer.status == 400 and "CPIM" in answer.get("warning")
    assert not bob.got


def test_a_packed_message_is_read_and_a_bomb_is_not(server, alice, bob):
    packed = [("Content-Encoding", "gzip")]
    assert send(alice, gzip.compress(cpim("packed").encode()), headers=packed).status == 200
    got = bob.wait_for()
    assert got.body.endswith(b"packed") and b"imdn.Message-ID" in got.body
    assert got.get("content-encoding") is None
    assert send(alice, gzip.compress(b"\0" * 10000000)[:8000], headers=packed).status in (400, 413)
    assert send(alice, b"no gzip", headers=packed).status == 400


# ---- devices ----


def test_each_device_has_its_own_outcome(server, alice):
    with Device(server, "bob", status=480) as away, Device(server, "bob") as there:
        assert alice.message(BOB, headers=[("Expires", "0")]).status == 200
        assert len(away.wait_for().octets) and there.wait_for().body == b"hello"


@pytest.mark.parametrize("first, second, status", [
    (480, 480, 480), (603, 480, 603), (415, 480, 415), (486, 486, 480), (503, 408, 480)])
def test_what_devices_refuse_is_told(server, alice, first, second, status):
    with Device(server, "bob", status=first), Device(server, "bob", status=second):
        assert alice.message(BOB, headers=[("Expires", "0")]).status == status


def test_a_device_that_is_switched_off_gets_nothing(server, alice):
    prefs(server, "bob", '<delivery><device id="urn:uuid:1" enabled="false"/></delivery>')
    with Device(server, "bob", instance="1") as off, Device(server, "bob", instance="2") as on:
        assert alice.message(BOB).status == 200
        assert on.wait_for() and not off.got


def test_clients_of_sessions_alone_get_no_messages_of_cpm(server, alice):
    session = CPM.replace("cpm.msg", "cpm.session")
    with Device(server, "bob", CPM) as capable, Device(server, "bob", session) as other:
        assert send(alice, cpim()).status == 200
        assert capable.wait_for() and not other.got


def test_text_for_who_takes_nothing_else(server, alice):
    with Device(server, "bob") as bob:
        bob.refuses = lambda m: 415 if m.get("content-type") == "message/cpim" else 0
        assert send(alice, cpim("in plain words", "imdn.Message-ID: m7\r\n")).status == 200
        assert bob.wait_for(2).get("content-type") == "text/plain"
        assert bob.got[1].body == b"in plain words"
        # Its receipt names that, bare; a CPM client gets it as it knows them, a plain one as it is.
        assert bob.got[1].get("call-id") == "m7"
        bare = imdn("m7", SEEN).split("\r\n\r\n", 2)[2]
        with Device(server, "alice", CPM) as phone, Device(server, "alice") as plain, \
                UserAgent(server, "bob", PASSWORD) as reader:
            assert reader.message(ALICE, bare, content_type="message/imdn+xml").status == 200
            assert plain.wait_for().body.decode() == bare
            got = phone.wait_for()
            assert got.get("content-type") == "message/cpim"
            assert got.body.decode().endswith("\r\n\r\n" + bare)
            assert b"Content-Disposition: notification\r\n" in got.body


# ---- copies and reports ----


def test_what_is_sent_is_copied_to_ones_own_devices(server):
    with Device(server, "alice", CPM, instance="1") as phone, \
            Device(server, "alice", CPM, instance="2") as tablet, \
            Device(server, "alice") as plain, Device(server, "bob", CPM) as bob:
        assert send(phone, cpim("to bob")).status == 200
        copy = tablet.wait_for()
        assert copy.body == bob.wait_for().body
        assert ALICE in copy.get("from") and BOB in copy.get("to")
        assert copy.get("conversation-id") == bob.got[0].get("conversation-id")
        assert not phone.got and not plain.got


def test_reports_pass_and_what_was_seen_only_if_its_reader_wants_it(server, alice, bob):
    with Device(server, "alice", CPM) as phone:
        prefs(server, "bob", "<reports><displayed>false</displayed></reports>")
        with UserAgent(server, "bob", PASSWORD) as reader:
            assert send(reader, imdn("m1", SEEN), ALICE).status == 200
            assert send(reader, imdn("m1", CAME), ALICE).status == 200
            assert b"<delivered/>" in phone.wait_for().body
            prefs(server, "bob", "<reports><displayed>true</displayed></reports>")
            assert send(reader, imdn("m1", SEEN), ALICE).status == 200
            assert b"<displayed/>" in phone.wait_for(2).body
        assert len(phone.got) == 2


def test_typing_passes_and_is_not_kept(server, alice, bob):
    kind = {"content_type": "application/im-iscomposing+xml"}
    assert alice.message(BOB, "<x/>", **kind).status == 200
    assert bob.wait_for().get("content-type") == "application/im-iscomposing+xml"
    assert alice.message("sip:carol@example.com", "<x/>", **kind).status == 480


# ---- beside other servers ----


class Neighbour(Device):
    """A server at HOST, known to cpmd by its address."""

    def __init__(self, daemon, host):
        UserAgent.__init__(self, daemon, "server")
        self.sock.close()
        self.sock = self.sock.__class__(type=self.sock.type)
        self.sock.bind((host, 0))
        self.address = "%s:%d" % self.sock.getsockname()
        self.got, self.status, self.ended = [], 200, False
        self.refuses = lambda request: 0
        self.answers, self.news = [], threading.Condition()
        self.thread = threading.Thread(target=self.serve, daemon=True)
        self.thread.start()


def asserted(neighbour, server, to, body="hi", case=None, sender="sip:x@elsewhere.example"):
    headers = [("P-Asserted-Identity", f"<{sender}>"), ("Content-Type", "text/plain")]
    if case:
        headers += [
            ("Route", f"<sip:127.0.0.1:{server.sip_port};lr>, "
                      f"<sip:{neighbour.address};lr;odi=abc>"),
            ("P-Served-User", f"<{to if case == 'term' else sender}>;sescase={case}")]
    return neighbour.call("MESSAGE", to, headers, body, from_uri=sender)


def test_rules_hold_for_who_comes_from_elsewhere(server, bob):
    with Neighbour(server, "127.0.0.3") as other:
        assert asserted(other, server, BOB).status == 200
        prefs(server, "bob", '<blocking answer="open"/>')
        rules(server, "bob", rule(one("sip:x@elsewhere.example"), REJECT))
        assert asserted(other, server, BOB).status == 403
        assert asserted(other, server, BOB, sender="sip:y@elsewhere.example").status == 200
    assert len(bob.got) == 2


def test_for_an_ims_core_both_sides_are_served(server):
    with Neighbour(server, "127.0.0.2") as core:
        assert asserted(core, server, BOB, case="term").status == 200
        assert core.wait_for().get("route") == f"<sip:{core.address};lr;odi=abc>"
        assert core.got[0].uri == BOB
        prefs(server, "bob", '<blocking answer="open"/>')
        rules(server, "bob", rule(one("sip:x@elsewhere.example"), REJECT))
        assert asserted(core, server, BOB, case="term").status == 403
        # Whom bob blocks is of no interest where carol's side is served.
        assert asserted(core, server, BOB, case="orig",
                        sender="sip:carol@example.com").status == 200
        assert core.wait_for(2).get("route") == f"<sip:{core.address};lr;odi=abc>"


def test_two_who_forward_to_each_other_end(server, alice):
    with UserAgent(server, "bob", PASSWORD) as bob, UserAgent(server, "carol", PASSWORD) as carol:
        here = f"127.0.0.1:{server.sip_port}"
        assert bob.register(600, contact=f"<sip:carol@{here}>").status == 200
        assert carol.register(600, contact=f"<sip:bob@{here}>").status == 200
        assert alice.message(BOB, headers=[("Expires", "0")]).status in (480, 482, 483)
