# SPDX-License-Identifier: Apache-2.0
"""HTTP edge: what a well-behaved client sees (RFC 9110, RFC 9112)."""

import contextlib
import os
import re
import stat
import subprocess

import pytest

from httpd import PROGRAM, WORKERS, Server, wait_until


@pytest.fixture(params=WORKERS)
def server(request, tmp_path):
    with Server(request.param, path=tmp_path / "http.sock") as one:
        yield one


def shown(answer):
    return dict(line.split("=", 1) for line in answer.body.decode().strip().split("\n"))


def test_get(server):
    answer = server.get("/hello")
    assert (answer.status, len(answer.body)) == (200, 2048)
    assert answer.field("Content-Type") == "text/plain"
    assert re.fullmatch(r"\w{3}, \d\d \w{3} \d{4} \d\d:\d\d:\d\d GMT", answer.field("Date"))


def test_what_the_handler_is_told(server):
    answer = server.get("/show/%2f/x%20y?q=1&r=%26", fields=["X-Test:  one ", "x-test: two"])
    assert shown(answer) == {
        "method": "GET",
        "target": "/show/%2f/x%20y?q=1&r=%26",
        "path": "/show/%2f/x%20y",
        "query": "q=1&r=%26",
        "x-test": "one",
        "n": "2",
        "absent": "1",
        "body": "0",
        "tls": "0",
        "local": "0",
        "id": answer.field("X-Request-Id"),
    }


def test_no_query_is_not_an_empty_query(server):
    assert shown(server.get("/show"))["query"] == "(none)"
    assert shown(server.get("/show?"))["query"] == ""


def test_absolute_form(server):
    told = shown(server.get("http://x/show?a"))
    assert (told["target"], told["path"], told["query"]) == ("http://x/show?a", "/show", "a")


def test_head_has_the_fields_and_no_body(server):
    with contextlib.closing(server.connect()) as client:
        for target, length in [("/hello", "2048"), ("/pieces?n=3&bytes=1000", "3000")]:
            answer = client.ask(target, method="HEAD")
            assert (answer.status, answer.field("Content-Length")) == (200, length)
        # Had a body come, it would be read as the next answer.
        assert client.ask("/hello").status == 200


@pytest.mark.parametrize("code", [200, 201, 204, 304, 404, 503])
def test_status_without_body(server, code):
    with contextlib.closing(server.connect()) as client:
        assert client.ask(f"/status?code={code}").status == code
        assert client.ask("/hello").status == 200


@pytest.mark.parametrize("size", [0, 1, 100, 16384, 16385, 65536, 1000000, 8 << 20])
def test_echo(server, size):
    body = os.urandom(size)
    assert server.get("/echo", method="PUT", body=body).body == body


def test_chunked_body(server):
    with contextlib.closing(server.connect()) as client:
        client.send("PUT /echo HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n")
        client.send("5\r\nhello\r\n1;ext=1\r\n \r\n")
        client.send("5\r\nworld\r\n0\r\nTrailer: ignored\r\n\r\n")
        answer = client.answer()
        assert (answer.status, answer.body) == (200, b"hello world")
        assert answer.field("Connection") == "close"
        assert client.ended()


def test_chunked_body_of_many_pieces(server):
    body = os.urandom(300000)
    with contextlib.closing(server.connect()) as client:
        client.send("PUT /echo HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n")
        for i in range(0, len(body), 1000):
            client.send(b"3e8\r\n" + body[i : i + 1000] + b"\r\n")
        client.send("0\r\n\r\n")
        assert client.answer().body == body


def test_expect_100_continue(server):
    with contextlib.closing(server.connect()) as client:
        client.send("PUT /echo HTTP/1.1\r\nHost: x\r\nContent-Length: 4\r\n")
        client.send("Expect: 100-continue\r\n\r\n")
        assert client.answer().status == 100
        client.send("body")
        assert client.answer().body == b"body"


def test_pieces(server):
    assert server.get("/pieces?n=100&bytes=10000").body == b"p" * 1000000
    assert server.get("/pieces?n=1&bytes=5").body == b"ppppp"
    assert server.get("/pieces?n=2&bytes=0").body == b""
    # What is sent is let go of, which another worker may see a little later.
    wait_until(lambda: server.get("/counts").body == b"releases=3 late=0\n")


def test_keep_alive(server):
    with contextlib.closing(server.connect()) as client:
        for i in range(50):
            assert client.ask(["/hello", "/slow?ms=1", "/job", "/nowhere"][i % 4]).status in (200, 404)


def test_pipelined_requests_are_answered_in_order(server):
    targets = [f"/{'slow' if i % 3 == 0 else 'show'}?ms=1&i={i}" for i in range(100)]
    with contextlib.closing(server.connect()) as client:
        client.send("".join(f"GET {t} HTTP/1.1\r\nHost: x\r\n\r\n" for t in targets))
        for target in targets:
            answer = client.answer()
            assert answer.status == 200
            assert target.encode() in answer.body


def test_request_in_single_octets(server):
    with contextlib.closing(server.connect()) as client:
        for octet in b"PUT /echo HTTP/1.1\r\nHost: x\r\nContent-Length: 3\r\n\r\nabc":
            client.send(bytes([octet]))
        assert client.answer().body == b"abc"


def test_http_1_0(server):
    with contextlib.closing(server.connect("GET /hello HTTP/1.0\r\n\r\n")) as client:
        assert client.answer().status == 200
        assert client.ended()
    with contextlib.closing(
        server.connect("GET /hello HTTP/1.0\r\nConnection: Keep-Alive\r\n\r\n")
    ) as client:
        assert client.answer().status == 200
        assert client.ask("/hello").status == 200


def test_close(server):
    with contextlib.closing(server.connect()) as client:
        assert client.ask("/hello", fields=["Connection: close"]).field("Connection") == "close"
        assert client.ended()
    with contextlib.closing(server.connect()) as client:
        assert client.ask("/status?close=1").field("Connection") == "close"
        assert client.ended()


def test_routes(server):
    assert server.get("/show/deeper").field("Content-Length") == "2048"
    assert shown(server.get("/show/deep"))["path"] == "/show/deep"
    assert server.get("/showy").status == 404
    assert server.get("/").status == 404
    assert server.get("/SHOW").status == 404
    with contextlib.closing(server.connect()) as client:
        assert client.ask("*", method="OPTIONS").status == 204
        assert client.ask("/hello").status == 200


def test_local_route_only_over_the_unix_socket(server):
    assert server.get("/local").status == 404
    with contextlib.closing(server.connect_unix()) as client:
        told = shown(client.ask("/local"))
        assert (told["local"], told["tls"]) == ("1", "0")
        assert client.ask("/hello").status == 200


def test_unix_socket_mode(server):
    assert stat.S_IMODE(os.stat(server.path).st_mode) == 0o660


def test_errors_have_their_status(server):
    # SYNTAX, RANGE, ABSENT, EXISTS, DENIED, CONFLICT, SPACE, LIMIT, BUSY, IO, CORRUPT, NOMEM, STOPPING
    expected = [400, 400, 404, 409, 403, 409, 507, 429, 503, 500, 500, 503, 503]
    got = [server.get(f"/err?code={i + 1}") for i in range(len(expected))]
    assert [answer.status for answer in got] == expected
    assert got[2].body == b"no such thing.\n"
    assert b"such" not in got[9].body, "an inner error is not told to the peer"


def test_trace_id(server):
    ours = "4bf92f3577b34da6a3ce929d0e0e4736"
    parent = f"traceparent: 00-{ours}-00f067aa0ba902b7-01"
    answer = server.get("/show", fields=[parent])
    assert answer.field("X-Request-Id") == ours == shown(answer)["id"]
    assert server.wait_log(f"id={ours}")
    fresh = {server.get("/show", fields=["traceparent: 00-0-0-0"]).field("X-Request-Id") for _ in "ab"}
    assert len(fresh) == 2 and all(re.fullmatch("[0-9a-f]{32}", one) for one in fresh)


def test_one_log_line_a_request(server):
    server.get("/show?secret=no")
    server.get("/slow?ms=1")
    server.get("/nowhere")
    server.get("/hello")  # quiet: not at info
    line = server.wait_log(r"target=.?/show\?secret")
    assert re.search(
        r" info http request method=GET target=\S+ status=200 note=shown us=\d+ bytes=\d+ "
        r"peer=127\.0\.0\.1:\d+ tls=0 id=[0-9a-f]{32}$",
        line,
    )
    server.wait_log(r"status=404")
    requests = [li for li in server.log().split("\n") if " http request " in li]
    assert len(requests) == 3


def test_metrics(server):
    for target in ["/show", "/show", "/nowhere"]:
        server.get(target)
    listener = f'listener="127.0.0.1:{server.ports["port"]}"'
    # A request is counted when its answer is out, which another worker may see a little later.
    wait_until(lambda: server.metric(f'opencpm_http_requests_total{{code="404",{listener}}}') == 1)
    wait_until(lambda: server.metric(f'opencpm_http_requests_total{{code="200",{listener}}}') >= 2)
    wait_until(lambda: server.metric("opencpm_http_request_seconds_count") >= 3)
    with contextlib.closing(server.connect()) as idle:
        assert idle.ask("/hello").status == 200
        assert server.metric("opencpm_http_connections") >= 2


def test_a_second_server_is_told_that_the_port_is_taken(server):
    second = subprocess.run(
        [PROGRAM, "--port", str(server.ports["port"])], capture_output=True, timeout=30
    )
    assert second.returncode == 1
    assert b"cannot listen on 127.0.0.1 port" in second.stderr


def test_a_socket_in_use_is_not_taken_away(server):
    second = subprocess.run([PROGRAM, "--unix", str(server.path)], capture_output=True, timeout=30)
    assert second.returncode == 1
    assert b"another process listens" in second.stderr
    with contextlib.closing(server.connect_unix()) as client:
        assert client.ask("/hello").status == 200


def test_what_is_no_socket_is_not_removed(tmp_path):
    path = tmp_path / "file"
    path.write_text("precious")
    result = subprocess.run([PROGRAM, "--unix", str(path)], capture_output=True, timeout=30)
    assert result.returncode == 1 and b"is not a socket" in result.stderr
    assert path.read_text() == "precious"


def test_a_dead_socket_is_replaced(tmp_path):
    path = tmp_path / "http.sock"
    with Server(path=path) as one:
        one.process.kill()
        one.process.wait()
        assert path.exists()
        with Server(path=path) as other:
            with contextlib.closing(other.connect_unix()) as client:
                assert client.ask("/hello").status == 200
        one.stop = lambda: None


@pytest.mark.parametrize(
    "address, said", [("localhost", b"not a numeric"), ("192.0.2.1", b"cannot listen on")]
)
def test_an_address_that_cannot_be_had(address, said):
    result = subprocess.run([PROGRAM, "--address", address], capture_output=True, timeout=30)
    assert result.returncode == 1 and said in result.stderr


def test_ipv6(tmp_path):
    import socket

    from httpd import Client

    with Server(2, address="::1") as server:
        client = Client(socket.create_connection(("::1", server.ports["port"])))
        assert client.ask("/show").status == 200
        client.close()
        assert re.search(r"peer=\[::1\]:\d+", server.wait_log("target=/show"))
