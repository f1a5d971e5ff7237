# SPDX-License-Identifier: Apache-2.0
"""HTTP edge: requests that must be refused, and what is behind them never carried out.

Each bad request is followed on the same connection by a good one to /canary. Nothing but one
refusal may come back, the connection must end, and /canary must not be in the log: that is what
a request smuggled past a proxy would need.
"""

import contextlib

import pytest

from httpd import WORKERS, Server

H = "Host: x\r\n"
CANARY = "GET /show/canary HTTP/1.1\r\nHost: x\r\n\r\n"

# name: request, status. Status None: no answer is possible, the connection just ends.
BAD = {
    "length and chunked": (f"POST /echo HTTP/1.1\r\n{H}Content-Length: 4\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n", 400),
    "chunked and length": (f"POST /echo HTTP/1.1\r\n{H}Transfer-Encoding: chunked\r\nContent-Length: 4\r\n\r\n0\r\n\r\n", 400),
    "two lengths": (f"POST /echo HTTP/1.1\r\n{H}Content-Length: 4\r\nContent-Length: 0\r\n\r\nbody", 400),
    "two equal lengths": (f"POST /echo HTTP/1.1\r\n{H}Content-Length: 4\r\nContent-Length: 4\r\n\r\nbody", 400),
    "list of lengths": (f"POST /echo HTTP/1.1\r\n{H}Content-Length: 4, 4\r\n\r\nbody", 400),
    "length with sign": (f"POST /echo HTTP/1.1\r\n{H}Content-Length: +4\r\n\r\nbody", 400),
    "negative length": (f"POST /echo HTTP/1.1\r\n{H}Content-Length: -4\r\n\r\nbody", 400),
    "length in hexadecimal": (f"POST /echo HTTP/1.1\r\n{H}Content-Length: 0x4\r\n\r\nbody", 400),
    "empty length": (f"POST /echo HTTP/1.1\r\n{H}Content-Length:\r\n\r\nbody", 400),
    "length of 2^32+4": (f"POST /small HTTP/1.1\r\n{H}Content-Length: 4294967300\r\n\r\nbody", 413),
    "length of 2^64+4": (f"POST /echo HTTP/1.1\r\n{H}Content-Length: 18446744073709551620\r\n\r\nbody", 413),
    "two codings": (f"POST /echo HTTP/1.1\r\n{H}Transfer-Encoding: chunked\r\nTransfer-Encoding: identity\r\n\r\n0\r\n\r\n", 400),
    "unknown coding": (f"POST /echo HTTP/1.1\r\n{H}Transfer-Encoding: xchunked\r\n\r\n0\r\n\r\n", 501),
    "coding behind chunked": (f"POST /echo HTTP/1.1\r\n{H}Transfer-Encoding: chunked, gzip\r\n\r\n0\r\n\r\n", 501),
    "vertical tab before chunked": (f"POST /echo HTTP/1.1\r\n{H}Transfer-Encoding: \x0bchunked\r\n\r\n0\r\n\r\n", 400),
    "blank behind chunked": (f"POST /echo HTTP/1.1\r\n{H}Transfer-Encoding: chunked \r\n\r\n0\r\n\r\n", 400),
    "coding in 1.0": (f"POST /echo HTTP/1.0\r\n{H}Transfer-Encoding: chunked\r\n\r\n0\r\n\r\n", 400),
    "chunk size of 2^64": (f"POST /echo HTTP/1.1\r\n{H}Transfer-Encoding: chunked\r\n\r\n10000000000000000\r\nbody\r\n0\r\n\r\n", 413),
    "chunk size that is none": (f"POST /echo HTTP/1.1\r\n{H}Transfer-Encoding: chunked\r\n\r\nzz\r\nbody\r\n0\r\n\r\n", 400),
    "negative chunk size": (f"POST /echo HTTP/1.1\r\n{H}Transfer-Encoding: chunked\r\n\r\n-4\r\nbody\r\n0\r\n\r\n", 400),
    "chunk size with 0x": (f"POST /echo HTTP/1.1\r\n{H}Transfer-Encoding: chunked\r\n\r\n0x4\r\nbody\r\n0\r\n\r\n", 400),
    "blank before a chunk size": (f"POST /echo HTTP/1.1\r\n{H}Transfer-Encoding: chunked\r\n\r\n 4\r\nbody\r\n0\r\n\r\n", 400),
    "empty chunk size with extension": (f"POST /echo HTTP/1.1\r\n{H}Transfer-Encoding: chunked\r\n\r\n;a=b\r\nbody\r\n0\r\n\r\n", 400),
    "chunk longer than its size": (f"POST /echo HTTP/1.1\r\n{H}Transfer-Encoding: chunked\r\n\r\n3\r\nbody\r\n0\r\n\r\n", 400),
    "two Hosts": (f"GET /show HTTP/1.1\r\n{H}Host: y\r\n\r\n", 400),
    "no Host": ("GET /show HTTP/1.1\r\n\r\n", 400),
    "Host with a path": ("GET /show HTTP/1.1\r\nHost: x/y\r\n\r\n", 400),
    "folded field": (f"GET /show HTTP/1.1\r\n{H}X: a\r\n b\r\n\r\n", 400),
    "fold that makes a length": (f"POST /echo HTTP/1.1\r\n{H}X: a\r\n\tContent-Length: 4\r\n\r\n", 400),
    "folded length": (f"POST /echo HTTP/1.1\r\n{H}Content-Length:\r\n 4\r\n\r\nbody", 400),
    "fold before the first field": ("GET /show HTTP/1.1\r\n X: a\r\nHost: x\r\n\r\n", 400),
    "bare LF behind the request line": ("GET /show HTTP/1.1\nHost: x\r\n\r\n", 400),
    "bare LF behind a field": ("GET /show HTTP/1.1\r\nHost: x\nX: y\r\n\r\n", 400),
    "bare LF behind the last field": ("GET /show HTTP/1.1\r\nHost: x\n\r\n", 400),
    "bare LF as the empty line": (f"GET /show HTTP/1.1\r\n{H}\n", 400),
    "bare CR in a value": (f"GET /show HTTP/1.1\r\n{H}X: a\rY: b\r\n\r\n", 400),
    "CR CR LF": (f"GET /show HTTP/1.1\r\n{H}X: a\r\r\n\r\n", 400),
    "blank before the colon": (f"POST /echo HTTP/1.1\r\n{H}Content-Length : 4\r\n\r\nbody", 400),
    "tab before the colon": (f"POST /echo HTTP/1.1\r\n{H}Transfer-Encoding\t: chunked\r\n\r\n0\r\n\r\n", 400),
    "no colon": (f"GET /show HTTP/1.1\r\n{H}X\r\n\r\n", 400),
    "empty name": (f"GET /show HTTP/1.1\r\n{H}: a\r\n\r\n", 400),
    "control octet in a name": (f"GET /show HTTP/1.1\r\n{H}X\x01: a\r\n\r\n", 400),
    "octet over 127 in a name": (f"GET /show HTTP/1.1\r\n{H}X\xe9: a\r\n\r\n", 400),
    "separator in a name": (f"GET /show HTTP/1.1\r\n{H}X[0]: a\r\n\r\n", 400),
    "NUL in a name": (f"GET /show HTTP/1.1\r\n{H}X\0Y: a\r\n\r\n", 400),
    "NUL in a value": (f"GET /show HTTP/1.1\r\n{H}X: a\0b\r\n\r\n", 400),
    "NUL at the end of a value": (f"GET /show HTTP/1.1\r\n{H}X: a\0\r\n\r\n", 400),
    "line that begins with NUL": (f"GET /show HTTP/1.1\r\n{H}\0X: a\r\n\r\n", 400),
    "control octet in a value": (f"GET /show HTTP/1.1\r\n{H}X: a\x08b\r\n\r\n", 400),
    "two blanks in the request line": (f"GET  /show HTTP/1.1\r\n{H}\r\n", 400),
    "blank in the target": (f"GET /show a HTTP/1.1\r\n{H}\r\n", 400),
    "blank behind the version": (f"GET /show HTTP/1.1 \r\n{H}\r\n", 400),
    "NUL in the target": (f"GET /show\0a HTTP/1.1\r\n{H}\r\n", 400),
    "NUL escaped in the target": (f"GET /show%00a HTTP/1.1\r\n{H}\r\n", 400),
    "half an escape": (f"GET /show%2 HTTP/1.1\r\n{H}\r\n", 400),
    "octet over 127 in the target": (f"GET /show\xe9 HTTP/1.1\r\n{H}\r\n", 400),
    "target without a slash": (f"GET show HTTP/1.1\r\n{H}\r\n", 400),
    "method that is no token": (f"G(T /show HTTP/1.1\r\n{H}\r\n", 400),
    "TRACE": (f"TRACE /show HTTP/1.1\r\n{H}\r\n", 405),
    "CONNECT": (f"CONNECT x:1 HTTP/1.1\r\n{H}\r\n", 405),
    "HTTP/2.0": (f"GET /show HTTP/2.0\r\n{H}\r\n", 505),
    "HTTP/2 preface": ("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", 505),
    "HTTP/1.2": (f"GET /show HTTP/1.2\r\n{H}\r\n", 505),
    "HTTP/0.9 with a version": (f"GET /show HTTP/0.9\r\n{H}\r\n", 505),
    "HTTP/0.9": ("GET /show\r\n\r\n", 400),
    "unknown expectation": (f"POST /echo HTTP/1.1\r\n{H}Expect: 200-ok\r\nContent-Length: 4\r\n\r\nbody", 417),
    "no blank at all": ("GET\r\n\r\n", None),
    "TLS hello": ("\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03" + "a" * 500 + "\r\n", None),
}


@pytest.fixture(scope="module", params=WORKERS)
def server(request):
    with Server(request.param) as one:
        yield one


@pytest.mark.parametrize("name", BAD)
def test_refused(server, name):
    request, status = BAD[name]
    with contextlib.closing(server.connect(request + CANARY)) as client:
        answer = client.answer()
        if answer or status:
            assert answer.status == (status or 400)
            assert answer.field("Connection").lower() == "close"
            if answer.status == 405:
                assert "GET" in answer.field("Allow")
        assert client.ended()


@pytest.mark.parametrize("name", BAD)
def test_refused_one_octet_at_a_time(server, name):
    """What is seen must not depend on how the stream is cut."""
    request, status = BAD[name]
    with contextlib.closing(server.connect()) as client:
        try:
            for octet in request.encode("latin-1"):
                client.send(bytes([octet]))
        except ConnectionError:
            pass  # refused before its end
        answer = client.answer()
        if answer or status:
            assert answer.status == (status or 400)
        assert client.ended()


def test_good_ones_beside_them(server):
    good = [
        f"GET /show HTTP/1.1\r\n{H}\r\n",
        f"\r\nGET /show HTTP/1.1\r\n{H}\r\n",
        f"POST /echo HTTP/1.1\r\n{H}Content-Length: 04\r\n\r\nbody",
        f"GET /show/c[1] HTTP/1.1\r\n{H}X: \t y \t \r\n\r\n",
        f"GET /show HTTP/1.1\r\n{H}X: caf\xe9\r\n\r\n",
    ]
    with contextlib.closing(server.connect("".join(good))) as client:
        assert [client.answer().status for _ in good] == [200] * len(good)


@pytest.mark.parametrize(
    "body",
    ["4\nbody\r\n0\r\n\r\n", "4\r\nbody\n0\r\n\r\n", "4\r\nbody\r\n0\n\r\n", "4\r\nbody\r\n0\r\n\n",
     "4;a\n=b\r\nbody\r\n0\r\n\r\n", "4;\x01\0\r\nbody\r\n0\r\n\r\n", "4\r\nbody\r\n0\r\nX: y\n\n"],
    ids=["size", "data", "last size", "end", "extension", "controls in an extension", "trailer"],
)
def test_nothing_runs_behind_a_chunked_body(server, body):
    """The library takes LF for CRLF in chunks; so a chunked body is the last of its connection."""
    request = f"POST /echo HTTP/1.1\r\n{H}Transfer-Encoding: chunked\r\n\r\n{body}"
    with contextlib.closing(server.connect(request + CANARY)) as client:
        answer = client.answer()
        assert answer.status in (200, 400)
        assert answer.field("Connection").lower() == "close"
        assert client.ended()


def test_zzz_the_canary_never_sang(server):
    server.alive()
    server.get("/show/last")
    server.wait_log("target=/show/last")
    assert "canary" not in server.log()


def test_zzz_refusals_are_counted_and_logged(server):
    assert server.metric('opencpm_http_refused_total{cause="length"}') > 0
    assert server.metric('opencpm_http_refused_total{cause="field"}') > 0
    assert "status=400 cause=host" in server.log()
