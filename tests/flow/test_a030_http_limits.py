# SPDX-License-Identifier: Apache-2.0
"""HTTP edge: too large, too slow, too many. What is refused costs little and the rest are served."""

import contextlib
import select
import time

import pytest

from httpd import WORKERS, Server, wait_until

H = "Host: x\r\n"


@pytest.fixture(params=WORKERS)
def workers(request):
    return request.param


@pytest.fixture
def server(workers):
    with Server(workers) as one:
        yield one


def send_what_goes(client, data):
    """Send until the server has had enough."""
    try:
        client.send(data)
    except ConnectionError:
        pass


# ---- too large ----


@pytest.mark.parametrize(
    "request_text, status",
    [
        (f"GET /{'a' * 8191} HTTP/1.1\r\n{H}\r\n", 404),
        (f"GET /{'a' * 8192} HTTP/1.1\r\n{H}\r\n", 414),
        (f"GET /{'a' * 1000000} HTTP/1.1\r\n{H}\r\n", 414),
        (f"GET /show HTTP/1.1\r\n{H}" + "X: y\r\n" * 99 + "\r\n", 200),
        (f"GET /show HTTP/1.1\r\n{H}" + "X: y\r\n" * 100 + "\r\n", 431),
        (f"GET /show HTTP/1.1\r\n{H}" + "X: y\r\n" * 10000 + "\r\n", 431),
        (f"GET /show HTTP/1.1\r\n{H}Cookie: {'a' * 16000}\r\n\r\n", 200),
        (f"GET /show HTTP/1.1\r\n{H}Cookie: {'a=b;' * 3500}\r\n\r\n", 431),
        (f"GET /show HTTP/1.1\r\n{H}Cookie: {'a' * 64000}\r\n\r\n", 431),
        (f"GET /show HTTP/1.1\r\n{H}X: {'a' * 15000}\r\n\r\n", 200),
        (f"GET /show?{'a&' * 4000} HTTP/1.1\r\n{H}\r\n", 200),
        (f"POST /small HTTP/1.1\r\n{H}Content-Length: 1025\r\n\r\n", 413),
        (f"GET /hello HTTP/1.1\r\n{H}Content-Length: 1\r\n\r\na", 413),
    ],
    ids=["target fits", "target 8193", "target 1 MB", "100 fields", "101 fields", "10000 fields",
         "16 kB of cookies", "3500 cookies", "64 kB of cookies", "15 kB field", "4000 parameters", "body", "GET with a body"],
)
def test_too_large(server, request_text, status):
    with contextlib.closing(server.connect()) as client:
        send_what_goes(client, request_text)
        answer = client.answer()
        assert answer.status == status
        if status > 404:
            assert client.ended()
    server.alive()


def test_413_is_readable_while_the_client_still_sends(server):
    with contextlib.closing(server.connect()) as client:
        client.send(f"POST /small HTTP/1.1\r\n{H}Content-Length: 1000000\r\n\r\n")
        send_what_goes(client, b"a" * 1000000)
        assert client.answer().status == 413
        assert client.ended()


def test_413_before_100_continue(server):
    with contextlib.closing(server.connect()) as client:
        client.send(f"POST /small HTTP/1.1\r\n{H}Content-Length: 9999\r\nExpect: 100-continue\r\n\r\n")
        assert client.answer().status == 413
        assert client.ended()


def test_chunked_body_too_large(server):
    head = f"POST /small HTTP/1.1\r\n{H}Transfer-Encoding: chunked\r\n\r\n"
    with contextlib.closing(server.connect(head + "401\r\n" + "a" * 1025 + "\r\n0\r\n\r\n")) as client:
        assert client.answer().status == 413
        assert client.ended()
    with contextlib.closing(server.connect(head + "400\r\n" + "a" * 1024 + "\r\n0\r\n\r\n")) as client:
        assert client.answer().status == 200


def test_endless_chunked_body_is_ended(server):
    before = server.stat("VmRSS")
    with contextlib.closing(server.connect()) as client:
        client.send(f"POST /small HTTP/1.1\r\n{H}Transfer-Encoding: chunked\r\n\r\n")
        with pytest.raises(ConnectionError):
            for _ in range(10000):
                client.send(b"2710\r\n" + b"a" * 10000 + b"\r\n")
    assert server.is_sanitized() or server.stat("VmRSS") < before + 20000
    server.alive()


def test_a_declared_length_costs_nothing(server):
    before = server.stat("VmRSS")
    clients = [
        server.connect(f"PUT /echo HTTP/1.1\r\n{H}Content-Length: 8388608\r\n\r\na") for _ in range(50)
    ]
    wait_until(lambda: server.metric("opencpm_http_connections") >= 50)
    assert server.is_sanitized() or server.stat("VmRSS") < before + 30000
    for client in clients:
        client.close()


# ---- too slow ----


def test_idle_connection_is_closed(workers):
    with Server(workers, idle=1) as server:
        with contextlib.closing(server.connect()) as never, contextlib.closing(server.connect()) as used:
            assert used.ask("/hello").status == 200
            assert never.ended() and used.ended()
        server.alive()


@pytest.mark.parametrize(
    "text",
    ["GET /show HTTP/1.1\r\n" + "X: y\r\n" * 90, "\r\n" * 100,
     f"PUT /echo HTTP/1.1\r\n{H}Content-Length: 200\r\n\r\n" + "a" * 199,
     f"PUT /echo HTTP/1.1\r\n{H}Transfer-Encoding: chunked\r\n\r\n" + "1\r\na\r\n" * 50],
    ids=["fields", "empty lines", "body", "chunks"],
)
def test_slowloris(workers, text):
    """Activity does not help: the whole request must be there in time."""
    with Server(workers, idle=1) as server:
        began = time.monotonic()
        with contextlib.closing(server.connect()) as client:
            client.sock.settimeout(0.01)
            ended = False
            for octet in text * 100:
                try:
                    client.send(octet)
                    ended = client.sock.recv(1) == b""
                except TimeoutError:
                    continue
                except ConnectionError:
                    ended = True
                if ended or time.monotonic() > began + 30:
                    break
            assert ended
        server.alive()


def test_many_slow_ones_do_not_delay_a_new_one(workers):
    with Server(workers, idle=60) as server:
        slow = [server.connect("GET /show HTTP/1.1\r\nX: ") for _ in range(500)]
        wait_until(lambda: server.metric("opencpm_http_connections") >= 500)
        server.alive()
        cpu = server.cpu_s()
        for client in slow:
            client.send("a")
        server.alive()
        assert server.cpu_s() - cpu < 5, "the slow ones cost more than they may"
        for client in slow:
            client.close()
        wait_until(lambda: server.metric("opencpm_http_connections") <= 1)


def test_a_reader_that_stalls_is_ended_and_one_that_reads_is_not(workers):
    with Server(workers, idle=1) as server:
        with contextlib.closing(server.connect()) as stalled, contextlib.closing(server.connect()) as reader:
            size = 40000000
            for client in (stalled, reader):
                client.send(f"GET /pieces?n=4&bytes={size // 4} HTTP/1.1\r\n{H}\r\n")
            # The reader takes some every 50 ms, for longer than the idle time.
            got = 0
            while got < size:
                data = reader.sock.recv(1000000)
                assert data, "a client that reads was cut off"
                got += len(data)
                time.sleep(0.05)
            wait_until(lambda: server.get("/counts").body == b"releases=2 late=0\n")


def test_deadline_of_a_handler(workers):
    with Server(workers, deadline=100) as server:
        with contextlib.closing(server.connect()) as client:
            answer = client.ask("/late?ms=400")
            assert answer.status == 503 and answer.field("Retry-After")
        # The handler's answer comes after that, and is let go of.
        wait_until(lambda: server.get("/counts").body == b"releases=1 late=1\n")
        assert server.metric('opencpm_http_refused_total{cause="deadline"}') == 1
        line = server.wait_log("target=.?/late")
        assert "status=503" in line
        assert len([li for li in server.log().split("\n") if "/late" in li]) == 1


def test_client_gone_before_the_answer(workers):
    with Server(workers) as server:
        for _ in range(20):
            server.connect(f"GET /late?ms=50 HTTP/1.1\r\n{H}\r\n").close()
        wait_until(lambda: server.get("/counts").body == b"releases=20 late=20\n")
        wait_until(lambda: server.metric("opencpm_http_connections") <= 1)
        server.alive()


def test_client_gone_in_the_middle_of_a_body(workers):
    with Server(workers) as server:
        for _ in range(20):
            server.connect(f"PUT /echo HTTP/1.1\r\n{H}Content-Length: 100000\r\n\r\nabc").close()
        wait_until(lambda: server.metric("opencpm_http_connections") <= 1)
        assert "outcome=gone" in server.wait_log("target=/echo")


# ---- too many ----


def test_connections_of_all(workers):
    with Server(workers, max_conns=10) as server:
        clients = [server.connect() for _ in range(10)]
        for client in clients:
            assert client.ask("/hello").status == 200
        with contextlib.closing(server.connect(f"GET /hello HTTP/1.1\r\n{H}\r\n")) as extra:
            assert extra.answer().status == 503
            assert extra.ended()
        for client in clients:
            assert client.ask("/hello").status == 200
        clients.pop().close()
        wait_until(lambda: server.get("/hello").status == 200)
        for client in clients:
            client.close()


def test_connections_of_one_source_over_all_workers(workers):
    with Server(workers, source_conns=8) as server:
        clients = [server.connect() for _ in range(8)]
        for client in clients:
            assert client.ask("/hello").status == 200
        for _ in range(8):  # on whichever worker they land
            with contextlib.closing(server.connect(f"GET /hello HTTP/1.1\r\n{H}\r\n")) as extra:
                assert extra.answer().status == 429
        assert clients[0].ask("/metrics").body.find(b'cause="source-connections"} 8\n') > 0
        for client in clients:
            client.close()


def test_requests_of_one_source_over_all_workers(workers):
    """A burst of 5, then one a second: with as many connections as there are workers and more."""
    with Server(workers, rate=1) as server:
        statuses = []
        with contextlib.closing(server.connect()) as steady:
            for _ in range(20):
                with contextlib.closing(server.connect()) as client:
                    statuses.append(client.ask("/hello").status)
            assert 5 <= statuses.count(200) < 15
            assert statuses.count(200) + statuses.count(429) == 20
            answer = steady.ask("/hello")
            while answer.status == 200:
                answer = steady.ask("/hello")
            assert answer.status == 429 and answer.field("Retry-After") == "1"
            # The connection goes on, and is served again.
            wait_until(lambda: steady.ask("/hello").status == 200)


def test_descriptors_used_up(workers):
    """RLIMIT_NOFILE 64: accepting pauses, without a busy loop, and goes on by itself."""
    with Server(workers, nofile=64) as server:
        text = f"GET /hello HTTP/1.1\r\n{H}\r\n"
        waiting = [server.connect(text) for _ in range(200)]
        server.wait_log("accept-paused")

        def served():
            ready = select.select([client.sock for client in waiting], [], [], 0.1)[0]
            return [client for client in waiting if client.sock in ready]

        wait_until(lambda: len(served()) >= 5)
        cpu, began = server.cpu_s(), time.monotonic()
        time.sleep(1)  # the figure is CPU time over a second; nothing is waited for
        busy = (server.cpu_s() - cpu) / (time.monotonic() - began)
        assert busy < 0.3, f"{busy:.0%} of a CPU with nothing to do"
        assert len(served()) < 64
        while waiting:
            for client in served():
                assert client.answer().status == 200
                client.close()
                waiting.remove(client)
        server.alive()
        assert server.log().count("accept-paused") <= 2 * workers


@pytest.mark.parametrize("chunk", ["4;" + "a" * 100000, "0" * 100000], ids=["extension", "size"])
def test_a_chunk_line_without_end_is_no_busy_loop(workers, chunk):
    with Server(workers, idle=3) as server:
        head = f"POST /echo HTTP/1.1\r\n{H}Transfer-Encoding: chunked\r\n\r\n"
        stuck = [server.connect() for _ in range(2 * workers)]
        for client in stuck:
            send_what_goes(client, head + chunk)
        server.alive()
        cpu, began = server.cpu_s(), time.monotonic()
        time.sleep(1)  # the figure is CPU time over a second; nothing is waited for
        busy = (server.cpu_s() - cpu) / (time.monotonic() - began)
        assert server.is_sanitized() or busy < 0.15, f"{busy:.0%} of a CPU with nothing to do"
        for client in stuck:
            with contextlib.suppress(ConnectionError):
                while client.sock.recv(4096):
                    pass
            client.close()
        server.alive()


def test_reload_of_limits(server):
    fields = [f"X-{i}: y" for i in range(50)]
    assert server.get("/show", fields=fields).status == 200
    assert server.get("/reload?fields=10").status == 200
    assert server.get("/show", fields=fields).status == 431
    assert server.get("/reload?fields=100").status == 200
    assert server.get("/show", fields=fields).status == 200
    with contextlib.closing(server.connect()) as client:
        assert client.ask("/reload?idle=1").status == 200
        assert client.ended()


def test_nothing_is_left_open(server):
    server.alive()
    wait_until(lambda: server.metric("opencpm_http_connections") <= 1)
    before = server.descriptors()
    for i in range(100):
        with contextlib.closing(server.connect()) as client:
            target = ["/hello", "/slow?ms=1", "/nowhere", "/%zz"][i % 4]
            client.ask(target)
    # A connection that was refused in mid-sentence is held for a moment longer.
    wait_until(lambda: server.descriptors() <= before + 1)


def test_memory_stays_flat(server):
    def rounds(n):
        with contextlib.closing(server.connect()) as client:
            for i in range(n):
                target = ["/hello", "/show", "/pieces?n=20&bytes=1000", "/job"][i % 4]
                assert client.ask(target).status == 200

    rounds(2000)
    before = server.stat("VmRSS")
    rounds(4000)
    assert server.is_sanitized() or server.stat("VmRSS") <= before + 8000
