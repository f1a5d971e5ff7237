# SPDX-License-Identifier: Apache-2.0
"""Malformed SIP against the built daemon: the torture messages with their right answers, and
thousands of requests that are wrong in one element, a life sign after each.

    tester                     cpmd
      | what is not right       |
      |------------------------>|
      |   400, or none at all   |
      |<------------------------|
      | OPTIONS                 |
      |------------------------>|
      |                     200 |
      |<------------------------|
"""

import os
import re
import select
import socket
import struct
import subprocess

import pytest

from harness import BUILD, PATIENCE_S, TOP, add_user
from sipua import UserAgent

TORTURE = os.environ.get("OPENCPM_TORTURE") or str(TOP.parent / "shared" / "torture")
# Where answers go that have no rport: the ports of sent-by in the messages.
PORTS = (5060, 5050, 6050, 19823)
QUIET_S = 0.2


def rows(folder):
    """The rows of an index as dictionaries; none where the folder is not at hand."""
    try:
        with open(f"{TORTURE}/{folder}/INDEX.tsv", encoding="utf-8") as index:
            lines = [line.rstrip("\n").split("\t") for line in index if line[0] != "#"]
    except FileNotFoundError:
        return []
    return [dict(zip(lines[0], line)) for line in lines[1:]]


def octets(folder, row):
    with open(f"{TORTURE}/{folder}/{row['file']}", "rb") as file:
        data = file.read()
    # It has branch, sent-by and method of unkscm.dat, so it would be that one sent again
    # (RFC 3261 s17.2.3) and the answer would go to where that came from.
    return data.replace(b"kdjuw39234", b"kdjuw39235") if row["file"] == "novelsc.dat" else data


def fits(row, status):
    """Whether STATUS (None: no answer) is what the index allows."""
    named = {int(code) for code in re.findall(r"\b[2-6]\d\d\b", row["right_answer"])}
    if row["kind"] == "resp" or row["verdict"] == "drop":
        return status is None
    if row["verdict"] == "reject":
        return status in named or (status is None and "drop" in row["right_answer"])
    return status is not None and (status in named or status not in (400, 500))


def fits_probe(row, status):
    """The same for a probe, whose expectation is prose."""
    text = row["expected"]
    if status is None:
        return "drop" in text
    named = {int(code) for code in re.findall(r"\b[2-6]\d\d\b", text)}
    free = not named or text.startswith(("accept", "answer", "value", "treated"))
    return status in named or (free and status not in (400, 500))


class Answer:
    """A response, which may lack what the request lacked."""

    def __init__(self, data):
        self.octets = data
        self.start = data.split(b"\r\n")[0].decode("utf-8", "replace")
        assert self.start.startswith("SIP/2.0 "), "relayed to where the sender said"
        self.status = int(self.start.split(" ")[1])


class Place:
    """Sockets at one loopback address, on every port that an answer may be sent to."""

    def __init__(self, number):
        self.address = f"127.77.{os.getpid() % 200 + 1}.{number % 250 + 1}"
        self.sockets = []
        for port in PORTS:
            sock = socket.socket(type=socket.SOCK_DGRAM)
            sock.bind((self.address, port))
            self.sockets.append(sock)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        for sock in self.sockets:
            sock.close()

    def send(self, daemon, data):
        self.sockets[0].sendto(data, ("127.0.0.1", daemon.sip_port))

    def answers(self, patience_s):
        """Different final answers that have come, in a while that ends QUIET_S after the first."""
        found = {}
        while True:
            ready, _, _ = select.select(self.sockets, [], [], QUIET_S if found else patience_s)
            if not ready:
                return list(found.values())
            for sock in ready:
                message = Answer(sock.recv(65536))
                if message.status >= 200:
                    found[message.octets] = message


def alive(agent):
    return agent.answer_to(agent.request("OPTIONS", "sip:example.com"), PATIENCE_S).status == 200


@pytest.fixture
def sip(make_daemon):
    # No limit per source: what is slowed down is shown elsewhere.
    daemon = make_daemon({"limits": {"requests": 0}}).with_sip().start()
    add_user(daemon, "alice", "correct horse battery")
    return daemon


@pytest.mark.parametrize("folder", ["rfc4475", "rfc5118", "libosip2-probes"])
def test_torture_over_udp(sip, folder):
    table = rows(folder)
    if not table:
        pytest.skip("the torture messages are not at hand")
    wrong = []
    with UserAgent(sip, "alice") as agent:
        for number, row in enumerate(table):
            check = fits_probe if folder == "libosip2-probes" else fits
            with Place(number) as place:
                place.send(sip, octets(folder, row))
                assert alive(agent), row["file"]
                got = place.answers(QUIET_S if check(row, None) else PATIENCE_S)
            if len(got) > 1 or not check(row, got[0].status if got else None):
                wrong.append((row["file"], row.get("right_answer", row.get("expected")),
                              [message.start for message in got]))
    assert not wrong


# Whose length or end lies: a stream waits for more, and the sender is closed by time.
WAITING = {"clerr.dat", "baddn.dat"}
# Two messages in one datagram are two messages on a stream.
TWO = {"dblreq.dat"}
# What RFC 4475 takes over UDP only: no Content-Length on a stream.
LENGTHLESS = {"inv2543.dat"}


def stream_answers(daemon, data, patience_s):
    with socket.create_connection(("127.0.0.1", daemon.sip_port)) as sock:
        sock.sendall(data)
        sock.settimeout(patience_s)
        left, found = b"", {}
        try:
            while True:
                more = sock.recv(65536)
                if not more:
                    break
                # Ours have no body here, so each ends with its empty line.
                *whole, left = (left + more).split(b"\r\n\r\n")
                for message in map(Answer, whole):
                    if message.status >= 200:
                        found[message.octets] = message
                        sock.settimeout(QUIET_S)
        except (socket.timeout, ConnectionError):
            pass
    return list(found.values())


@pytest.mark.parametrize("folder", ["rfc4475", "rfc5118"])
def test_torture_over_tcp(sip, folder):
    table = rows(folder)
    if not table:
        pytest.skip("the torture messages are not at hand")
    wrong = []
    with UserAgent(sip, "alice") as agent:
        for row in table:
            name = row["file"]
            none = name in WAITING or fits(row, None)
            got = stream_answers(sip, octets(folder, row), QUIET_S if none else PATIENCE_S)
            assert alive(agent), name
            status = got[0].status if got else None
            if name in WAITING:
                good = not got
            elif name in LENGTHLESS:
                good = len(got) == 1 and status == 400
            else:
                good = len(got) <= 1 + (name in TWO) and fits(row, status)
            if not good:
                wrong.append((name, row["right_answer"], [message.start for message in got]))
    assert not wrong


def anomalies(method, port, via, transport):
    """The requests of tests/sip/anomaly.c; the last one is valid."""
    data = subprocess.run(
        [BUILD / "tests/sip/anomaly_print", method, "example.com", str(port), via, transport],
        capture_output=True, check=True, timeout=PATIENCE_S).stdout
    at = 0
    while at < len(data):
        (length,) = struct.unpack_from(">I", data, at)
        yield data[at + 4 : at + 4 + length]
        at += 4 + length


@pytest.mark.parametrize("method", ["INVITE", "MESSAGE"])
def test_one_element_wrong_over_udp(sip, method):
    sent = 0
    with UserAgent(sip, "alice") as agent, socket.socket(type=socket.SOCK_DGRAM) as sock:
        sock.bind(("127.0.0.1", 0))
        sock.setblocking(False)
        for data in anomalies(method, sip.sip_port, "%s:%d" % sock.getsockname(), "UDP"):
            if len(data) > 65507:
                continue
            sock.sendto(data, ("127.0.0.1", sip.sip_port))
            sent += 1
            assert alive(agent), data[:2000]
            try:
                while True:
                    sock.recv(65536)
            except BlockingIOError:
                pass
    assert sent > 4527
    assert not sip.ended()


@pytest.mark.parametrize("method", ["INVITE", "MESSAGE"])
def test_one_element_wrong_over_tcp(sip, method):
    with UserAgent(sip, "alice") as agent:
        for number, data in enumerate(anomalies(method, sip.sip_port, "127.0.0.1", "TCP")):
            if number % 8:
                continue
            with socket.create_connection(("127.0.0.1", sip.sip_port)) as sock:
                try:
                    sock.sendall(data)
                except ConnectionError:
                    pass
            if number % 64 == 0:
                assert alive(agent), data[:2000]
        assert alive(agent)
    assert not sip.ended()
