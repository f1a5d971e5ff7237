# SPDX-License-Identifier: Apache-2.0
"""XCAP from clients that mean harm, or that err: nothing opened, grown, changed or told.

Requests are written octet by octet, since HTTP libraries tidy paths up. Who asks is asserted by a
trusted proxy, which is this test; Digest has its own part.
"""

import hashlib
import http.client
import itertools
import os
import re
import socket
import threading

import pytest

from harness import BUILD, Daemon, add_user

PASSWORD = "correct-horse-battery"
LISTS = "application/resource-lists+xml"
ELEMENT = "application/xcap-el+xml"
ATTRIBUTE = "application/xcap-att+xml"
NS = 'xmlns="urn:ietf:params:xml:ns:resource-lists"'
DOCUMENT = (
    f'<?xml version="1.0" encoding="UTF-8"?>\n<resource-lists {NS}>\n'
    '<list name="friends"><entry uri="sip:bob@example.com"><display-name>Bob</display-name></entry>'
    '<entry uri="sip:carol@example.com"/></list>\n<list name="other"/>\n</resource-lists>\n'
)
HOME = "/xcap-root/resource-lists/users/sip:{}@example.com/"
ALICE = HOME.format("alice") + "index"
NODE = ALICE + "/~~/resource-lists"
FRIENDS = NODE + "/list%5b@name=%22friends%22%5d"


class Answer:
    def __init__(self, octets):
        head, _, self.body = octets.partition(b"\r\n\r\n")
        lines = head.decode("latin-1").split("\r\n")
        assert lines[0].startswith("HTTP/1.1 "), octets[:200]
        self.status = int(lines[0].split(" ")[1])
        self.headers = {k.lower(): v.strip() for k, v in (line.split(":", 1) for line in lines[1:])}

    def fault(self):
        """The element of xcap-error, for a 409."""
        found = re.search(rb"<xcap-error[^>]*>\s*<([a-z0-9-]+)", self.body)
        return found.group(1).decode() if self.status == 409 and found else None


def send(daemon, octets):
    """Send a whole request that ends its connection; an answer may come before all is sent."""
    with socket.create_connection(("127.0.0.1", daemon.port), timeout=60) as conn:
        try:
            conn.sendall(octets)
        except (BrokenPipeError, ConnectionResetError):
            pass
        answer = b""
        try:
            while chunk := conn.recv(65536):
                answer += chunk
        except ConnectionResetError:
            pass
        return Answer(answer)


def ask(daemon, method, target, body=b"", media=LISTS, who="alice", headers=()):
    """TARGET as it stands, as latin-1."""
    if isinstance(body, str):
        body = body.encode()
    lines = [f"{method} {target} HTTP/1.1", "Host: x", "Connection: close"]
    if who:
        lines.append(f'X-3GPP-Asserted-Identity: "sip:{who}@example.com"')
    if body or method == "PUT":
        lines += [f"Content-Type: {media}", f"Content-Length: {len(body)}"]
    head = "\r\n".join([*lines, *headers, "", ""])
    return send(daemon, head.encode("latin-1") + body)


@pytest.fixture(scope="module")
def daemon(tmp_path_factory):
    settings = {
        "auth": {"trusted-proxies": [{"address": "127.0.0.1"}]},
        "limits": {"requests": 0, "connections": 0},
    }
    made = Daemon(tmp_path_factory.mktemp("hostile") / "d", settings)
    try:
        made.start()
        for name in ["alice", "bob"]:
            add_user(made, name, PASSWORD)
        assert ask(made, "PUT", ALICE, DOCUMENT).status == 201
        yield made
        made.stop()
        assert "Sanitizer" not in made.log(), made.log()[-5000:]
        assert "runtime error:" not in made.log(), made.log()[-5000:]
    finally:
        made.kill()


@pytest.fixture
def unchanged(daemon):
    """What the test does leaves alice's document as it is, octet for octet."""
    before = ask(daemon, "GET", ALICE)
    assert before.body.decode() == DOCUMENT
    yield
    after = ask(daemon, "GET", ALICE)
    assert (after.body, after.headers["etag"]) == (before.body, before.headers["etag"])


SANITIZED = any(name in (BUILD / "cpmd").read_bytes() for name in (b"__asan_init", b"__tsan_init"))


def resident_kb(daemon):
    """Memory in use; always the same in builds whose sanitizer takes many times as much."""
    if SANITIZED:
        return 0
    with open(f"/proc/{daemon.process.pid}/status", encoding="ascii") as status:
        return int(re.search(r"VmRSS:\s+(\d+)", status.read()).group(1))


# ---- documents that nobody should parse to the end ----


def entities(subset):
    return f"<!DOCTYPE resource-lists [{subset}]>\n<resource-lists {NS}><list name=\"&x;\"/></resource-lists>"


LAUGHS = '<!ENTITY x0 "lol">' + "".join(
    f'<!ENTITY x{i} "{f"&x{i - 1};" * 10}">' for i in range(1, 10)
) + '<!ENTITY x "&x9;">'


@pytest.mark.usefixtures("unchanged")
@pytest.mark.parametrize(
    "subset",
    [
        '<!ENTITY x SYSTEM "file:///etc/passwd">',
        '<!ENTITY x SYSTEM "http://127.0.0.1:{port}/x">',
        '<!ENTITY x PUBLIC "a" "http://127.0.0.1:{port}/x">',
        '<!ENTITY % p SYSTEM "http://127.0.0.1:{port}/x"> %p;',
        '<!ENTITY % p SYSTEM "file:///etc/passwd"> %p; <!ENTITY x "y">',
        LAUGHS,
        '<!ENTITY x "' + "a" * 60000 + '">',
        "",
    ],
    ids=["file", "http", "public", "parameter-http", "parameter-file", "laughs", "quadratic", "bare"],
)
@pytest.mark.parametrize("where", ["document", "element"])
def test_doctype_is_refused_and_nothing_fetched(daemon, subset, where):
    with socket.create_server(("127.0.0.1", 0)) as canary:
        body = entities(subset.replace("{port}", str(canary.getsockname()[1])))
        before = resident_kb(daemon)
        if where == "document":
            answer = ask(daemon, "PUT", ALICE, body)
            assert answer.fault() == "not-well-formed", answer.body
        else:
            answer = ask(daemon, "PUT", FRIENDS, body, ELEMENT)
            assert answer.fault() == "not-xml-frag", answer.body
        assert b"root:" not in answer.body
        assert resident_kb(daemon) - before < 16 * 1024
        canary.setblocking(False)
        with pytest.raises(BlockingIOError):
            canary.accept()


def test_external_subset_is_refused(daemon, unchanged):
    for doctype in ['SYSTEM "file:///etc/passwd"', 'PUBLIC "x" "http://127.0.0.1:1/"']:
        body = f"<!DOCTYPE resource-lists {doctype}><resource-lists {NS}/>"
        assert ask(daemon, "PUT", ALICE, body).fault() == "not-well-formed"


def nested(depth):
    return f"<resource-lists {NS}>" + "<list>" * depth + "</list>" * depth + "</resource-lists>"


def lists_with(attributes):
    return f"<resource-lists {NS}><list {attributes}/></resource-lists>"


TOO_MUCH = {
    "depth 65": nested(64),
    "depth 257": nested(256),
    "depth 10000": nested(9999),
    "depth 100000": nested(99999),
    "65 attributes": lists_with(" ".join(f'a{i}="1"' for i in range(65))),
    "10000 attributes": lists_with(" ".join(f'a{i}="1"' for i in range(10000))),
    "100000 attributes": lists_with(" ".join(f'a{i}="1"' for i in range(100000))),
    "20000 namespaces": lists_with(" ".join(f'xmlns:a{i}="urn:{i}"' for i in range(20000))),
    "a value of 70 kB": lists_with(f'name="{"a" * 70000}"'),
}


@pytest.mark.usefixtures("unchanged")
@pytest.mark.parametrize("name", TOO_MUCH)
def test_too_much_of_anything_is_refused(daemon, name):
    before = resident_kb(daemon)
    answer = ask(daemon, "PUT", ALICE, TOO_MUCH[name])
    assert answer.status == 409, answer.body
    assert answer.fault()
    # What was read goes away; what it took at once is bounded by the body's size.
    assert resident_kb(daemon) - before < 64 * 1024


@pytest.mark.usefixtures("unchanged")
def test_bodies_are_cut_at_the_limit(daemon):
    value = lists_with(f'name="{"a" * (11 << 20)}"')
    assert ask(daemon, "PUT", ALICE, value).status == 413
    head = (
        f'PUT {ALICE} HTTP/1.1\r\nHost: x\r\nX-3GPP-Asserted-Identity: "sip:alice@example.com"\r\n'
        f"Content-Type: {LISTS}\r\n"
    )
    assert send(daemon, (head + "Content-Length: 104857600\r\n\r\n").encode()).status == 413
    chunk = b"100000\r\n" + b"a" * 0x100000 + b"\r\n"
    before = resident_kb(daemon)
    answer = send(daemon, (head + "Transfer-Encoding: chunked\r\n\r\n").encode() + chunk * 5 + b"0\r\n\r\n")
    assert answer.status == 413
    assert resident_kb(daemon) - before < 64 * 1024


def text_in(encoding, declared=None):
    text = f'<?xml version="1.0" encoding="{declared or encoding}"?><resource-lists {NS}>'
    return text + '<list name="\u00e4"/></resource-lists>'


ENCODINGS = {
    "UTF-16 with its mark": text_in("UTF-16").encode("utf-16"),
    "UTF-16LE without": text_in("UTF-16LE").encode("utf-16-le"),
    "UTF-16BE without": text_in("UTF-16BE").encode("utf-16-be"),
    "UTF-32": text_in("UTF-32").encode("utf-32"),
    "UTF-7": text_in("UTF-7").encode("utf-7"),
    "Latin-1": text_in("ISO-8859-1").encode("latin-1"),
    "Latin-1 called UTF-8": text_in("UTF-8").encode("latin-1"),
    "UTF-8 called UTF-16": text_in("UTF-16").encode(),
    "UTF-8 called EBCDIC": text_in("cp037").encode(),
    "an unknown name": text_in("klingon").encode(),
    "overlong slash": DOCUMENT.encode().replace(b"friends", b"\xc0\xaf"),
    "overlong NUL": DOCUMENT.encode().replace(b"friends", b"\xc0\x80"),
    "a surrogate": DOCUMENT.encode().replace(b"friends", b"\xed\xa0\x80"),
    "beyond Unicode": DOCUMENT.encode().replace(b"friends", b"\xf4\x90\x80\x80"),
    "a cut sequence": DOCUMENT.encode().replace(b"friends", b"\xe2\x82"),
    "NUL": DOCUMENT.encode().replace(b"friends", b"a\x00b"),
    "a control octet": DOCUMENT.encode().replace(b"friends", b"a\x01b"),
    "a reference to NUL": DOCUMENT.encode().replace(b"friends", b"&#0;"),
    "U+FFFE": DOCUMENT.encode().replace(b"friends", b"\xef\xbf\xbe"),
    "XML 1.1": DOCUMENT.encode().replace(b'version="1.0"', b'version="1.1"'),
}


@pytest.mark.usefixtures("unchanged")
@pytest.mark.parametrize("name", ENCODINGS)
def test_other_encodings_are_never_stored(daemon, name):
    assert ask(daemon, "PUT", ALICE, ENCODINGS[name]).fault() in ("not-utf-8", "not-well-formed")


# ---- selectors ----

INJECTIONS = [
    "//*", "/*", "*", "..", ".", "//entry", "entry|list", "entry%7Clist", "list/..", "list/../list",
    "list%5b1%5d%5b1%5d", "list%5blast()%5d", "list%5bposition()=1%5d", "list%5b1=1%5d",
    "list%5b@name=%22friends%22 or 1=1%5d", "list%5b@name=%22friends%22%20or%201=1%5d",
    "list%5b@name='friends'%20or%20'1'='1'%5d", "list%5b@name=%22friends%22%5d%5b@x=%22y%22%5d",
    "list%5b@name=%22friends%22%5d/self::*", "child::list", "descendant::entry", "ancestor::*",
    "following-sibling::*", "attribute::name", "list/text()", "list/node()", "list/comment()",
    "list/processing-instruction()", "id(%22x%22)", "document(%22/etc/passwd%22)", "count(//*)",
    "list%5bcontains(@name,%22f%22)%5d", "list%5bstarts-with(@name,%22f%22)%5d", "list%5bnot(@x)%5d",
    "list%5b@name%5d", "list%5b@*=%22friends%22%5d", "list%5b@name=%22fri%00ends%22%5d",
    "list%5b@name=%22friends%5d", "list%5b@name=friends%5d", "list%5b@name=%22friends%22",
    "list%5b%5d", "list%5b-1%5d", "list%5b0%5d", "list%5b99999999999999999999%5d", "list%5b1.0%5d",
    "list%5b%201%20%5d", "list%5b1%5d%5d", "list%5b%5b1%5d%5d", "x:list", "x:*", "*:list", ":list",
    "list:", "xml:list", "xmlns:list", "list/@", "list/@@name", "list/@name/@name", "list/@*",
    "list/@x:name", "list/@xmlns", "@name", "list/namespace::x", "namespace::*/list",
    "list%22%5d/list%5b@name=%22friends", "list%27", "%3Cscript%3E", "%0d%0aX-Injected:%201",
    "list;DROP%20TABLE", "$x", "list%5b$x%5d", "%2e%2e", "%2e%2e%2f%2e%2e", "~~/list", "list/~~/list",
    "%FF%FE", "%C0%AF", "%ED%A0%80", "list%5b@name=%22%FF%22%5d", "%E2%80%AE", "list%5b@name=%22&lt;%22%5d",
    "list%5b@name=%22&x;%22%5d", "list%5b@name=%22&#0;%22%5d", "list%5b@name=%22%3C%22%5d",
    "entry/" * 1000 + "entry", "list/" * 63 + "list", "list%5b1%5d" * 100,
    "list%5b@name=%22" + "a" * 4000 + "%22%5d",
]
ENDS = ["", "/", "/entry", "?xmlns(x=urn:x)", "?xmlns(x=urn:x", "?xpath(//*)"]


@pytest.mark.usefixtures("unchanged")
@pytest.mark.parametrize("method", ["GET", "PUT", "DELETE"])
@pytest.mark.parametrize("end", ENDS)
def test_selectors_reach_nothing_else(daemon, method, end):
    """More than 500 selectors by three methods; none tells of, or changes, another node."""
    told = 0
    for selector in INJECTIONS:
        target = f"{NODE}/{selector}{end}"
        body = '<entry uri="sip:eve@example.com"/>' if method == "PUT" else ""
        answer = ask(daemon, method, target, body, ELEMENT)
        # 415: an attribute after all, for which this is no value.
        assert answer.status in (400, 404, 405, 409, 414, 415), (target, answer.status, answer.body)
        assert b"sip:bob" not in answer.body and b"root:" not in answer.body, target
        assert b"x-injected" not in answer.headers, target
        told += answer.status in (400, 404)
    assert told > len(INJECTIONS) // 2 or method == "PUT"


# ---- other people's trees ----

BOBS = HOME.format("bob")
TRICKS = [
    ALICE, ALICE + "/", ALICE + "//", ALICE + "/.", ALICE + "/..", ALICE + "%2F", ALICE + "%00",
    ALICE.replace("@", "%40"), ALICE.replace("@", "%2540"), ALICE.replace("sip", "SIP"),
    ALICE.replace("sip", "%73ip"), ALICE.replace("alice", "%61lice"), ALICE.replace("alice", "ALICE"),
    ALICE.replace("alice", "Alice"), ALICE.replace("alice", "al%69ce"), ALICE.replace("sip:", "sips:"),
    ALICE.replace("sip:", "sip%3A"), ALICE.replace("sip:", "sip%253A"), ALICE.replace("sip:", ""),
    ALICE.replace("sip:", "tel:"), ALICE.replace("sip:", "sip:bob:x@"), ALICE.replace("sip:", "sip:bob@"),
    ALICE.replace("@example.com", ""), ALICE.replace("com", "com."), ALICE.replace("com", "COM"),
    ALICE.replace("com", "com:5060"), ALICE.replace("com", "com;transport=tcp"),
    ALICE.replace("com", "com?x=y"), ALICE.replace("com", "com%3Fx"), ALICE.replace("com", "com%20"),
    ALICE.replace("com", "com,sip:bob@example.com"), ALICE.replace("alice", "%20alice"),
    ALICE.replace("alice", "alice%20"), ALICE.replace("alice", "alice%09"),
    ALICE.replace("alice", "alice%00"), ALICE.replace("alice", "alice%0d%0a"),
    ALICE.replace("alice", "alice%C2%AD"), ALICE.replace("alice", "%EF%BD%81lice"),
    ALICE.replace("alice", "\u00e4lice"), ALICE.replace("alice", "%C0%E1lice"),
    ALICE.replace("users/", "users//"), ALICE.replace("users/", "users/./"),
    ALICE.replace("users/", "users/%2e/"), ALICE.replace("users/", "users%2F"),
    ALICE.replace("users/", "users/sip:bob@example.com/../"),
    ALICE.replace("users/", "users/sip:bob@example.com/%2e%2e/"),
    ALICE.replace("users/", "users/sip:bob@example.com/.%2e/"),
    ALICE.replace("users/", "users/sip:bob@example.com/..%2F"),
    ALICE.replace("users/", "users/sip:bob@example.com%2F..%2F"),
    ALICE.replace("users/", "users/sip:bob@example.com%252F..%252F"),
    ALICE.replace("users/", "users/sip:bob@example.com/..;/"),
    ALICE.replace("users/", "users/sip:bob@example.com\\..\\"),
    ALICE.replace("users/", "users/sip:bob@example.com%5C..%5C"),
    ALICE.replace("users", "global/../users"), ALICE.replace("users", "Users"),
    ALICE.replace("users", "%75sers"), ALICE.replace("index", "%69ndex"), ALICE.replace("index", "INDEX"),
    ALICE.replace("resource-lists", "Resource-Lists"), ALICE.replace("resource-lists", "pres-rules/../resource-lists"),
    ALICE.replace("/xcap-root", "/xcap-root/../xcap-root"), ALICE.replace("/xcap-root", "//xcap-root"),
    ALICE.replace("/xcap-root", "/XCAP-ROOT"), ALICE.replace("/xcap-root/", "/xcap-root%2F"),
    ALICE + "/~~/resource-lists", ALICE + "/%7E%7E/resource-lists", ALICE + "/%7e~/resource-lists",
    ALICE + "/~~/resource-lists/~~/x", ALICE + "/~~//resource-lists", ALICE + "/~~/*",
    ALICE + "/~~/resource-lists/list%5b1%5d/@name", ALICE + "/~~/resource-lists/namespace::*",
    ALICE + "?xmlns(a=b)", "http://other" + ALICE, "http://127.0.0.1" + ALICE,
    BOBS + "../sip:alice@example.com/index", BOBS + "index/../../sip:alice@example.com/index",
    BOBS + "~~/../index", BOBS + "index/~~/../../sip:alice@example.com/index",
    "/xcap-root/resource-lists/global/index", "/xcap-root/resource-lists/global/../users/sip:alice@example.com/index",
]


@pytest.mark.usefixtures("unchanged")
@pytest.mark.parametrize("method", ["GET", "HEAD", "PUT", "DELETE"])
@pytest.mark.parametrize("who", ["bob", None])
def test_no_path_leads_into_another_users_tree(daemon, method, who):
    assert len(set(TRICKS)) >= 60
    for target in TRICKS:
        body = f"<resource-lists {NS}/>" if method == "PUT" else ""
        answer = ask(daemon, method, target, body, who=who)
        assert answer.status in (400, 401, 403, 404, 405, 409), (target, answer.status, answer.body)
        assert b"friends" not in answer.body and "etag" not in answer.headers, target


@pytest.mark.usefixtures("unchanged")
def test_asserted_and_intended_identities_that_contradict(daemon):
    for fields in [
        ['X-3GPP-Asserted-Identity: "sip:bob@example.com"', 'X-3GPP-Intended-Identity: "sip:alice@example.com"'],
        ['X-3GPP-Asserted-Identity: "sip:bob@example.com"', 'X-3GPP-Asserted-Identity: "sip:alice@example.com"'],
        ['X-3GPP-Asserted-Identity: "sip:bob@example.com"', 'X-XCAP-Asserted-Identity: "sip:alice@example.com"'],
        ['X-3GPP-Asserted-Identity: "sip:bob@example.com", "sip:alice@example.com"'],
        ['X-3GPP-Asserted-Identity: "sip:mallory@example.com"'],
        ['X-3GPP-Asserted-Identity: "sip:alice@example.org"'],
        ['X-3GPP-Asserted-Identity: ""'], ["X-3GPP-Asserted-Identity: nonsense"],
    ]:
        answer = ask(daemon, "GET", ALICE, who=None, headers=fields)
        assert answer.status in (400, 401, 403), (fields, answer.status)
        assert b"friends" not in answer.body


# ---- what RFC 4825 calls a fault ----

ENTRY = '<entry uri="sip:{}@example.com"/>'
DAVE = ENTRY.format("dave")
EMPTY = f"<resource-lists {NS}/>"
FAULTS = [
    # why, method, what follows the document's path, body, type, fault
    ("nothing at all", "PUT", "", "", LISTS, "not-well-formed"),
    ("only text", "PUT", "", "hello", LISTS, "not-well-formed"),
    ("not closed", "PUT", "", "<resource-lists", LISTS, "not-well-formed"),
    ("closed by another", "PUT", "", f"<resource-lists {NS}></list>", LISTS, "not-well-formed"),
    ("two roots", "PUT", "", EMPTY + EMPTY, LISTS, "not-well-formed"),
    ("text behind the root", "PUT", "", EMPTY + "x", LISTS, "not-well-formed"),
    ("an attribute twice", "PUT", "", lists_with('name="a" name="a"'), LISTS, "not-well-formed"),
    ("a prefix without binding", "PUT", "", lists_with('x:name="a"'), LISTS, "not-well-formed"),
    ("an entity nobody declared", "PUT", "", lists_with('name="&x;"'), LISTS, "not-well-formed"),
    ("< in a value", "PUT", "", lists_with('name="<"'), LISTS, "not-well-formed"),
    ("-- in a comment", "PUT", "", f"<resource-lists {NS}><!-- -- --></resource-lists>", LISTS, "not-well-formed"),
    ("another root", "PUT", "", f"<list {NS}/>", LISTS, "schema-validation-error"),
    ("no namespace", "PUT", "", "<resource-lists/>", LISTS, "schema-validation-error"),
    ("an element that is none", "PUT", "", f"<resource-lists {NS}><lisst/></resource-lists>", LISTS,
     "schema-validation-error"),
    ("an attribute that is none", "PUT", "", lists_with('nam="a"'), LISTS, "schema-validation-error"),
    ("an entry without uri", "PUT", "", f"<resource-lists {NS}><list><entry/></list></resource-lists>", LISTS,
     "schema-validation-error"),
    ("two lists of a name", "PUT", "", f'<resource-lists {NS}><list name="a"/><list name="a"/></resource-lists>',
     LISTS, "uniqueness-failure"),
    ("an entry twice", "PUT", "", f"<resource-lists {NS}><list>{DAVE}{DAVE}</list></resource-lists>", LISTS,
     "uniqueness-failure"),
    ("an absolute reference", "PUT", "", f'<resource-lists {NS}><list><entry-ref ref="/x"/></list></resource-lists>',
     LISTS, "constraint-failure"),
    ("into a folder that is none", "PUT", "/deeper/index", EMPTY, LISTS, "no-parent"),
    ("into an element that is none", "PUT", "/~~/resource-lists/list%5b9%5d/entry", DAVE, ELEMENT, "no-parent"),
    ("below a step that selects two", "PUT", "/~~/resource-lists/list/entry", DAVE, ELEMENT, "no-parent"),
    ("into another root", "PUT", "/~~/lists/list", "<list/>", ELEMENT, "no-parent"),
    ("an attribute of nothing", "PUT", "/~~/resource-lists/list%5b9%5d/@name", '"a"', ATTRIBUTE, "no-parent"),
    ("no element", "PUT", "{f}/entry%5b3%5d", "", ELEMENT, "not-xml-frag"),
    ("text for an element", "PUT", "{f}/entry%5b3%5d", "dave", ELEMENT, "not-xml-frag"),
    ("two elements", "PUT", "{f}/entry%5b3%5d", DAVE + DAVE, ELEMENT, "not-xml-frag"),
    ("an element not closed", "PUT", "{f}/entry%5b3%5d", '<entry uri="a">', ELEMENT, "not-xml-frag"),
    ("text behind an element", "PUT", "{f}/entry%5b3%5d", DAVE + "x", ELEMENT, "not-xml-frag"),
    ("a comment beside it", "PUT", "{f}/entry%5b3%5d", "<!-- -->" + DAVE, ELEMENT, "not-xml-frag"),
    ("a declaration before it", "PUT", "{f}/entry%5b3%5d", '<?xml version="1.0"?>' + DAVE, ELEMENT, "not-xml-frag"),
    ("Latin-1 in an element", "PUT", "{f}/entry%5b3%5d", b'<entry uri="\xe4"/>', ELEMENT, "not-utf-8"),
    ("no attribute value", "PUT", "{f}/@name", "<", ATTRIBUTE, "not-xml-att-value"),
    ("a bare ampersand", "PUT", "{f}/@name", '"a & b"', ATTRIBUTE, "not-xml-att-value"),
    ("its own quote in it", "PUT", "{f}/@name", '"a"b"', ATTRIBUTE, "not-xml-att-value"),
    ("Latin-1 in a value", "PUT", "{f}/@name", b'"\xe4"', ATTRIBUTE, "not-utf-8"),
    ("not what the URI names", "PUT", "{f}/entry%5b@uri=%22sip:dave@example.com%22%5d", ENTRY.format("eve"), ELEMENT,
     "cannot-insert"),
    ("another name than the step", "PUT", "{f}/external", DAVE, ELEMENT, "cannot-insert"),
    ("too far behind", "PUT", "{f}/entry%5b4%5d", DAVE, ELEMENT, "cannot-insert"),
    ("at position 0", "PUT", "{f}/entry%5b0%5d", DAVE, ELEMENT, "cannot-insert"),
    ("the attribute that the step tests", "PUT", "{f}/@name", '"foes"', ATTRIBUTE, "cannot-insert"),
    ("the last step selects two", "PUT", "{f}/entry", DAVE, ELEMENT, "cannot-insert"),
    ("an element made invalid", "PUT", "{f}/entry%5b3%5d", "<entry/>", ELEMENT, "schema-validation-error"),
    ("where it may not stand", "PUT", "{f}/display-name", "<display-name/>", ELEMENT, "schema-validation-error"),
    ("an entry's second time", "PUT", "{f}/entry%5b3%5d", ENTRY.format("bob"), ELEMENT, "uniqueness-failure"),
    ("a list's name twice", "PUT", "/~~/resource-lists/list%5b2%5d/@name", '"friends"', ATTRIBUTE,
     "uniqueness-failure"),
    ("an attribute made invalid", "PUT", "{f}/@nam", '"a"', ATTRIBUTE, "schema-validation-error"),
    ("an attribute that must be", "DELETE", "{f}/entry%5b1%5d/@uri", "", ELEMENT, "schema-validation-error"),
    ("the root", "DELETE", "/~~/resource-lists", "", ELEMENT, "schema-validation-error"),
    ("what the next one replaces", "DELETE", "{f}/entry%5b1%5d", "", ELEMENT, "cannot-delete"),
    ("any, the first", "DELETE", "/~~/resource-lists/*%5b1%5d", "", ELEMENT, "cannot-delete"),
]


@pytest.mark.usefixtures("unchanged")
@pytest.mark.parametrize("row", FAULTS, ids=[row[0] for row in FAULTS])
def test_each_fault_by_its_name(daemon, row):
    _, method, rest, body, media, fault = row
    target = ALICE + rest.replace("{f}", FRIENDS[len(ALICE):])
    answer = ask(daemon, method, target, body, media)
    assert (answer.status, answer.fault()) == (409, fault), answer.body
    assert answer.headers["content-type"] == "application/xcap-error+xml"


# ---- lost updates ----


def test_fifty_clients_on_one_etag(daemon):
    """Each reads, adds one and writes back under If-Match; the sum is the number of those told 200."""
    clients, rounds = 50, int(os.environ.get("XCAP_RACE_ROUNDS", "3"))
    target = HOME.format("bob") + "index"
    name = target + "/~~/resource-lists/list%5b1%5d/@name"
    asserted = {"X-3GPP-Asserted-Identity": '"sip:bob@example.com"'}
    zero = f'<resource-lists {NS}><list name="0"/></resource-lists>'
    assert ask(daemon, "PUT", target, zero, who="bob").status == 201
    done, other = [], []

    def count():
        conn = http.client.HTTPConnection("127.0.0.1", daemon.port, timeout=120)
        won = 0
        while won < rounds:
            conn.request("GET", name, headers=asserted)
            got = conn.getresponse()
            value, etag = int(got.read().strip(b'"')) + 1, got.headers["ETag"]
            conn.request("PUT", name, f'"{value}"',
                         {**asserted, "Content-Type": ATTRIBUTE, "If-Match": etag})
            put = conn.getresponse()
            put.read()
            if put.status == 200:
                done.append(value)
                won += 1
            elif put.status != 412:
                other.append(put.status)
                return

    threads = [threading.Thread(target=count) for _ in range(clients)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not other
    assert sorted(done) == list(range(1, clients * rounds + 1))
    assert ask(daemon, "GET", name, who="bob").body == f'"{clients * rounds}"'.encode()


def test_fifty_clients_without_conditions(daemon):
    """Each adds its own entry to one list; none pushes out another's."""
    target = HOME.format("bob") + "many"
    assert ask(daemon, "PUT", target, f'<resource-lists {NS}><list/></resource-lists>', who="bob").status == 201
    statuses = []

    def add(i):
        entry = ENTRY.format(f"user{i}")
        selector = f"{target}/~~/resource-lists/list/entry%5b@uri=%22sip:user{i}@example.com%22%5d"
        statuses.append(ask(daemon, "PUT", selector, entry, ELEMENT, who="bob").status)

    threads = [threading.Thread(target=add, args=(i,)) for i in range(50)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert statuses == [201] * 50
    found = re.findall(rb"sip:user(\d+)@", ask(daemon, "GET", target, who="bob").body)
    assert sorted(map(int, found)) == list(range(50))


# ---- Digest on the wire ----


def digest_of(challenge):
    return dict(re.findall(r'(\w+)="?([^",]+)"?', challenge))


class Credentials:
    """What alice's client answers to a challenge, with every part open to change."""

    def __init__(self, daemon, algorithm="SHA-256"):
        answer = send(daemon, f"GET {ALICE} HTTP/1.1\r\nHost: x\r\nConnection: keep-alive\r\n\r\n".encode()
                      .replace(b"keep-alive", b"close"))
        assert answer.status == 401
        self.nonce = digest_of(answer.headers["www-authenticate"])["nonce"]
        self.algorithm = algorithm

    def field(self, method="GET", uri=ALICE, nc=1, nonce=None, said=None, password=PASSWORD, user="alice",
              cnonce="f00d"):
        def h(text):
            return hashlib.new("sha256" if self.algorithm == "SHA-256" else "md5", text.encode()).hexdigest()

        nonce = self.nonce if nonce is None else nonce
        ha1, ha2 = h(f"{user}:example.com:{password}"), h(f"{method}:{uri}")
        response = h(f"{ha1}:{nonce}:{nc:08x}:{cnonce}:auth:{ha2}")
        values = {
            "username": f'"{user}"', "realm": '"example.com"', "nonce": f'"{nonce}"', "uri": f'"{uri}"',
            "response": f'"{response}"', "algorithm": self.algorithm, "cnonce": f'"{cnonce}"',
            "nc": f"{nc:08x}", "qop": "auth",
        }
        values.update(said or {})
        return "Authorization: Digest " + ", ".join(f"{k}={v}" for k, v in values.items() if v is not None)


def with_digest(daemon, field, method="GET", target=ALICE, body=""):
    return ask(daemon, method, target, body, who=None, headers=[field])


@pytest.mark.usefixtures("unchanged")
@pytest.mark.parametrize("algorithm", ["SHA-256", "MD5"])
def test_digest_replays_are_refused(daemon, algorithm):
    """Five kinds, a hundred each; each taken count passed once, and those after it still do."""
    mine = Credentials(daemon, algorithm)
    assert with_digest(daemon, mine.field(nc=1)).status == 200
    assert with_digest(daemon, mine.field(nc=40)).status == 200
    for nc in range(2, 40):
        assert with_digest(daemon, mine.field(nc=nc)).status == 200  # overtaken ones, once each
    for nc in itertools.islice(itertools.cycle(range(1, 41)), 100):
        answer = with_digest(daemon, mine.field(nc=nc))
        assert answer.status == 401 and "stale=true" not in answer.headers["www-authenticate"]
    for i in range(100):
        right = mine.field(nc=41 + i)
        # Another method makes it a wrong response, which counts as a guess until a right one comes.
        assert with_digest(daemon, right, method="DELETE" if i % 2 else "HEAD").status == 401
        assert with_digest(daemon, right, target=ALICE + "/~~/resource-lists").status == 400
        assert with_digest(daemon, right).status == 200
    far = with_digest(daemon, mine.field(nc=1000000))
    assert far.status == 401 and "stale=true" in far.headers["www-authenticate"]
    assert with_digest(daemon, mine.field(nc=141)).status == 401  # the nonce is retired with that


@pytest.fixture
def fresh(make_daemon):
    """A daemon of its own, which may be restarted."""
    daemon = make_daemon().start()
    add_user(daemon, "alice", PASSWORD)
    return daemon


def test_forged_and_foreign_nonces(fresh):
    mine = Credentials(fresh)
    forged = [mine.nonce[:-1] + ("A" if mine.nonce[-1] != "A" else "B"), "A" * 40, "x", "a" * 128,
              mine.nonce + "A", mine.nonce[1:], mine.nonce.swapcase(), "0" * 40]
    before = resident_kb(fresh)
    for i in range(400):
        field = mine.field(nonce=forged[i % len(forged)] if i < 100 else f"{i:040d}")
        assert with_digest(fresh, field).status == 401
    assert resident_kb(fresh) - before < 16 * 1024
    # A nonce of ours is no guess: the true user is served meanwhile.
    assert with_digest(fresh, mine.field()).status == 404


def test_a_nonce_of_before_a_restart(fresh):
    mine = Credentials(fresh)
    assert with_digest(fresh, mine.field()).status == 404
    assert fresh.stop() == 0
    fresh.start()
    assert with_digest(fresh, mine.field(nc=1)).status == 401
    assert with_digest(fresh, mine.field(nc=2)).status == 401


ANOMALIES = [
    {"username": '""'}, {"username": '"' + "a" * 300 + '"'}, {"username": "alice"}, {"username": None},
    {"realm": '""'}, {"realm": '"other.example"'}, {"realm": None}, {"nonce": '""'}, {"nonce": None},
    {"uri": '""'}, {"uri": '"/"'}, {"uri": '"*"'}, {"uri": '"' + "/" * 9000 + '"'}, {"uri": None},
    {"response": '""'}, {"response": '"0"'}, {"response": '"' + "0" * 64 + '"'}, {"response": '"' + "g" * 64 + '"'},
    {"response": '"' + "0" * 63 + '"'}, {"response": '"' + "0" * 4000 + '"'}, {"response": None},
    {"algorithm": "SHA-512-256"}, {"algorithm": "SHA-256-sess"}, {"algorithm": "none"}, {"algorithm": '""'},
    {"algorithm": "MD5"}, {"cnonce": None}, {"cnonce": '"' + "c" * 300 + '"'}, {"nc": None}, {"nc": "0"},
    {"nc": "00000000"}, {"nc": "ffffffff"}, {"nc": "-1"}, {"nc": "0x1"}, {"nc": "000000001"}, {"nc": "zz"},
    {"qop": "auth-int"}, {"qop": '"auth,auth-int"'}, {"qop": "none"}, {"qop": None},
    {"userhash": "true"}, {"username*": "UTF-8''alice"}, {"username\"": '"alice"'}, {"=": "="},
    {"x" * 1000: '"y"'}, {"opaque": '"' + "o" * 3000 + '"'}, {"auth-param": '"\\'},
]


@pytest.mark.parametrize("i", range(len(ANOMALIES)))
def test_digest_anomalies(daemon, i):
    answer = with_digest(daemon, Credentials(daemon).field(user=f"nobody{i}", said=ANOMALIES[i]))
    assert answer.status in (400, 401, 431), (ANOMALIES[i], answer.status)
    assert b"friends" not in answer.body


@pytest.mark.parametrize(
    "field",
    ["", "Digest", "Digest ", "Digest ,", "Digest =", 'Digest username="', "Digest username=\"a\\", "Basic",
     "Basic !", "Basic Og==", "Bearer x", "digest\tx", "Digest " + "," * 2000, 'Digest username="a", username="a"',
     "Digest " + ", ".join(f"a{i}=b" for i in range(200))],
)
def test_credentials_that_are_none(daemon, field):
    assert with_digest(daemon, "Authorization: " + field).status in (400, 401)
    twice = ask(daemon, "GET", ALICE, who=None, headers=["Authorization: " + field] * 2)
    assert twice.status in (400, 401)
