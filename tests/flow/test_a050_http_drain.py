# SPDX-License-Identifier: Apache-2.0
"""HTTP edge: a stop under load answers what is in flight, frees the port at once, ends in time."""

import contextlib
import socket
import threading
import time

import pytest

from httpd import PATIENCE, WORKERS, Server, wait_until

H = "Host: x\r\n"


@pytest.fixture(params=WORKERS)
def workers(request):
    return request.param


def is_refused(port):
    with contextlib.closing(socket.socket()) as sock:
        return sock.connect_ex(("127.0.0.1", port)) != 0


def test_idle_connections_are_closed_at_once(workers, tmp_path):
    with Server(workers, path=tmp_path / "s", drain=60000) as server:
        clients = [server.connect() for _ in range(20)] + [server.connect_unix()]
        for client in clients[::2]:
            assert client.ask("/hello").status == 200
        server.term()
        for client in clients:
            assert client.ended()
        server.stop()  # long before the minute is over
    assert not (tmp_path / "s").exists()


def test_requests_in_flight_are_answered(workers):
    with Server(workers, drain=60000) as server:
        clients = [server.connect() for _ in range(20)]
        for client in clients:
            client.send(f"GET /slow?ms=300 HTTP/1.1\r\n{H}\r\n")
        partly = server.connect(f"PUT /echo HTTP/1.1\r\n{H}Content-Length: 6\r\n\r\nabc")
        wait_until(lambda: server.metric("opencpm_http_connections") >= 21)
        server.term()
        wait_until(lambda: is_refused(server.ports["port"]))
        partly.send("def")
        answer = partly.answer()
        assert (answer.body, answer.field("Connection")) == (b"abcdef", "close")
        for client in clients:
            answer = client.answer()
            assert (answer.status, answer.field("Connection")) == (200, "close")
            assert client.ended()
        server.stop()


def test_the_port_is_free_at_once(workers):
    with Server(workers, drain=60000) as server:
        port = server.ports["port"]
        client = server.connect(f"GET /slow?ms=1500 HTTP/1.1\r\n{H}\r\n")
        wait_until(lambda: server.metric("opencpm_http_connections") >= 2)
        server.term()
        wait_until(lambda: is_refused(port))
        with Server(workers, port=port) as successor:
            successor.alive()
            assert client.answer().status == 200, "the old one still finishes its work"
        server.stop()


def test_what_does_not_end_is_cut(workers):
    with Server(workers, drain=300, deadline=60000) as server:
        stuck = [
            server.connect(f"GET /slow?ms=20000000 HTTP/1.1\r\n{H}\r\n"),
            server.connect(f"PUT /echo HTTP/1.1\r\n{H}Content-Length: 6\r\n\r\nabc"),
            server.connect(f"GET /pieces?n=4&bytes=20000000 HTTP/1.1\r\n{H}\r\n"),
        ]
        wait_until(lambda: server.metric("opencpm_http_connections") >= 4)
        server.term()
        for client in stuck[:2]:
            assert client.answer() is None
        server.stop()
        assert "drain-cut" in server.log()


def test_stop_under_load_loses_no_answer(workers):
    """A request that was answered or refused is fine; one that was sent and read and then forgotten
    is not. The server reads what has reached it, so a client that has its connection accepted and
    sends one request at a time sees an answer or, between two of them, the end."""
    with Server(workers, drain=10000) as server:
        answered, broken = [0] * 8, []

        def load(i):
            with contextlib.closing(server.connect()) as client:
                while True:
                    try:
                        answer = client.ask("/slow?ms=2" if i % 2 else "/hello")
                    except ConnectionError:
                        return
                    if answer is None:
                        return
                    if answer.status != 200:
                        broken.append(answer.status)
                    answered[i] += 1
                    if answer.field("Connection") == "close":
                        return

        threads = [threading.Thread(target=load, args=(i,)) for i in range(8)]
        for thread in threads:
            thread.start()
        wait_until(lambda: min(answered) > 20)
        began = time.monotonic()
        server.term()
        for thread in threads:
            thread.join(PATIENCE)
            assert not thread.is_alive()
        server.stop()
        assert time.monotonic() - began < 10
        assert not broken


def test_requests_that_wait_in_the_queue_are_served(workers):
    """Connected and sent before the stop, not yet accepted: the server is stopped meanwhile."""
    with Server(workers, drain=10000) as server:
        server.process.send_signal(19)  # SIGSTOP
        clients = [server.connect(f"GET /hello HTTP/1.1\r\n{H}\r\n") for _ in range(20)]
        server.term()
        server.process.send_signal(18)  # SIGCONT
        for client in clients:
            assert client.answer().status == 200
        server.stop()


def test_start_and_stop_many_times(workers):
    for _ in range(5):
        with Server(workers) as server:
            server.alive()


def test_late_answers_after_the_drain(workers):
    """A handler that answers when its connection has been cut harms nobody."""
    with Server(workers, drain=50, deadline=60000) as server:
        clients = [server.connect(f"GET /late?ms=400 HTTP/1.1\r\n{H}\r\n") for _ in range(5)]
        wait_until(lambda: server.metric("opencpm_http_connections") >= 5)
        server.term()
        for client in clients:
            assert client.answer() is None
        server.stop()
