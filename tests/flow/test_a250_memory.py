# SPDX-License-Identifier: Apache-2.0
"""No memory at the n-th call while a request is served: refused or cut off, never half an answer.

The crash suite's shim stands between cpmd and malloc(3). Each request is sent while the n-th
allocation from then on fails, alone or with all behind it. It must be answered as ever or by 5xx,
or the connection must end without an octet; the process goes on, and what it said to have stored is
there. An end by the store's own decision (KV_EXIT_FATAL: what a commit did is unknown) is allowed.
A check tries some n of each request, with OPENCPM_SOAK=1 every one up to some hundred.
"""

import json
import os
import random
import socket
import sys
from pathlib import Path

import pytest

from harness import BUILD, add_user
from httpd import Client

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "crash"))

import crashlib  # noqa: E402

SHIM = BUILD / "tests" / "crash" / "shim.so"
SOAK = os.environ.get("OPENCPM_SOAK") == "1"
SAMPLE = 500 if SOAK else 8  # numbers tried of each request
GRACE_S = 0.1  # how long a request may wait for an answer before memory comes back

pytestmark = pytest.mark.skipif(
    not SHIM.exists(), reason="the shim cannot stand beside a sanitizer, which has its own malloc"
)

HOME = "/xcap-root/resource-lists/users/sip:alice@example.com/"
LIST = "index/~~/resource-lists/list%5b@name=%22l%22%5d"
ENTRY = LIST + "/entry%5b@uri=%22sip:bob@example.com%22%5d"
DOCUMENT = "application/resource-lists+xml"
ELEMENT = "application/xcap-el+xml"


def document(entries):
    return (
        '<resource-lists xmlns="urn:ietf:params:xml:ns:resource-lists"><list name="l">'
        + "".join(f'<entry uri="sip:e{i}@example.com"/>' for i in range(entries))
        + "</list></resource-lists>"
    )


class Ask:
    """One request. ADMIN: over the admin socket, where bodies are JSON."""

    def __init__(self, method, target, body=None, media=None, admin=False, fields=()):
        if admin and body is not None:
            body = json.dumps(body)
        self.method, self.target, self.admin = method, target, admin
        self.body = None if body is None else body.encode()
        self.fields = list(fields)
        if media:
            self.fields.append(f"Content-Type: {media}")

    def octets(self):
        lines = [f"{self.method} {self.target} HTTP/1.1", "Host: x", *self.fields]
        if self.body is not None:
            lines.append(f"Content-Length: {len(self.body)}")
        return "\r\n".join(lines).encode() + b"\r\n\r\n" + (self.body or b"")


def xcap(method, path, body=None, media=None, *fields):
    """By a front end that is believed when it says who asks."""
    who = '"sip:alice@example.com"'
    return Ask(method, HOME + path, body, media, fields=[f"X-3GPP-Asserted-Identity: {who}", *fields])


def oma(method, usage, document, body=None, media=None):
    path = f"/xcap-root/org.openmobilealliance.{usage}/users/sip:alice@example.com/{document}"
    return Ask(method, path, body, media,
               fields=['X-3GPP-Asserted-Identity: "sip:alice@example.com"'])


def admin(method, path, body=None):
    return Ask(method, "/v1" + path, body, admin=True)


GROUP = (
    '<group xmlns="urn:oma:xml:poc:list-service"><list-service uri="sip:hikers@example.com"/></group>'
)
PUT_SMALL = xcap("PUT", "index", document(1), DOCUMENT)
GET_INDEX = xcap("GET", "index")
USER = {"password": "correct-horse-battery", "aliases": ["tel:+4930123"]}

# What is asked; what is asked before, to begin alike; what tells whether it took effect, and how.
CASES = {
    "metrics": (Ask("GET", "/metrics"), [], None),
    "readiness": (Ask("GET", "/readyz"), [], None),
    "unknown path": (Ask("GET", "/no/such/thing"), [], None),
    "method not allowed": (Ask("DELETE", "/metrics"), [], None),
    "refused by the fence": (Ask("GET", "/metrics", fields=["Host: y"]), [], None),
    "challenge": (Ask("GET", HOME + "index"), [], None),
    "document": (GET_INDEX, [xcap("PUT", "index", document(100), DOCUMENT)], None),
    "not modified": (xcap("GET", "index", None, None, 'If-None-Match: *'), [PUT_SMALL], None),
    "element": (xcap("GET", LIST), [PUT_SMALL], None),
    "absent document": (xcap("GET", "other"), [], None),
    "new document": (
        PUT_SMALL, [xcap("DELETE", "index")],
        (GET_INDEX, lambda answer: answer.body == PUT_SMALL.body),
    ),
    "large document": (
        xcap("PUT", "index", document(300), DOCUMENT), [PUT_SMALL],
        (GET_INDEX, lambda answer: answer.body == document(300).encode()),
    ),
    "invalid document": (
        xcap("PUT", "index", document(1).replace("entry", "entri"), DOCUMENT), [PUT_SMALL],
        (GET_INDEX, lambda answer: answer.body == PUT_SMALL.body),
    ),
    "new element": (
        xcap("PUT", ENTRY, '<entry uri="sip:bob@example.com"/>', ELEMENT), [PUT_SMALL],
        (GET_INDEX, lambda answer: b"sip:bob@" in answer.body),
    ),
    "element gone": (
        xcap("DELETE", LIST + "/entry%5b1%5d"), [PUT_SMALL],
        (GET_INDEX, lambda answer: b"<entry" not in answer.body),
    ),
    "document gone": (
        xcap("DELETE", "index"), [PUT_SMALL], (GET_INDEX, lambda answer: answer.status == 404),
    ),
    "directory": (oma("GET", "xcap-directory", "directory.xml"), [PUT_SMALL], None),
    "new group": (
        oma("PUT", "groups", "hikers", GROUP, "application/vnd.oma.poc.groups+xml"),
        [oma("DELETE", "groups", "hikers")],
        (oma("GET", "groups", "hikers"), lambda answer: answer.body == GROUP.encode()),
    ),
    "group of another's URI": (
        oma("PUT", "groups", "bikers", GROUP, "application/vnd.oma.poc.groups+xml"),
        [oma("PUT", "groups", "hikers", GROUP, "application/vnd.oma.poc.groups+xml")],
        (oma("GET", "groups", "bikers"), lambda answer: answer.status == 404),
    ),
    "list of documents": (admin("GET", "/docs?of=alice"), [PUT_SMALL], None),
    "status": (admin("GET", "/status"), [], None),
    "statistics": (admin("GET", "/stats"), [], None),
    "levels": (admin("GET", "/log"), [], None),
    "reload": (admin("POST", "/reload"), [], None),
    "owners": (admin("GET", "/owners"), [], None),
    "users": (admin("GET", "/users"), [], None),
    "export": (admin("GET", "/export/sip:alice@example.com"), [PUT_SMALL], None),
    "jobs": (admin("GET", "/jobs"), [], None),
    "bad JSON": (Ask("PUT", "/v1/users/carol", "{", None, admin=True), [], None),
    "new user": (
        admin("PUT", "/users/carol", USER), [admin("DELETE", "/users/carol")],
        (admin("GET", "/users/tel:+4930123"), lambda answer: answer.status == 200),
    ),
    "changed user": (
        admin("PATCH", "/users/carol", {"disabled": True}), [admin("PUT", "/users/carol", USER)],
        (admin("GET", "/users/carol"), lambda answer: json.loads(answer.body)["disabled"]),
    ),
    "user gone": (
        admin("DELETE", "/users/carol"), [admin("PUT", "/users/carol", USER)],
        (admin("GET", "/users/carol"), lambda answer: answer.status == 404),
    ),
}


class Starved:
    """A daemon whose memory can be made to run out."""

    def __init__(self, daemon):
        self.daemon = daemon
        self.control = crashlib.Control(daemon.folder / "control")
        self.start()
        self.log, self.seen = open(daemon.log_path, "rb"), 0
        add_user(daemon, "alice", "correct-horse-battery")

    def start(self):
        self.daemon.start(env=dict(
            os.environ, LD_PRELOAD=str(SHIM), CRASH_DIR=str(self.daemon.folder / "store"),
            CRASH_CONTROL=str(self.control.path),
        ))

    def connect(self, ask):
        if not ask.admin:
            return Client(socket.create_connection(("127.0.0.1", self.daemon.port)))
        sock = socket.socket(socket.AF_UNIX)
        sock.connect(str(self.daemon.socket))
        return Client(sock)

    def ask(self, ask):
        """With memory: there is an answer."""
        client = self.connect(ask)
        try:
            client.send(ask.octets())
            answer = client.answer()
            assert answer, f"{ask.method} {ask.target}: no answer"
            return answer
        finally:
            client.close()

    def starve(self, n, lasting):
        """The N-th allocation from now on fails."""
        first = self.control.mallocs + n
        self.control.malloc_to = crashlib.FOR_EVER if lasting else first + 1
        self.control.malloc_from = first

    def relieve(self):
        self.control.malloc_from = crashlib.FOR_EVER

    def ask_starved(self, ask, n, lasting):
        """The answer, or None when the connection ended without an octet of one."""
        client = self.connect(ask)
        client.sock.settimeout(GRACE_S)
        self.starve(n, lasting)
        try:
            client.send(ask.octets())
            try:
                answer = client.answer()
            except TimeoutError:
                self.relieve()
                client.sock.settimeout(30)
                answer = client.answer()
            assert answer or client.rest == b"", f"half an answer: {client.rest!r}"
            return answer
        except (BrokenPipeError, ConnectionResetError):
            return None
        finally:
            self.relieve()
            client.close()

    def survived(self):
        """Start again what ended by the store's decision, which it announces; any other end is
        wrong."""
        self.log.seek(self.seen)
        said = self.log.read()
        self.seen += len(said)
        if self.daemon.ended() or b"the store failed" in said:
            ended = self.daemon.process.wait(timeout=30)
            log = self.daemon.log()
            self.start()
            assert ended == crashlib.EXIT_FATAL, f"ended by {ended}: {log[-1000:]}"

    def allocations(self, case):
        """How many a request takes, about."""
        ask, before, _ = case
        most = 0
        for _ in range(3):
            for one in before:
                self.ask(one)
            began = self.control.mallocs
            self.ask(ask)
            most = max(most, self.control.mallocs - began)
        return most

    def cycle(self, case, n, lasting):
        ask, before, look = case
        for one in before:
            self.ask(one)
        normal = self.ask(ask).status if look is None else None
        answer = self.ask_starved(ask, n, lasting)
        self.survived()
        # A refused reload names the fault, and what it names is memory.
        if answer is None or answer.status >= 500 or b"memory" in answer.body:
            return
        if look is None:
            assert answer.status == normal
        elif answer.status < 300 or answer.status == 409:
            looked, is_there = look
            assert is_there(self.ask(looked)), f"answered {answer.status}, and no effect"
        else:
            raise AssertionError(f"answered {answer.status}")


@pytest.fixture(scope="module")
def starved(tmp_path_factory):
    from harness import Daemon

    daemon = Daemon(tmp_path_factory.mktemp("starved"), {
        "auth": {"trusted-proxies": [{"address": "127.0.0.1"}]},
        "limits": {"requests": 0},
    })
    one = Starved(daemon)
    one.relieve()
    yield one
    one.log.close()
    ended = daemon.stop()
    daemon.kill()
    one.control.close()
    assert ended == 0, daemon.log()[-3000:]


@pytest.mark.parametrize("name", CASES)
def test_no_memory(starved, name):
    case = CASES[name]
    total = starved.allocations(case)
    chosen = range(1, total + 2)
    if total > SAMPLE:
        chosen = sorted({1, total, *random.Random(name).sample(chosen, SAMPLE - 2)})
    wrong = []
    for n in chosen:
        for lasting in (False, True):
            try:
                starved.cycle(case, n, lasting)
            except (AssertionError, EOFError, OSError) as error:
                which = "and all behind it" if lasting else "alone"
                wrong.append(f"allocation {n} of {total} fails, {which}: {error!r:.2000}")
                starved.survived()
    assert not wrong, "\n".join([f"{len(wrong)} times", *wrong[:20]])


def test_no_octet_of_the_store_is_lost_in_the_end(starved):
    """After all of it the store is whole."""
    done = starved.daemon.ctl("verify")
    assert done.returncode == 0, done.stdout + done.stderr
