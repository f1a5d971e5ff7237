# SPDX-License-Identifier: Apache-2.0
"""SIP transport over UDP and TCP: framing, flows, limits. One test program, no SIP above it."""

import contextlib
import re
import resource
import socket
import time

import pytest

from httpd import WORKERS, wait_until
from sipd import Sipd, Stream, message

HEAD = b"ECHO x SIP/2.0\r\n"


@pytest.fixture(params=WORKERS)
def workers(request):
    return request.param


@pytest.fixture
def sipd(workers):
    with Sipd("tcp", "udp", workers=workers) as one:
        yield one


@pytest.fixture
def tcp(sipd):
    with contextlib.closing(sipd.tcp()) as one:
        yield one


# ---- UDP ----


def test_datagram_is_answered_from_where_it_came_to(sipd):
    with sipd.udp() as one:
        one.send(message())
        assert one.recv(65536) == message()


def test_many_datagrams_at_once(sipd):
    with sipd.udp() as one:
        want = {message(f"ECHO {i}") for i in range(200)}
        for each in want:
            one.send(each)
        assert {one.recv(65536) for _ in want} == want


def test_largest_datagram(sipd):
    data = message(body=b"x" * 60000)
    with sipd.udp() as one:
        one.send(data)
        assert one.recv(65536) == data


def test_keep_alives_are_no_messages(sipd):
    with sipd.udp() as one:
        for data in b"", b"\r\n\r\n", b"\0", b"jaK", b"\r\n" * 8:
            one.send(data)
        one.send(message())
        assert one.recv(65536) == message()
    assert sipd.count('opencpm_sip_received_total{transport="UDP"}') >= 1


def test_stun_keep_alive(sipd):
    """RFC 5626 s4.4.2: the client learns how it is seen."""
    with sipd.udp() as one:
        one.send(b"\0\1\0\0\x21\x12\xa4\x42" + b"i" * 12)
        answer = one.recv(100)
        host, port = one.getsockname()
        want = bytes(b ^ m for b, m in zip(socket.inet_aton(host), b"\x21\x12\xa4\x42"))
        assert answer[:20] == b"\1\1\0\x0c\x21\x12\xa4\x42" + b"i" * 12
        assert answer[20:] == (b"\0\x20\0\x08\0\1" + (port ^ 0x2112).to_bytes(2, "big") + want)


def test_wildcard_answers_from_the_address_that_was_asked(workers):
    with Sipd("tcp", "udp", workers=workers, address="0.0.0.0") as sipd:
        for host in "127.0.0.1", "127.0.0.2", "127.0.0.3":
            with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as one:
                one.settimeout(20)
                one.sendto(message("WHO x"), (host, sipd.ports["udp"]))
                data, source = one.recvfrom(65536)
                assert source == (host, sipd.ports["udp"])
                assert f"local={host}:".encode() in data


def test_dead_udp_port_is_told(sipd):
    """The kernel's ICMP error fails the request long before a timer would (RFC 3261 s18.4)."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as one:
        one.bind(("127.0.0.1", 0))
        port = one.getsockname()[1]
    with contextlib.closing(sipd.tcp()) as one:
        one.send(message(f"SEND UDP/127.0.0.1/{port}/"))
        assert sipd.wait_line("failed") == "failed 1"
        # The socket works on.
        assert one.ask("ECHO y") == message("ECHO y")
    with sipd.udp() as one:
        one.send(message())
        assert one.recv(65536) == message()


# ---- streams ----


def test_message_comes_back(tcp):
    assert tcp.ask("ECHO x", b"body") == message("ECHO x", b"body")


def test_hundred_in_one_segment(tcp):
    all_of_them = b"".join(message(f"ECHO {i}", b"b" * i) for i in range(100))
    tcp.send(all_of_them)
    assert tcp.exactly(len(all_of_them)) == all_of_them


def test_cut_at_every_octet(sipd):
    data = message("ECHO 1", b"a\r\n\r\nb") + b"\r\n" + message("ECHO 2", b"", ["l: 0"][:0])
    want = data.replace(b"b\r\nECHO", b"bECHO")
    with contextlib.closing(sipd.tcp()) as one:
        one.sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        for cut in range(1, len(data)):
            one.send(data[:cut])
            one.send(data[cut:])
            assert one.exactly(len(want)) == want


def test_octet_by_octet(tcp):
    tcp.sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    data = message("ECHO 1", b"body")
    for octet in data:
        tcp.send(bytes([octet]))
    assert tcp.message() == data


def test_largest_message(tcp):
    head = message("ECHO x", b"x" * 65000)
    data = message("ECHO x", b"x" * (65536 - (len(head) - 65000)))
    assert len(data) == 65536
    tcp.send(data)
    assert tcp.message() == data


def test_ping(tcp):
    tcp.send(b"\r\n\r\n")
    assert tcp.exactly(2) == b"\r\n"
    tcp.send(b"\r\n")
    tcp.send(message())
    assert tcp.message() == message()


@pytest.mark.parametrize("why, length, status", [
    ("negative", "-1", 400),
    ("a sign", "+5", 400),
    ("hexadecimal", "0x5", 400),
    ("empty", "", 400),
    ("two", "1\r\nContent-Length: 2", 400),
    ("2^31", str(2**31), 413),
    ("2^32+32", str(2**32 + 32), 413),
    ("2^64", str(2**64), 413),
    ("too large", "65536", 413),
], ids=lambda value: value if isinstance(value, str) and not value[:1].isdigit() else "")
def test_bad_length_is_answered_and_ends_it(sipd, why, length, status):
    with contextlib.closing(sipd.tcp()) as one:
        one.send(HEAD + f"Content-Length: {length}\r\n\r\n".encode() + message("ECHO smuggled") * 9)
        answer = one.message()
        assert answer.startswith(b"SIP/2.0 %d " % status), why
        assert one.ended()
    assert sipd.count('opencpm_sip_refused_total{cause="framing"}') == 1
    sipd.alive()


def test_head_without_end(sipd):
    with contextlib.closing(sipd.tcp()) as one:
        one.send(HEAD + b"X: y\r\n" * 5000)
        assert one.message().startswith(b"SIP/2.0 513 ")
        assert one.ended()


@pytest.mark.parametrize("noise", [b"\x16\x03\x01\x02\x00\x01\x00", b"\0" * 100, b" ECHO"])
def test_noise_ends_it_at_once(sipd, noise):
    with contextlib.closing(sipd.tcp()) as one:
        one.send(noise)
        assert one.ended()


def test_half_closed_connection_ends(sipd):
    with contextlib.closing(sipd.tcp()) as one:
        one.send(message())
        assert one.message() == message()
        one.sock.shutdown(socket.SHUT_WR)
        assert one.ended()
    assert sipd.wait_line("closed")


# ---- flows ----


def test_flow_of_another_worker(sipd):
    """A message reaches a flow from whatever worker it is sent; a dead flow is told."""
    with contextlib.ExitStack() as stack:
        ones = [stack.enter_context(contextlib.closing(sipd.tcp())) for _ in range(12)]
        flows = [one.who()["flow"] for one in ones]
        assert len(set(flows)) == 12
        for one in ones:
            for other, flow in zip(ones, flows):
                one.send(message(f"FLOW {flow}"))
                assert other.message() == message(f"FLOW {flow}")
        ones[0].close()
        assert sipd.wait_line("closed") == f"closed {flows[0]}"
        for one in ones[1:]:
            one.send(message(f"FLOW {flows[0]}"))
            assert sipd.line().startswith("failed ")


def test_outgoing_connection_is_used_again(sipd, tcp):
    with socket.create_server(("127.0.0.1", 0)) as server:
        server.settimeout(20)
        where = f"SEND TCP/127.0.0.1/{server.getsockname()[1]}/"
        for _ in range(3):
            tcp.send(message(where))
        with contextlib.closing(Stream(server.accept()[0])) as far:
            for _ in range(3):
                assert far.message() == message(where)
            # What the far side says on it comes in like anything else.
            assert far.ask("ECHO back") == message("ECHO back")
            far.send(b"\r\n\r\n")
            assert far.exactly(2) == b"\r\n"
        sipd.wait_line("closed")
        tcp.send(message(where))
        with contextlib.closing(Stream(server.accept()[0])) as far:
            assert far.message() == message(where)


def test_nobody_listens(sipd, tcp):
    with socket.socket() as one:
        one.bind(("127.0.0.1", 0))
        port = one.getsockname()[1]
        tcp.send(message(f"SEND TCP/127.0.0.1/{port}/") * 3)
        assert {sipd.wait_line("failed") for _ in range(3)} == {f"failed {i}" for i in (1, 2, 3)}
    sipd.alive()


def test_nobody_answers(workers):
    """A connection that is not made in time fails what waits for it."""
    with Sipd("tcp", workers=workers, connect=200) as sipd, socket.socket() as full:
        full.bind(("127.0.0.1", 0))
        full.listen(0)
        fillers = []
        for _ in range(3):
            filler = socket.socket()
            filler.setblocking(False)
            filler.connect_ex(full.getsockname())
            fillers.append(filler)
        with contextlib.closing(sipd.tcp()) as one:
            one.send(message(f"SEND TCP/127.0.0.1/{full.getsockname()[1]}/"))
            assert sipd.wait_line("failed") == "failed 1"
        for filler in fillers:
            filler.close()


def test_websocket_is_never_opened_by_us(sipd, tcp):
    tcp.send(message("SEND WS/127.0.0.1/9/"))
    assert sipd.wait_line("failed") == "failed 1"


def test_close_writes_what_waits(tcp):
    tcp.send(message("ECHO 1") + message("CLOSE x") + message("ECHO 2"))
    assert tcp.message() == message("ECHO 1")
    assert tcp.ended()


# ---- limits ----


def test_idle_connection_is_closed_unless_kept(workers):
    with Sipd("tcp", workers=workers, idle=400) as sipd:
        with contextlib.closing(sipd.tcp()) as idle, contextlib.closing(sipd.tcp()) as kept:
            kept.send(message("KEEP 600000"))
            assert kept.ask("ECHO x") == message()
            assert idle.ended()
            assert kept.ask("ECHO x") == message()
        assert sipd.count('opencpm_sip_refused_total{cause="idle"}') >= 1


def test_slow_message_ends_it_however_it_drips(workers):
    with Sipd("tcp", workers=workers, message=400) as sipd:
        with contextlib.closing(sipd.tcp()) as one:
            one.send(HEAD)
            try:
                for _ in range(400):
                    one.send(b"x")
                    one.sock.settimeout(0.05)
                    with contextlib.suppress(TimeoutError):
                        assert one.sock.recv(1) == b""
                        break
                else:
                    pytest.fail("it is still open")
            except ConnectionError:
                pass
        assert sipd.count('opencpm_sip_refused_total{cause="slow"}') == 1
        sipd.alive()


def test_who_does_not_read_is_let_go(workers):
    with Sipd("tcp", workers=workers, write_max=200000) as sipd:
        with contextlib.closing(sipd.tcp()) as one:
            one.sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
            with contextlib.suppress(ConnectionError):
                for _ in range(3000):
                    one.send(message(body=b"x" * 60000))
        wait_until(lambda: sipd.count('opencpm_sip_refused_total{cause="backlog"}') == 1)
        sipd.alive()


def test_who_stops_reading_is_let_go_in_time(workers):
    with Sipd("tcp", workers=workers, message=400) as sipd:
        with contextlib.closing(sipd.tcp()) as one:
            one.sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
            one.sock.settimeout(0.2)
            with contextlib.suppress(TimeoutError, ConnectionError):
                for _ in range(200):
                    one.send(message(body=b"x" * 60000))
            sipd.wait_line("closed")
        sipd.alive()


def test_connections_of_one_source_are_counted(workers):
    with Sipd("tcp", workers=workers, source_conns=5) as sipd:
        with contextlib.ExitStack() as stack:
            ones = [stack.enter_context(contextlib.closing(sipd.tcp())) for _ in range(5)]
            for one in ones:
                assert one.ask("ECHO x") == message()
            more = stack.enter_context(contextlib.closing(sipd.tcp()))
            assert more.ended()
            ones.pop().close()
            sipd.wait_line("closed")
            again = stack.enter_context(contextlib.closing(sipd.tcp()))
            assert again.ask("ECHO x") == message()


def test_connections_of_a_worker_are_counted():
    with Sipd("tcp", max_conns=3) as sipd:
        with contextlib.ExitStack() as stack:
            for _ in range(3):
                one = stack.enter_context(contextlib.closing(sipd.tcp()))
                assert one.ask("ECHO x") == message()
            more = stack.enter_context(contextlib.closing(sipd.tcp()))
            assert more.ended()
        for _ in range(3):
            sipd.wait_line("closed")
        sipd.alive()


def test_descriptors_run_out():
    """Accepting pauses, without spinning, and goes on when a descriptor is free."""
    with Sipd("tcp", nofile=40) as sipd:
        with contextlib.ExitStack() as stack:
            ones = [stack.enter_context(contextlib.closing(sipd.tcp())) for _ in range(80)]
            first = ones[0]
            assert first.ask("ECHO x") == message()
            wait_until(lambda: "accept-paused" in sipd.log())
            before = sipd.cpu_s()
            time.sleep(1)  # what is measured: how much it does meanwhile
            assert sipd.cpu_s() - before < 0.3
            assert first.ask("ECHO x") == message()
        sipd.alive()


def test_ten_thousand_are_held(workers):
    """Robustness test 26, as many as descriptors allow: idle ones do not keep a new one out."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    n = min(10000, hard - 500)
    if soft < n + 500:
        resource.setrlimit(resource.RLIMIT_NOFILE, (min(hard, n + 500), hard))
    try:
        with Sipd("tcp", workers=workers, max_conns=n + 100) as sipd:
            with contextlib.ExitStack() as stack:
                for i in range(n):
                    sock = socket.socket()
                    stack.callback(sock.close)
                    sock.bind((f"127.0.{1 + i // 20000}.1", 0))
                    sock.connect((sipd.address, sipd.ports["tcp"]))
                    if i % 10 == 0:
                        sock.send(b"E")
                begin = time.monotonic()
                sipd.alive()
                assert time.monotonic() - begin < 5
            sipd.wait_count('opencpm_sip_connections{transport="TCP"}', 1)
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))


# ---- the end ----


def test_drain_ends_connections_and_frees_the_port(workers):
    with Sipd("tcp", "udp", workers=workers) as sipd:
        with contextlib.closing(sipd.tcp()) as one:
            assert one.ask("ECHO x") == message()
            sipd.stop()
            assert one.ended()
        assert sipd.wait_line("drained")
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as free:
            free.bind(("127.0.0.1", sipd.ports["udp"]))


def test_ipv6(workers):
    try:
        with socket.socket(socket.AF_INET6) as probe:
            probe.bind(("::1", 0))
    except OSError:
        pytest.skip("this machine has no IPv6")
    with Sipd("tcp", "udp", workers=workers, address="::1") as sipd:
        with contextlib.closing(sipd.tcp()) as one:
            assert re.match(r"\[::1\]:\d+$", one.who()["source"])
        with sipd.udp() as one:
            one.send(message("WHO x"))
            assert b"local=[::1]:" in one.recv(65536)
