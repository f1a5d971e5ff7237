# SPDX-License-Identifier: Apache-2.0
"""Changes of documents told over SIP: the event package xcap-diff (RFC 5875).

    alice                  cpmd                     alice's other client
      | SUBSCRIBE (a list)   |                                |
      |--------------------->|  200, NOTIFY: what is there    |
      |                      |<------ PUT .../index ----------|
      |<---------------------|  NOTIFY: etags, operations     |

The client follows what it is told: operations are applied (strictly, by tests/xdms/diff_apply.c)
when they begin at the version it has, everything else is fetched.
"""

import re
import subprocess
from xml.etree import ElementTree

import pytest
import requests
from requests.auth import HTTPDigestAuth

from harness import BUILD, add_user
from sipua import UserAgent, digest

PASSWORD = "correct-horse-battery"
LISTS = "application/resource-lists+xml"
ELEMENT = "application/xcap-el+xml"
DIFF = "{urn:ietf:params:xml:ns:xcap-diff}"
ALICE = "resource-lists/users/sip:alice@example.com/"
RLS = "rls-services/users/sip:alice@example.com/index"


def document(*names, kind="list"):
    lists = "".join(
        f'<list name="{name}"><entry uri="sip:{name}@example.com"/></list>\n' for name in names)
    return (f'<?xml version="1.0" encoding="UTF-8"?>\n<resource-lists '
            f'xmlns="urn:ietf:params:xml:ns:resource-lists">\n{lists}</resource-lists>\n')


def uri_list(*uris):
    entries = "".join(f'<entry uri="{uri}"/>' for uri in uris)
    return ('<?xml version="1.0" encoding="UTF-8"?><resource-lists '
            f'xmlns="urn:ietf:params:xml:ns:resource-lists"><list>{entries}</list>'
            "</resource-lists>")


class Xcap:
    def __init__(self, daemon, name="alice"):
        self.root = daemon.url + "/xcap-root/"
        self.auth = HTTPDigestAuth(name, PASSWORD)

    def ask(self, method, sel, body=None, media=LISTS):
        headers = {"Content-Type": media} if body is not None else {}
        answer = requests.request(method, self.root + sel, headers=headers, auth=self.auth,
                                  data=None if body is None else body.encode(), timeout=60)
        assert answer.status_code < 300, (answer.status_code, answer.text)
        return answer

    def put(self, sel, body, media=LISTS):
        return tag_of(self.ask("PUT", sel, body, media))

    def get(self, sel):
        return self.ask("GET", sel)

    def delete(self, sel):
        self.ask("DELETE", sel)


def tag_of(answer):
    return answer.headers["ETag"].strip('"')


def node(sel, name):
    return f'{sel}/~~/resource-lists/list%5b@name=%22{name}%22%5d'


class Subscription:
    """One dialog; what it is told is answered and read."""

    def __init__(self, ua, uris, mode=None, to=None, expires=600, body=None, headers=()):
        self.ua, self.mode = ua, mode
        self.call_id, self.from_tag = f"{id(self)}@test", "subscriber"
        self.event = "xcap-diff" + (f";diff-processing={mode}" if mode else "")
        self.answer = ua.call(
            "SUBSCRIBE", to or ua.aor,
            [("Event", self.event), ("Expires", expires), ("Content-Type", LISTS), *headers],
            uri_list(*uris) if body is None else body, contact=True, call_id=self.call_id,
            from_tag=self.from_tag)
        self.last = None

    def again(self, uris=None, expires=600, mode=None):
        event = f"xcap-diff;diff-processing={mode or self.mode or 'no-patching'}"
        fields = [("Event", event), ("Expires", expires)]
        if uris is not None:
            fields.append(("Content-Type", LISTS))
        contact = re.search(r"<([^>]*)>", self.answer.get("contact")).group(1)
        return self.ua.call("SUBSCRIBE", contact, fields, uri_list(*uris) if uris else "",
                            contact=True, call_id=self.call_id, from_tag=self.from_tag,
                            to_tag=self.answer.tag("to"), to_uri=self.ua.aor)

    def told(self, patience_s=30):
        """The entries of the next NOTIFY."""
        self.last = self.ua.take("NOTIFY", patience_s=patience_s)
        while self.is_old(self.last):
            self.last = self.ua.take("NOTIFY", patience_s=patience_s)
        assert self.last.get("event") == "xcap-diff"
        if not self.last.body:
            return []
        assert self.last.get("content-type") == "application/xcap-diff+xml"
        root = ElementTree.fromstring(self.last.body)
        assert root.tag == DIFF + "xcap-diff" and root.get("xcap-root").endswith("/xcap-root/")
        return list(root)

    def is_old(self, notify):
        """It has been here: on a slow machine a NOTIFY goes once more before its answer is there."""
        seen = self.ua.__dict__.setdefault("seen_notifies", set())
        key = notify.get("call-id"), notify.get("from"), notify.get("cseq")
        if key in seen:
            return True
        seen.add(key)
        return False

    def quiet(self):
        """Nothing new comes."""
        while (message := self.ua.receive(0.5)) is not None:
            if not (message.is_request and self.is_old(message)):
                return False
            self.ua.reply(message, 200)
        return True


def tags(entry):
    assert entry.tag == DIFF + "document"
    return entry.get("previous-etag"), entry.get("new-etag")


class Cache:
    """A client's documents, kept by what it is told."""

    def __init__(self, xcap, folder):
        self.xcap, self.folder = xcap, folder
        self.have, self.chain, self.patched, self.fetched = {}, {}, 0, 0

    def tool(self, *words):
        return subprocess.run([BUILD / "tests/xdms/diff_apply", *map(str, words)],
                              capture_output=True, check=True).stdout

    def file(self, name, octets):
        path = self.folder / name
        path.write_bytes(octets)
        return path

    def take(self, subscription, **options):
        entries = subscription.told(**options)
        text = subscription.last.body.decode() if subscription.last.body else ""
        prefix = re.search(r"<(\w+):xcap-diff", text)
        head = re.search(r"<\w+:xcap-diff[^>]*>", text)
        raw = re.findall(rf"<{prefix[1]}:document\b[^>]*?/>|<{prefix[1]}:document\b.*?"
                         rf"</{prefix[1]}:document>", text, re.S) if prefix else []
        documents = [entry for entry in entries if entry.tag == DIFF + "document"]
        assert len(raw) == len(documents)
        for entry, octets in zip(documents, raw):
            self.follow(entry, f"{head[0]}{octets}</{prefix[1]}:xcap-diff>".encode())
        return entries

    def follow(self, entry, diff):
        sel, (old, new) = entry.get("sel"), tags(entry)
        has, text = self.have.get(sel, (None, None))
        # A first time, or again from the start, has no tag before; else there is no gap.
        assert old is None or old == self.chain[sel], "a gap in the chain"
        self.chain[sel] = new
        if new is None:
            self.have.pop(sel, None)
        elif new == has:  # what was fetched was newer than what had been told (s4.8)
            pass
        elif list(entry) and has == old:
            self.patched += 1
            if entry[0].tag != DIFF + "body-not-changed":
                text = self.tool("apply", self.file("old", text), self.file("diff", diff))
            self.have[sel] = (new, text)
        else:
            self.fetched += 1
            answer = self.xcap.get(sel)
            self.have[sel] = (tag_of(answer), answer.content)

    def is_current(self):
        for sel, (tag, text) in self.have.items():
            answer = self.xcap.get(sel)
            if tag_of(answer) != tag:
                return False
            self.tool("same", self.file("mine", text), self.file("theirs", answer.content))
        return True


@pytest.fixture
def make_server(make_daemon):
    def make(**xcap):
        daemon = make_daemon({"xcap": {"notify-interval": "50 ms", "test-app": True, **xcap}})
        daemon.with_sip().start()
        for name in ("alice", "bob"):
            add_user(daemon, name, PASSWORD)
        add_user(daemon, "root", PASSWORD, operator=True)
        return daemon
    return make


@pytest.fixture
def server(make_server):
    return make_server()


@pytest.fixture
def alice(server):
    with UserAgent(server, "alice", PASSWORD, transport="tcp") as ua:
        yield ua


@pytest.fixture
def xcap(server):
    return Xcap(server)


def test_the_first_notify_says_what_is_there(alice, xcap):
    tag = xcap.put(ALICE + "index", document("friends"))
    sub = Subscription(alice, [ALICE + "index", RLS, "/xcap-root/" + node(ALICE + "index", "friends"),
                               node(ALICE + "index", "nobody")])
    assert sub.answer.status == 200
    entries = sub.told()
    assert [(e.tag.replace(DIFF, ""), e.get("sel")) for e in entries] == [
        ("document", ALICE + "index"),
        ("element", "/xcap-root/" + node(ALICE + "index", "friends").replace("%22", "%22"))]
    assert tags(entries[0]) == (None, tag)
    assert "sip:friends@example.com" in ElementTree.tostring(entries[1]).decode()
    assert sub.last.get("subscription-state").startswith("active")


def test_nothing_there_is_told_too_and_what_comes_to_be(alice, xcap):
    sub = Subscription(alice, [ALICE + "index"])
    assert sub.told() == []
    assert sub.last.body
    tag = xcap.put(ALICE + "index", document("a"))
    assert [tags(e) for e in sub.told()] == [(None, tag)]
    xcap.delete(ALICE + "index")
    assert [tags(e) for e in sub.told()] == [(tag, None)]


@pytest.mark.parametrize("mode", ["no-patching", "xcap-patching", "aggregate", "frobnicate", None])
def test_a_client_that_follows_has_the_next_version(mode, alice, xcap, tmp_path):
    xcap.put(ALICE + "index", document("a", "b"))
    sub = Subscription(alice, [ALICE + "index"], mode)
    cache = Cache(xcap, tmp_path)
    cache.take(sub)
    for i in range(6):
        xcap.put(node(ALICE + "index", f"new{i}"), f'<list name="new{i}"><entry '
                 f'uri="sip:x{i}@example.com"/></list>', ELEMENT)
        xcap.put(node(ALICE + "index", "a"), f'<list name="a"><entry uri="sip:{i}@x.org"/></list>',
                 ELEMENT)
    xcap.delete(node(ALICE + "index", "b"))
    entries = []
    while not cache.is_current():
        entries += cache.take(sub)
    if mode == "xcap-patching":
        assert len(entries) == 13 and cache.patched == 13
    elif mode == "aggregate":
        assert cache.patched and cache.fetched == 1
    else:
        assert not cache.patched
    # The whole document: tags alone, then operations again (s4.7).
    xcap.put(ALICE + "index", document("c"))
    cache.take(sub)
    patched = cache.patched
    xcap.put(node(ALICE + "index", "d"), '<list name="d"/>', ELEMENT)
    cache.take(sub)
    assert cache.is_current()
    assert cache.patched == patched + (mode in ("xcap-patching", "aggregate"))


def test_what_moves_the_tag_alone_is_no_change_of_the_body(alice, xcap):
    xcap.put(ALICE + "index", document("a"))
    sub = Subscription(alice, [ALICE + "index"], "xcap-patching")
    sub.told()
    same = xcap.get(node(ALICE + "index", "a")).text
    xcap.put(node(ALICE + "index", "a"), same, ELEMENT)
    (entry,) = sub.told()
    assert [child.tag for child in entry] == [DIFF + "body-not-changed"]
    assert all(tags(entry))


def test_collections_tell_of_each_document_by_its_own_name(alice, xcap):
    first = xcap.put(ALICE + "index", document("a"))
    sub = Subscription(alice, [ALICE, "resource-lists/", ALICE + "other"])
    assert [(e.get("sel"), tags(e)) for e in sub.told()] == [(ALICE + "index", (None, first))]
    second = xcap.put(ALICE + "friends%20of%20mine", document("b"))
    (entry,) = sub.told()
    assert entry.get("sel") == ALICE + "friends%20of%20mine" and tags(entry) == (None, second)
    third = xcap.put(ALICE + "other", document("b"))
    (entry,) = sub.told()
    assert entry.get("sel") == ALICE + "other" and tags(entry) == (None, third)
    xcap.delete(ALICE + "index")
    (entry,) = sub.told()
    assert entry.get("sel") == ALICE + "index" and tags(entry) == (first, None)


def test_everything_of_ones_own(alice, xcap):
    xcap.put(ALICE + "index", document("a"))
    xcap.put("test-app/users/sip:alice@example.com/x", "<a/>", "application/test-app+xml")
    sub = Subscription(alice, ["/xcap-root/"])
    assert {e.get("sel") for e in sub.told()} >= {
        ALICE + "index", "test-app/users/sip:alice@example.com/x"}


def test_nodes_are_told_with_their_latest_state(alice, xcap):
    xcap.put(ALICE + "index", document("a", "b"))
    sel, attr = node(ALICE + "index", "a"), node(ALICE + "index", "b") + "/entry/@uri"
    sub = Subscription(alice, [sel, attr], "aggregate")
    element, attribute = sub.told()
    assert attribute.tag == DIFF + "attribute" and attribute.text == "sip:b@example.com"
    xcap.put(node(ALICE + "index", "elsewhere"), '<list name="elsewhere"/>', ELEMENT)
    xcap.put(sel, '<list name="a"><display-name>A &amp; B</display-name></list>', ELEMENT)
    (element,) = sub.told()
    assert element.get("sel") == sel and element.get("exists") in (None, "true", "1")
    assert "A &amp; B" in ElementTree.tostring(element).decode()
    xcap.delete(ALICE + "index")  # the parent takes them along
    gone = sub.told()
    assert [(e.get("sel"), e.get("exists")) for e in gone] == [(sel, "false"), (attr, "false")]


def test_others_documents_are_never_told(server, alice, xcap):
    theirs = "resource-lists/users/sip:bob@example.com/"
    Xcap(server, "bob").put(theirs + "index", document("secret"))
    sub = Subscription(alice, [theirs, theirs + "index", node(theirs + "index", "secret"),
                               "org.opencpm.operator-policy/global/index", "no-such-app/global/",
                               "http://[broken", "%zz/users/x/", ""])
    assert sub.answer.status == 200
    assert sub.told() == []
    Xcap(server, "bob").put(theirs + "index", document("secret2"))
    assert sub.quiet()


PERMISSIONS = (
    '<ap-rules xmlns="urn:oma:xml:xdm:ap" xmlns:cp="urn:ietf:params:xml:ns:common-policy">'
    '<document-rule path="{path}"><cp:ruleset><cp:rule id="r"><cp:conditions><cp:identity>'
    '<cp:one id="sip:alice@example.com"/></cp:identity></cp:conditions><cp:actions>{grants}'
    "</cp:actions></cp:rule></cp:ruleset></document-rule></ap-rules>")


def permit(xcap, path, grants="<allow-retrieve/>"):
    xcap.put("org.openmobilealliance.access-permissions/users/sip:bob@example.com/resource-lists",
             PERMISSIONS.format(path=path, grants=grants), "application/vnd.oma.xdm-apd+xml")


def test_what_others_permit_is_told_until_they_take_it_back(server, alice):
    theirs, bob = "resource-lists/users/sip:bob@example.com/", Xcap(server, "bob")
    tag = bob.put(theirs + "index", document("shared"))
    bob.put(theirs + "other", document("secret"))
    permit(bob, "index")
    sub = Subscription(alice, [theirs + "other", theirs + "index", theirs])
    assert [(e.get("sel"), tags(e)) for e in sub.told()] == [(theirs + "index", (None, tag))]
    after = bob.put(theirs + "index", document("shared2"))
    assert [tags(e) for e in sub.told()] == [(tag, after)]
    bob.put(theirs + "other", document("secret2"))
    assert sub.quiet()
    # from now on it is the other one
    permit(bob, "other")
    assert [e.get("sel") for e in sub.told()] == [theirs + "other"]
    bob.put(theirs + "index", document("secret3"))
    assert sub.quiet()
    permit(bob, "other", "<allow-modify/>")
    assert sub.told() == []
    bob.put(theirs + "other", document("secret4"))
    assert sub.quiet()


def test_a_permitted_node_is_told(server, alice):
    theirs, bob = "resource-lists/users/sip:bob@example.com/index", Xcap(server, "bob")
    bob.put(theirs, document("shared", "secret"))
    permit(bob, "index/~~/resource-lists/list%5B@name=%22shared%22%5D")
    sub = Subscription(alice, [node(theirs, "secret"), node(theirs, "shared"), theirs])
    told = sub.told()
    assert len(told) == 1 and b"secret" not in sub.last.body and b"sip:shared@" in sub.last.body
    bob.put(node(theirs, "secret"), '<list name="secret"/>', ELEMENT)
    assert sub.quiet()


def test_operators_may_hear_of_everybody(server):
    theirs = "resource-lists/users/sip:bob@example.com/"
    tag = Xcap(server, "bob").put(theirs + "index", document("a"))
    with UserAgent(server, "root", PASSWORD) as root:
        sub = Subscription(root, [theirs], to="sip:example.com")
        assert [(e.get("sel"), tags(e)) for e in sub.told()] == [(theirs + "index", (None, tag))]
        Xcap(server, "bob").put(theirs + "index", document("b"))
        assert len(sub.told()) == 1


def test_a_refresh_tells_everything_again(alice, xcap):
    first = xcap.put(ALICE + "index", document("a"))
    sub = Subscription(alice, [ALICE + "index"], "aggregate")
    sub.told()
    assert sub.again().status == 200
    assert [tags(e) for e in sub.told()] == [(None, first)]
    # Another list (s4.4).
    other = xcap.put(ALICE + "other", document("b"))
    assert sub.again([ALICE + "other", ALICE + "none"]).status == 200
    assert [(e.get("sel"), tags(e)) for e in sub.told()] == [(ALICE + "other", (None, other))]
    xcap.put(ALICE + "index", document("c"))
    assert sub.quiet()
    assert sub.again(expires=0).status == 200
    sub.told()
    assert sub.last.get("subscription-state") == "terminated;reason=timeout"


def test_a_fetch_is_one_notify_with_everything(alice, xcap):
    tag = xcap.put(ALICE + "index", document("a"))
    sub = Subscription(alice, [ALICE], expires=0)
    assert [tags(e) for e in sub.told()] == [(None, tag)]
    assert sub.last.get("subscription-state") == "terminated;reason=timeout"


REFUSED = [
    ("no list", "", [], 400),
    ("a list that is no XML", "<resource-lists", [], 400),
    ("another document", "<presence xmlns='urn:x'/>", [], 400),
    ("a document type", '<!DOCTYPE x [<!ENTITY a "b">]><x/>', [], 400),
    ("too many entries", uri_list(*(f"{ALICE}{i}" for i in range(65))), [], 413),
    ("ten thousand entries", uri_list(*("x%d/" % i for i in range(10000))), [], 413),
    ("another body", "x", [("Accept", "application/xcap-diff+xml")], 400),
    ("nothing that is told", uri_list(ALICE), [("Accept", "text/html")], 406),
]


@pytest.mark.parametrize("why, body, headers, status", REFUSED, ids=[row[0] for row in REFUSED])
def test_refused(why, body, headers, status, alice):
    assert Subscription(alice, [], body=body, headers=headers).answer.status == status


def test_another_type_of_body_hears_which_it_should_be(alice):
    answer = alice.call("SUBSCRIBE", alice.aor, [("Event", "xcap-diff"),
                        ("Content-Type", "text/plain")], "x", contact=True)
    assert answer.status == 415 and answer.get("accept") == LISTS


def test_strangers_are_not_told(server):
    with UserAgent(server, "nobody", "wrong password", transport="tcp") as ua:
        assert Subscription(ua, [ALICE]).answer.status in (401, 403, 404)


def test_a_burst_is_one_notify(make_server, tmp_path):
    server = make_server(**{"notify-interval": "2 s"})
    xcap = Xcap(server)
    xcap.put(ALICE + "index", document("a"))
    with UserAgent(server, "alice", PASSWORD, transport="tcp") as alice:
        cache = Cache(xcap, tmp_path)
        sub = Subscription(alice, [ALICE + "index"], "aggregate")
        cache.take(sub)
        for i in range(20):
            xcap.put(node(ALICE + "index", "a"), f'<list name="a"><entry uri="sip:{i}@x"/></list>',
                     ELEMENT)
        told = 0
        while not cache.is_current():
            assert len(cache.take(sub)) == 1
            told += 1
        assert told <= 3 and cache.fetched == 1


@pytest.mark.parametrize("transport", ["udp", "tcp"])
def test_it_goes_on_after_a_restart_without_a_gap(transport, server, xcap, tmp_path):
    xcap.put(ALICE + "index", document("a"))
    xcap.put(ALICE + "other", document("b"))
    with UserAgent(server, "alice", PASSWORD) as alice:
        cache = Cache(xcap, tmp_path)
        uris = [ALICE + "index", node(ALICE + "index", "a"), "resource-lists/"]
        if transport == "tcp":  # the same with documents in folders only
            uris = ["resource-lists/"]
        sub = Subscription(alice, uris, "xcap-patching")
        cache.take(sub)
        for name in ("index", "other"):
            xcap.put(node(ALICE + name, "more"), '<list name="more"/>', ELEMENT)
        while not cache.is_current():
            cache.take(sub)
        fetched = cache.fetched
        # A NOTIFY whose answer the server has not seen would come again after the restart.
        assert sub.quiet()
        assert server.stop() == 0
        server.start()
        xcap.root = server.url + "/xcap-root/"
        assert sub.quiet()
        for name in ("index", "other"):
            xcap.put(node(ALICE + name, "again"), '<list name="again"/>', ELEMENT)
        while not cache.is_current():
            cache.take(sub, patience_s=10)
        assert cache.fetched == fetched


def test_what_is_too_large_for_one_notify_comes_in_several(alice, xcap, tmp_path):
    cache = Cache(xcap, tmp_path)
    sub = Subscription(alice, [ALICE], "xcap-patching")
    cache.take(sub)
    for name in "abcdef":
        xcap.put(ALICE + name, document("first"))
    while len(cache.have) < 6 or not cache.is_current():
        cache.take(sub)
    big = "".join(f'<entry uri="sip:{i:05}@example.com"/>' for i in range(400))
    for name in "abcdef":
        xcap.put(node(ALICE + name, "big"), f'<list name="big">{big}</list>', ELEMENT)
        assert len(big) > 12000
    while not cache.is_current():
        cache.take(sub)
        assert len(sub.last.body) < 60000


def test_a_list_of_ten_thousand(alice, xcap, tmp_path):
    entries = "".join(f'<entry uri="sip:{i}@example.com"/>\n' for i in range(10000))
    xcap.put(ALICE + "index", document("a").replace("</list>", entries + "</list>"))
    cache = Cache(xcap, tmp_path)
    sub = Subscription(alice, [ALICE + "index"], "aggregate")
    cache.take(sub)
    for i in range(9990, 10005):
        xcap.put(node(ALICE + "index", "a") + f'/entry%5b@uri=%22sip:{i}@example.com%22%5d',
                 f'<entry uri="sip:{i}@example.com"><display-name>{i}</display-name></entry>',
                 ELEMENT)
    while not cache.is_current():
        cache.take(sub)
    assert cache.fetched == 1 and cache.patched


def test_more_documents_than_allowed_end_it(make_server):
    server = make_server(**{"notify-documents": 3})
    xcap = Xcap(server)
    for i in range(4):
        xcap.put(f"{ALICE}d{i}", document("a"))
    with UserAgent(server, "alice", PASSWORD, transport="tcp") as alice:
        sub = Subscription(alice, [ALICE])
        sub.told()
        assert sub.last.get("subscription-state") == "terminated;reason=rejected"


def test_a_disabled_user_is_not_told_any_more(server, alice, xcap):
    sub = Subscription(alice, [ALICE])
    sub.told()
    assert server.ctl("user", "passwd", "alice", "--disable").returncode == 0
    assert sub.again().status == 200
    sub.told()
    assert sub.last.get("subscription-state") == "terminated;reason=rejected"


def test_digest_is_asked_for_as_anywhere(alice):
    octets = alice.request("SUBSCRIBE", alice.aor, [("Event", "xcap-diff"),
                           ("Content-Type", LISTS)], uri_list(ALICE), contact=True)
    assert alice.answer_to(octets).status == 401
    assert digest is not None
