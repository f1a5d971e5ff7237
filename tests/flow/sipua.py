# SPDX-License-Identifier: Apache-2.0
"""A small SIP user agent for flow tests: it says exactly what a test tells it to say.

Messages are written as text and read into Message; digest, tags and branches are made here. It
keeps no state machine: what arrives is what a test sees, repeated or not.
"""

import hashlib
import re
import secrets
import socket
import time

from harness import PATIENCE_S

COMPACT = {
    "v": "via", "f": "from", "t": "to", "i": "call-id", "m": "contact", "l": "content-length",
    "c": "content-type", "k": "supported", "e": "content-encoding", "o": "event",
}


class Message:
    """One received message: start line, header fields in order, body."""

    def __init__(self, octets):
        head, _, self.body = octets.partition(b"\r\n\r\n")
        text = re.sub(r"\r\n[ \t]+", " ", head.decode("utf-8", "surrogateescape"))
        self.start, *lines = text.split("\r\n")
        self.fields = []
        for line in lines:
            name, _, value = line.partition(":")
            name = name.strip().lower()
            self.fields.append((COMPACT.get(name, name), value.strip()))
        self.octets = octets
        self.is_request = not self.start.startswith("SIP/2.0 ")
        if self.is_request:
            self.method, self.uri = self.start.split(" ")[:2]
            self.status = None
        else:
            self.status = int(self.start.split(" ")[1])
            self.method = (self.get("cseq") or "0 NONE").split()[1]

    def all(self, name):
        return [value for field, value in self.fields if field == name.lower()]

    def get(self, name):
        return (self.all(name) or [None])[0]

    def tag(self, name):
        found = re.search(r";\s*tag=([^;>\s]+)", self.get(name) or "")
        return found and found.group(1)

    def branch(self):
        return re.search(r"branch=([^;,\s]+)", self.get("via")).group(1)

    def __repr__(self):
        return self.octets.decode("utf-8", "replace")


def split_stream(octets):
    """The whole messages at the start of OCTETS, and what is left."""
    messages = []
    while True:
        octets = octets.lstrip(b"\r\n")
        head, end, rest = octets.partition(b"\r\n\r\n")
        if not end:
            return messages, octets
        length = re.search(rb"(?im)^(?:content-length|l)[ \t]*:[ \t]*(\d+)", head)
        size = int(length.group(1)) if length else 0
        if len(rest) < size:
            return messages, octets
        messages.append(Message(head + end + rest[:size]))
        octets = rest[size:]


def digest(challenge, method, uri, user, password, nc=1, cnonce=None, response=None):
    """The value of an Authorization field that answers CHALLENGE."""
    given = dict(re.findall(r'(\w+)="?([^",]*)"?', challenge.split(" ", 1)[1]))
    algorithm = given.get("algorithm", "MD5")
    hash_of = hashlib.sha256 if algorithm.upper() == "SHA-256" else hashlib.md5

    def hashed(*parts):
        return hash_of(":".join(parts).encode()).hexdigest()

    cnonce = cnonce or secrets.token_hex(8)
    count = f"{nc:08x}"
    response = response or hashed(
        hashed(user, given["realm"], password), given["nonce"], count, cnonce, "auth",
        hashed(method, uri),
    )
    return (
        f'Digest username="{user}", realm="{given["realm"]}", nonce="{given["nonce"]}", '
        f'uri="{uri}", response="{response}", algorithm={algorithm}, cnonce="{cnonce}", '
        f"qop=auth, nc={count}"
    )


class UserAgent:
    """One device of USER at a socket of its own."""

    def __init__(self, daemon, user, password=None, transport="udp", domain="example.com",
                 port=0):
        self.user, self.password, self.domain = user, password, domain
        self.transport = transport
        self.server = ("127.0.0.1", daemon.sip_port)
        self.aor = f"sip:{user}@{domain}"
        kind = socket.SOCK_DGRAM if transport == "udp" else socket.SOCK_STREAM
        self.sock = socket.socket(type=kind)
        if transport == "udp":
            self.sock.bind(("127.0.0.1", port))
        else:
            self.sock.connect(self.server)
        self.address = "%s:%d" % self.sock.getsockname()
        self.contact = f"<sip:{user}@{self.address};transport={transport}>"
        self.cseq = 0
        self.waiting, self.left = [], b""

    def close(self):
        self.sock.close()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()

    # ---- octets ----

    def send_raw(self, octets):
        if isinstance(octets, str):
            octets = octets.encode("utf-8", "surrogateescape")
        if self.transport == "udp":
            self.sock.sendto(octets, self.server)
        else:
            self.sock.sendall(octets)

    def receive(self, patience_s=PATIENCE_S):
        """The next message; None when none comes in time or the connection has ended."""
        deadline = time.monotonic() + patience_s
        while not self.waiting:
            left_s = deadline - time.monotonic()
            if left_s <= 0:
                return None
            self.sock.settimeout(left_s)
            try:
                octets = self.sock.recv(65536)
            except (socket.timeout, ConnectionError):
                return None
            if self.transport == "udp":
                if octets.strip():
                    self.waiting.append(Message(octets))
                continue
            if not octets:
                return None
            messages, self.left = split_stream(self.left + octets)
            self.waiting += messages
        return self.waiting.pop(0)

    def expect(self, what, patience_s=PATIENCE_S):
        """The next message that WHAT, a function, takes; others are passed over."""
        deadline = time.monotonic() + patience_s
        seen = []
        while True:
            message = self.receive(max(0.0, deadline - time.monotonic()))
            assert message is not None, f"nothing fitting came; seen: {seen}"
            if what(message):
                return message
            seen.append(message.start)

    # ---- requests ----

    def request(self, method, uri, headers=(), body=b"", call_id=None, from_uri=None, to_uri=None,
                to_tag=None, branch=None, cseq=None, from_tag=None, contact=False):
        """The octets of a request; HEADERS are (name, value) pairs."""
        if cseq is None:
            self.cseq += 1
            cseq = self.cseq
        if isinstance(body, str):
            body = body.encode()
        to = f"<{to_uri or uri}>" + (f";tag={to_tag}" if to_tag else "")
        lines = [
            f"{method} {uri} SIP/2.0",
            f"Via: SIP/2.0/{self.transport.upper()} {self.address};rport;"
            f"branch={branch or 'z9hG4bK' + secrets.token_hex(8)}",
            f"From: <{from_uri or self.aor}>;tag={from_tag or secrets.token_hex(4)}",
            f"To: {to}",
            f"Call-ID: {call_id or secrets.token_hex(12)}",
            f"CSeq: {cseq} {method}",
            "Max-Forwards: 70",
        ]
        if contact:
            lines.append(f"Contact: {self.contact}")
        lines += [f"{name}: {value}" for name, value in headers]
        lines.append(f"Content-Length: {len(body)}")
        return "\r\n".join(lines).encode("utf-8", "surrogateescape") + b"\r\n\r\n" + body

    def answer_to(self, octets, patience_s=PATIENCE_S):
        """Send OCTETS; the final answer to them. Requests that come meanwhile wait."""
        sent = Message(octets)
        self.send_raw(octets)
        kept = []

        def fits(message):
            if message.is_request:
                kept.append(message)
                return False
            return message.status >= 200 and message.branch() == sent.branch()

        try:
            return self.expect(fits, patience_s)
        finally:
            self.waiting = kept + self.waiting

    def call(self, method, uri, headers=(), body=b"", patience_s=PATIENCE_S, **options):
        """Send the request, authenticate when asked to; the last answer."""
        headers = list(headers)
        options.setdefault("call_id", secrets.token_hex(12))
        options.setdefault("from_tag", secrets.token_hex(4))
        answer = self.answer_to(self.request(method, uri, headers, body, **options), patience_s)
        if answer.status in (401, 407) and self.password is not None:
            asked, given = (
                ("www-authenticate", "Authorization") if answer.status == 401
                else ("proxy-authenticate", "Proxy-Authorization")
            )
            value = digest(answer.get(asked), method, uri, self.user, self.password)
            options.pop("cseq", None)
            answer = self.answer_to(
                self.request(method, uri, headers + [(given, value)], body, **options), patience_s)
        return answer

    def register(self, expires=3600, contact=None, headers=(), **options):
        contact = self.contact if contact is None else contact
        fields = [("Contact", contact)] if contact else []
        return self.call(
            "REGISTER", f"sip:{self.domain}", fields + [("Expires", expires), *headers],
            to_uri=self.aor, **options)

    def message(self, to, text="hello", headers=(), content_type="text/plain", **options):
        return self.call("MESSAGE", to, [("Content-Type", content_type), *headers], text, **options)

    def reply(self, request, status=200, reason="OK", headers=(), body=b""):
        """Answer REQUEST as a user agent server does."""
        lines = [f"SIP/2.0 {status} {reason}"]
        lines += [f"Via: {value}" for value in request.all("via")]
        to = request.get("to")
        if status > 100 and not request.tag("to"):
            to += f";tag={secrets.token_hex(4)}"
        lines += [f"From: {request.get('from')}", f"To: {to}", f"Call-ID: {request.get('call-id')}",
                  f"CSeq: {request.get('cseq')}"]
        lines += [f"{name}: {value}" for name, value in headers]
        lines.append(f"Content-Length: {len(body)}")
        self.send_raw("\r\n".join(lines).encode("utf-8", "surrogateescape") + b"\r\n\r\n" + body)

    def take(self, method, status=200, patience_s=PATIENCE_S, **options):
        """The next request of METHOD, answered."""
        request = self.expect(lambda m: m.is_request and m.method == method, patience_s)
        self.reply(request, status, **options)
        return request
