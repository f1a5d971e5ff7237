# SPDX-License-Identifier: Apache-2.0
"""Messages to groups: predefined ones from documents, and lists that come with the message.

    alice          cpmd              bob  carol
      | MESSAGE G    |                |    |
      |------------->|                |    |
      |          202 |  MESSAGE       |    |
      |<-------------|--------------->|    |
      |              |-------------------->|
      |              |  MESSAGE G (IMDN)   |
      |              |<---------------|    |
      |              |<--------------------|
      | MESSAGE (both reports)        |    |
      |<-------------|                |    |
"""

import re
import secrets
import socket
import threading
import time

import pytest
import requests
from requests.auth import HTTPDigestAuth

from harness import PATIENCE_S, add_user, wait_for
from sipua import Message, UserAgent

PASSWORD = "correct horse"
GROUP = "sip:hikers@example.com"
FACTORY = "sip:conference-factory@example.com"
DOC = "org.openmobilealliance.groups/users/sip:alice@example.com/hikers"
ICSI = "urn:urn-7:3gpp-service.ims.icsi.oma.cpm.msg"
TAG = '+g.3gpp.icsi-ref="' + ICSI.replace(":", "%3A") + '"'
MEMBERS_RULE = (
    '<cp:rule id="members"><cp:conditions><is-list-member/></cp:conditions><cp:actions>'
    "<join-handling>true</join-handling>"
    "<allow-conference-state>true</allow-conference-state>{}</cp:actions></cp:rule>"
)


def group_text(members, rules=MEMBERS_RULE.format(""), uri=GROUP, more=""):
    entries = "".join(f'<entry uri="{member}"/>' for member in members)
    return (
        '<group xmlns="urn:oma:xml:poc:list-service" '
        'xmlns:cp="urn:ietf:params:xml:ns:common-policy">'
        f'<list-service uri="{uri}"><display-name>Hikers</display-name><list>{entries}</list>'
        f"{more}<cp:ruleset>{rules}</cp:ruleset></list-service></group>"
    )


def put_group(daemon, text, doc=DOC, who="alice"):
    answer = requests.put(
        f"{daemon.url}/xcap-root/{doc}", data=text.encode(),
        headers={"Content-Type": "application/vnd.oma.poc.groups+xml"},
        auth=HTTPDigestAuth(who, PASSWORD), timeout=60)
    assert answer.status_code in (200, 201), answer.text


def cpim(text, asks="", sender="sip:alice@example.com", message_id=None):
    message_id = message_id or secrets.token_hex(8)
    ask = f"imdn.Disposition-Notification: {asks}\r\n" if asks else ""
    return message_id, (
        f"From: <{sender}>\r\nTo: <{GROUP}>\r\nNS: imdn <urn:ietf:params:imdn>\r\n"
        f"imdn.Message-ID: {message_id}\r\nDateTime: 2026-05-01T12:00:00Z\r\n{ask}\r\n"
        f"Content-Type: text/plain\r\n\r\n{text}"
    )


class Phone(UserAgent):
    """A registered CPM client that takes what comes, in the background, and keeps it."""

    def __init__(self, daemon, user, status=200, params=";" + TAG):
        super().__init__(daemon, user, PASSWORD)
        assert self.register(contact=self.contact + params).status == 200
        self.status, self.got, self.ended = status, [], False
        self.thread = threading.Thread(target=self.serve, daemon=True)
        self.thread.start()

    def serve(self):
        while not self.ended:
            message = self.receive(0.2)
            if message and message.is_request and message.method == "MESSAGE":
                self.got.append(message)
                self.reply(message, self.status)

    def close(self):
        self.ended = True
        self.thread.join()
        super().close()

    def wait(self, n=1):
        wait_for(lambda: len(self.got) >= n, f"{n} messages for {self.user}")
        return self.got[n - 1]


def say(ua, to, body, content_type="message/cpim", headers=()):
    fields = [("P-Preferred-Service", ICSI + ".group"), ("Accept-Contact", f"*;{TAG}"),
              ("Conversation-ID", "c-" + secrets.token_hex(8)),
              ("Contribution-ID", "k-" + secrets.token_hex(8)), *headers]
    return ua.message(to, body, fields, content_type)


def report(ua, message_id, to=GROUP, what="delivered", kind="delivery"):
    body = (
        f"From: <{ua.aor}>\r\nTo: <sip:alice@example.com>\r\nNS: imdn <urn:ietf:params:imdn>\r\n"
        f"imdn.Message-ID: {secrets.token_hex(8)}\r\nDateTime: 2026-05-01T12:00:01Z\r\n\r\n"
        "Content-Type: message/imdn+xml\r\nContent-Disposition: notification\r\n\r\n"
        f'<imdn xmlns="urn:ietf:params:xml:ns:imdn"><message-id>{message_id}</message-id>'
        "<datetime>2026-05-01T12:00:00Z</datetime>"
        f"<{kind}-notification><status><{what}/></status></{kind}-notification></imdn>"
    )
    return ua.message(to, body, [("P-Preferred-Service", ICSI)], "message/cpim")


def with_list(body, entries, content_type="message/cpim"):
    """The body of several parts, and its Content-Type."""
    listed = "".join(
        f'<entry uri="{uri}" cp:copyControl="{copy}"/>' for uri, copy in entries)
    return (
        f"--b\r\nContent-Type: {content_type}\r\n\r\n{body}\r\n"
        "--b\r\nContent-Type: application/resource-lists+xml\r\n"
        "Content-Disposition: recipient-list\r\n\r\n"
        '<resource-lists xmlns="urn:ietf:params:xml:ns:resource-lists" '
        'xmlns:cp="urn:ietf:params:xml:ns:copycontrol"><list>'
        f"{listed}</list></resource-lists>\r\n--b--\r\n"
    ), "multipart/mixed;boundary=b"


@pytest.fixture
def server(make_daemon):
    daemon = make_daemon({"cpm": {"report-window": "2 s"}}).with_sip().start()
    for name in ("alice", "bob", "carol", "mallory"):
        add_user(daemon, name, PASSWORD)
    return daemon


@pytest.fixture
def people(server):
    phones = {name: Phone(server, name) for name in ("alice", "bob", "carol")}
    yield phones
    for phone in phones.values():
        phone.close()


ALL = [f"sip:{name}@example.com" for name in ("alice", "bob", "carol")]


def test_a_message_reaches_all_members(server, people):
    put_group(server, group_text(ALL + ["sip:bob@EXAMPLE.com"]))
    with UserAgent(server, "alice", PASSWORD) as alice:
        message_id, body = cpim("hello hikers")
        assert say(alice, GROUP, body).status == 202
    for name in ("bob", "carol"):
        got = people[name].wait()
        assert got.body.decode() == body  # nothing was asked: not an octet differs
        assert got.get("p-asserted-identity") == "<sip:alice@example.com>"
        assert f"sip:{name}@example.com" in got.get("to")
        assert got.get("p-asserted-service") in (None, ICSI + ".group")
    assert people["bob"].got[0].get("call-id") != people["carol"].got[0].get("call-id")
    assert len(people["bob"].got) == 1
    assert not people["alice"].got or message_id in repr(people["alice"].got[0])


def test_who_may_not_send_is_told_so(server, people):
    put_group(server, group_text(ALL))
    _, body = cpim("hello", sender="sip:mallory@example.com")
    with UserAgent(server, "mallory", PASSWORD) as mallory:
        answer = say(mallory, GROUP, body)
        assert answer.status == 403
        assert "no rule of the group" in answer.get("warning")
        assert say(mallory, "sip:nobody@example.com", body).status == 404
    # A rule is in force for the next message.
    put_group(server, group_text(ALL + ["sip:mallory@example.com"]))
    with UserAgent(server, "mallory", PASSWORD) as mallory:
        assert say(mallory, GROUP, body).status == 202
    people["bob"].wait()
    # Nor does anybody speak as another.
    with UserAgent(server, "bob", PASSWORD) as bob:
        assert say(bob, GROUP, body).status == 403


def test_a_plain_client_takes_part(server, people):
    put_group(server, group_text(ALL))
    with UserAgent(server, "alice", PASSWORD) as alice:
        assert alice.message(GROUP, "plain hello").status == 202
    assert people["bob"].wait().body == b"plain hello"
    assert people["carol"].wait().body == b"plain hello"


def test_the_senders_other_device_has_it_too(server):
    put_group(server, group_text(ALL))
    other = ";" + TAG + ';+sip.instance="<urn:uuid:2>"'
    own = ";" + TAG + ';+sip.instance="<urn:uuid:1>"'
    with UserAgent(server, "alice", PASSWORD) as alice, Phone(server, "alice", params=other) as two:
        assert alice.register(contact=alice.contact + own).status == 200
        message_id, body = cpim("from my first one")
        assert say(alice, GROUP, body).status == 202
        assert message_id in two.wait().body.decode()


def test_anonymity_is_for_the_group_to_allow(server, people):
    put_group(server, group_text(ALL))
    hidden = [("Privacy", "id")]
    _, body = cpim("guess who")
    with UserAgent(server, "alice", PASSWORD) as alice:
        assert say(alice, GROUP, body, headers=hidden).status == 433
        put_group(server, group_text(
            ALL, MEMBERS_RULE.format("<allow-anonymity>true</allow-anonymity>")))
        assert say(alice, GROUP, body, headers=hidden).status == 202
    got = people["bob"].wait()
    assert "alice" not in repr(got), got
    assert b"guess who" in got.body


def test_lists_come_with_the_message(server, people):
    _, body = cpim("for some", "positive-delivery")
    listed, content_type = with_list(body, [
        ("sip:bob@example.com", "to"), ("sip:carol@example.com", "bcc"),
        ("sip:BOB@example.com;method=INVITE", "cc"), ("sip:bob@example.com", "cc")])
    with UserAgent(server, "alice", PASSWORD) as alice:
        require = [("Require", "recipient-list-message")]
        # sip:BOB is somebody else, and nobody.
        assert say(alice, FACTORY, listed, content_type, require).status == 202
        got = people["bob"].wait()
        history = got.body.decode()
        assert "recipient-list-history" in history and "for some" in history
        assert 'uri="sip:bob@example.com" cp:copyControl="to"' in history
        assert "carol" not in history
        assert f"imdn.IMDN-Record-Route: <{FACTORY}>" in history
        assert got.get("require") is None
        assert people["carol"].wait().body == got.body
        # What is not understood is named.
        answer = say(alice, FACTORY, listed, content_type, [("Require", "foo")])
        assert (answer.status, answer.get("unsupported")) == (420, "foo")
        # Blind copies alone: one body.
        _, body = cpim("for one", "positive-delivery")
        listed, content_type = with_list(body, [("sip:bob@example.com", "bcc")])
        assert say(alice, FACTORY, listed, content_type, require).status == 202
        assert people["bob"].wait(2).get("content-type").lower() == "message/cpim"
        many = [(f"sip:u{i}@example.com", "to") for i in range(101)]
        listed, content_type = with_list("x", many, "text/plain")
        assert say(alice, FACTORY, listed, content_type, require).status == 413
        assert say(alice, FACTORY, "x", "text/plain").status == 400


def test_reports_come_back_together(server, people):
    put_group(server, group_text(ALL + ["sip:mallory@example.com"]))
    message_id, body = cpim("did you get it?", "positive-delivery, negative-delivery")
    with UserAgent(server, "bob", PASSWORD) as bob, UserAgent(server, "carol", PASSWORD) as carol, \
            UserAgent(server, "mallory", PASSWORD) as mallory, Phone(server, "mallory"):
        with UserAgent(server, "alice", PASSWORD) as alice:
            assert say(alice, GROUP, body).status == 202
        got = people["bob"].wait()
        assert f"imdn.IMDN-Record-Route: <{GROUP}>" in got.body.decode()
        people["carol"].wait()
        for ua in (bob, carol):
            assert report(ua, message_id).status == 200
        assert report(bob, "unknown").status == 404
        wait_for(lambda: any(b"<imdn" in m.body for m in people["alice"].got), "the reports")
        first = [m for m in people["alice"].got if b"<imdn" in m.body][0]
        text = first.body.decode()
        assert "multipart/mixed" in text and text.count("<delivered") == 2
        for name in ("bob", "carol"):
            assert f"<recipient-uri>sip:{name}@example.com<" in text
        assert first.get("p-asserted-identity") in (None, f"<{GROUP}>")
        # The last one, when all have answered; and then nobody waits for more.
        assert report(mallory, message_id).status == 200
        wait_for(lambda: any(b"<recipient-uri>sip:mallory@" in m.body
                             for m in people["alice"].got), "the last report")
        wait_for(lambda: report(bob, message_id).status == 404, "the message to be forgotten")


def test_a_group_that_contains_itself_and_another(server, people):
    put_group(server, group_text(ALL + [GROUP, "sip:others@example.com"]))
    put_group(server, group_text(ALL + [GROUP], uri="sip:others@example.com"), DOC + "2")
    message_id, body = cpim("round and round", "negative-delivery")
    with UserAgent(server, "alice", PASSWORD) as alice:
        assert say(alice, GROUP, body).status == 202
        # The other group does not take a group's message, and the sender hears of it.
        people["bob"].wait()
        wait_for(lambda: any(b"<failed" in m.body for m in people["alice"].got), "the report")
        told = [m for m in people["alice"].got if b"<failed" in m.body]
        assert b"others@example.com" in told[0].body
        # Sent once more: taken, and nobody gets it twice.
        assert say(alice, GROUP, body).status == 202
        _, other = cpim("something else")
        assert say(alice, GROUP, other).status == 202
    people["bob"].wait(2)
    assert b"something else" in people["bob"].got[1].body


def test_cpmctl_shows_a_group(server):
    put_group(server, group_text(ALL, more="<max-participant-count>5</max-participant-count>"))
    shown = server.ctl_json("group", "show", GROUP)
    assert shown["members"] == ALL and shown["rules"] == ["members"]
    assert shown["complete"] and not shown["lost"] and shown["max_participants"] == 5
    assert shown["owner"] == "sip:alice@example.com"
    text = server.ctl("group", "show", "hikers").stdout
    assert "3 of at most 5" in text and "sip:carol@example.com" in text
    assert server.ctl("group", "show", "nobody").returncode != 0


class Elsewhere:
    """The server of another domain: takes every MESSAGE, once for each call and place."""

    def __init__(self, daemon_port=None, limit=None):
        self.sock = socket.socket(type=socket.SOCK_DGRAM)
        self.sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 1 << 22)
        self.sock.bind(("127.0.0.1", 0))
        self.sock.settimeout(0.2)
        self.port = self.sock.getsockname()[1]
        self.got, self.limit, self.ended = {}, limit, False
        self.lock = threading.Lock()
        self.thread = threading.Thread(target=self.serve, daemon=True)
        self.thread.start()

    def serve(self):
        while not self.ended:
            try:
                octets, source = self.sock.recvfrom(65536)
            except socket.timeout:
                continue
            message = Message(octets)
            if not message.is_request or message.method != "MESSAGE":
                continue
            with self.lock:
                calls = self.got.setdefault(message.uri, set())
                if self.limit is not None and len(self.got) > self.limit:
                    continue  # no answer
                calls.add(message.get("call-id"))
            lines = ["SIP/2.0 200 OK"] + [f"Via: {via}" for via in message.all("via")]
            lines += [f"From: {message.get('from')}", f"To: {message.get('to')};tag=x",
                      f"Call-ID: {message.get('call-id')}", f"CSeq: {message.get('cseq')}",
                      "Content-Length: 0"]
            self.sock.sendto("\r\n".join(lines).encode() + b"\r\n\r\n", source)

    def close(self):
        self.ended = True
        self.thread.join()
        self.sock.close()


@pytest.fixture
def elsewhere():
    other = Elsewhere()
    yield other
    other.close()


def far(make_daemon, elsewhere, members):
    daemon = make_daemon().with_sip(routes=[
        {"domain": "other.example", "uri": f"sip:127.0.0.1:{elsewhere.port};transport=udp"}])
    daemon.configure({"cpm": {"max-members": 2000}}).start()
    add_user(daemon, "alice", PASSWORD)
    put_group(daemon, group_text(["sip:alice@example.com"] + members))
    return daemon


def test_a_thousand_members(make_daemon, elsewhere):
    members = [f"sip:u{i}@other.example" for i in range(1000)]
    daemon = far(make_daemon, elsewhere, members)
    _, body = cpim("to all of you")
    with UserAgent(daemon, "alice", PASSWORD) as alice:
        began = time.monotonic()
        assert say(alice, GROUP, body).status == 202
        accepted = time.monotonic() - began
        # Nobody waits for it: another message passes meanwhile.
        assert alice.message("sip:nobody@example.com").status == 404
    wait_for(lambda: len(elsewhere.got) == 1000, "a thousand copies")
    assert set(elsewhere.got) == set(members)
    assert all(len(calls) == 1 for calls in elsewhere.got.values())
    assert accepted < PATIENCE_S


def test_a_kill_in_the_fan_out(make_daemon, elsewhere):
    members = [f"sip:u{i}@other.example" for i in range(300)]
    elsewhere.limit = 100  # of those who come first; the others hear nothing yet
    daemon = far(make_daemon, elsewhere, members)
    message_id, body = cpim("to all of you, whatever comes")
    with UserAgent(daemon, "alice", PASSWORD) as alice:
        assert say(alice, GROUP, body).status == 202
    wait_for(lambda: len(elsewhere.got) > 100, "some copies")
    daemon.kill()
    elsewhere.limit = None
    daemon.start()
    wait_for(lambda: set(elsewhere.got) == set(members) and all(elsewhere.got.values()),
             "everybody to have it")
    # Those that had it may have it twice; with one id.
    assert max(len(calls) for calls in elsewhere.got.values()) <= 2
    assert re.search("messages to groups read back", daemon.log())
