# SPDX-License-Identifier: Apache-2.0
"""SIP over WebSocket (RFC 7118), and what breaks RFC 6455 (robustness tests 8, 26, 29)."""

import contextlib
import os

import pytest

from httpd import WORKERS
from sipd import Sipd, WebSocket, message
from test_b020_sip_tls import Authority

TEXT, BINARY, CLOSE, PING, PONG = 1, 2, 8, 9, 10


@pytest.fixture(scope="module")
def cert(tmp_path_factory):
    return Authority(tmp_path_factory.mktemp("ca")).issue("server", "DNS:cpm.example")


@pytest.fixture(params=WORKERS)
def workers(request):
    return request.param


@pytest.fixture
def sipd(workers, cert):
    with Sipd("tcp", "ws", "wss", workers=workers, cert=cert) as one:
        yield one


@pytest.fixture(params=["ws", "wss"])
def ws(sipd, request):
    with contextlib.closing(sipd.ws(request.param)) as one:
        yield one


# ---- what is right ----


def test_message_comes_back(ws):
    ws.frame(message(body=b"body"))
    assert ws.receive() == (TEXT, message(body=b"body"))


def test_octets_come_back_as_binary(ws):
    ws.frame(message(body=b"\xff\xfe"), opcode=BINARY)
    assert ws.receive() == (BINARY, message(body=b"\xff\xfe"))


@pytest.mark.parametrize("n", [0, 1, 60, 125, 126, 127, 4000, 4096, 5000, 60000])
def test_every_size(ws, n):
    ws.frame(message(body=b"x" * n))
    assert ws.receive() == (TEXT, message(body=b"x" * n))


def test_content_length_is_not_needed(ws):
    ws.frame(b"ECHO x SIP/2.0\r\n\r\n")
    assert ws.receive() == (TEXT, b"ECHO x SIP/2.0\r\n\r\n")


def test_fragments_with_pings_between(ws):
    data = message(body="ä€😀".encode() * 3000)
    for i in range(0, len(data), 1001):
        ws.frame(data[i:i + 1001], opcode=0 if i else TEXT, fin=i + 1001 >= len(data))
        ws.frame(b"p%d" % i, opcode=PING)
    got = [ws.receive() for _ in range(1 + len(range(0, len(data), 1001)))]
    # The last ping came behind the message's end.
    assert got.pop(-2) == (TEXT, data)
    assert got == [(PONG, b"p%d" % i) for i in range(0, len(data), 1001)]


def test_octet_by_octet(sipd):
    with contextlib.closing(sipd.ws()) as one:
        whole = bytearray()
        one.send, send = whole.extend, one.send
        one.frame(message(body=b"x" * 200))
        one.send = send
        for octet in whole:
            one.send(bytes([octet]))
        assert one.receive() == (TEXT, message(body=b"x" * 200))


def test_frames_right_behind_the_upgrade(sipd):
    """A client may not wait for our answer before it speaks."""
    with contextlib.closing(WebSocket(sipd.raw("ws"))) as one:
        whole = bytearray()
        one.send, send = whole.extend, one.send
        one.more = lambda: False
        with pytest.raises(AssertionError):
            one.upgrade()
        one.frame(message())
        one.send = send
        del one.more
        one.send(bytes(whole))
        while b"\r\n\r\n" not in one.rest:
            assert one.more()
        assert one.rest.startswith(b"HTTP/1.1 101 ")
        one.rest = one.rest.split(b"\r\n\r\n", 1)[1]
        assert one.receive() == (TEXT, message())


def test_keep_alives(ws):
    ws.frame(b"\r\n\r\n")
    assert ws.receive() == (TEXT, b"\r\n")
    ws.frame(b"", opcode=PONG)
    ws.frame(b"", opcode=PING)
    assert ws.receive() == (PONG, b"")


def test_close_is_answered(ws):
    ws.frame(b"\x03\xe8bye", opcode=CLOSE)
    assert ws.close_code() == 1000
    assert ws.ended()


def test_drain_says_going_away(workers):
    with Sipd("tcp", "ws", workers=workers) as sipd:
        with contextlib.closing(sipd.ws()) as one:
            one.frame(message())
            assert one.receive() == (TEXT, message())
            sipd.stop()
            assert one.close_code() == 1001


# ---- what is wrong ----


def broken(name, code):
    return lambda function: ANOMALIES.append((name, code, function)) or function


ANOMALIES = []


@broken("not masked", 1002)
def _(ws):
    ws.frame(message(), mask=False)


@broken("RSV1", 1002)
def _(ws):
    ws.frame(message(), rsv=4)


@broken("RSV2 and RSV3", 1002)
def _(ws):
    ws.frame(message(), rsv=3)


@broken("a reserved opcode", 1002)
def _(ws):
    ws.frame(message(), opcode=3)


@broken("a reserved control opcode", 1002)
def _(ws):
    ws.frame(b"x", opcode=11)


@broken("2^63", 1002)
def _(ws):
    ws.frame(b"xxxxxxxx", length=2**63)


@broken("2^62", 1009)
def _(ws):
    ws.frame(b"x" * 8, length=2**62)


@broken("a message too large", 1009)
def _(ws):
    ws.frame(b"x" * 65537)


@broken("fragments too large together", 1009)
def _(ws):
    ws.frame(b"x" * 60000, fin=0)
    ws.frame(b"x" * 6000, opcode=0)


@broken("fragments without end", 1008)
def _(ws):
    ws.frame(b"", fin=0)
    for _ in range(1100):
        ws.frame(b"", opcode=0, fin=0)


@broken("a continuation of nothing", 1002)
def _(ws):
    ws.frame(b"x", opcode=0)


@broken("a message within a message", 1002)
def _(ws):
    ws.frame(b"x", fin=0)
    ws.frame(b"x")


@broken("a ping in fragments", 1002)
def _(ws):
    ws.frame(b"x", opcode=PING, fin=0)


@broken("a ping too large", 1002)
def _(ws):
    ws.frame(b"x" * 126, opcode=PING)


@broken("a flood of pings", 1008)
def _(ws):
    for _ in range(70):
        ws.frame(b"", opcode=PING)


@broken("text that is not UTF-8", 1007)
def _(ws):
    ws.frame(message(body=b"\xff"))


@broken("a character cut by the end", 1007)
def _(ws):
    ws.frame(b"ECHO \xe2\x82", fin=0)
    ws.frame(b"", opcode=0)


@broken("a close frame of one octet", 1002)
def _(ws):
    ws.frame(b"\x03", opcode=CLOSE)


@broken("a close code that may not be sent", 1002)
def _(ws):
    ws.frame(b"\x03\xed", opcode=CLOSE)


@broken("a close reason that is not UTF-8", 1007)
def _(ws):
    ws.frame(b"\x03\xe8\xff", opcode=CLOSE)


@pytest.mark.parametrize("name, code, act", ANOMALIES, ids=[name for name, _, _ in ANOMALIES])
def test_anomaly(sipd, name, code, act):
    with contextlib.closing(sipd.ws()) as one:
        with contextlib.suppress(ConnectionError):
            act(one)
        assert one.close_code() == code
        assert one.ended()
    with contextlib.closing(sipd.ws()) as one:
        one.frame(message())
        assert one.receive() == (TEXT, message())


@pytest.mark.parametrize("status, start, fields", [
    (400, "GET / HTTP/1.1", {"Sec-WebSocket-Protocol": "xmpp"}),
    (400, "GET / HTTP/1.1", {"Sec-WebSocket-Protocol": None}),
    (400, "GET / HTTP/1.1", {"Sec-WebSocket-Key": "x"}),
    (400, "GET / HTTP/1.1", {"Host": None}),
    (426, "GET / HTTP/1.1", {"Upgrade": None}),
    (426, "GET / HTTP/1.1", {"Sec-WebSocket-Version": "12"}),
    (405, "POST / HTTP/1.1", {}),
    (505, "GET / HTTP/1.0", {}),
    (400, "ECHO x SIP/2.0", {}),
    (431, "GET / HTTP/1.1", {"X": "y" * 9000}),
])
def test_upgrade_refused(sipd, status, start, fields):
    with contextlib.closing(WebSocket(sipd.raw("ws"))) as one:
        assert one.upgrade(fields, start) == status
        while one.more():
            pass


def test_stalled_upgrade_and_frame_end(workers):
    with Sipd("tcp", "ws", workers=workers, message=400) as sipd:
        with contextlib.closing(WebSocket(sipd.raw("ws"))) as one:
            one.send(b"GET / HTTP/1.1\r\n")
            assert one.ended()
        for begin in b"\x81", b"\x81\x85", b"\x81\x85" + os.urandom(4), None:
            with contextlib.closing(sipd.ws()) as one:
                if begin:
                    one.send(begin)
                else:
                    one.frame(b"x", fin=0)  # the frame is whole, its message is not
                while one.receive():
                    pass
        with contextlib.closing(sipd.ws()) as one:
            one.frame(message())
            assert one.receive() == (TEXT, message())


def test_many_frames_with_a_slow_reader(ws):
    """What waits is written in order; nothing is lost between TLS records."""
    for i in range(300):
        ws.frame(message(f"ECHO {i}", b"x" * 2000))
    for i in range(300):
        assert ws.receive() == (TEXT, message(f"ECHO {i}", b"x" * 2000))
