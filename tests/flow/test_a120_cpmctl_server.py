# SPDX-License-Identifier: Apache-2.0
"""cpmctl against a server of the test's own: long jobs, Ctrl-C, and answers that make no sense."""

import json
import os
import pty
import re
import signal
import socket
import subprocess
import threading

import pytest

from harness import BUILD, wait_for

CTL = BUILD / "cpmctl"


class Server:
    """Answers each request on a Unix socket with what ANSWER(method, path, server) gives:
    status, body (octets or something to be made JSON)."""

    def __init__(self, path, answer):
        self.path = path
        self.answer = answer
        self.seen = []
        self.socket = socket.socket(socket.AF_UNIX)
        self.socket.bind(str(path))
        self.socket.listen(64)
        threading.Thread(target=self.serve, daemon=True).start()

    def serve(self):
        while True:
            try:
                peer, _ = self.socket.accept()
            except OSError:
                return
            with peer:
                self.serve_one(peer)

    def serve_one(self, peer):
        head = b""
        while b"\r\n\r\n" not in head:
            piece = peer.recv(65536)
            if not piece:
                return
            head += piece
        method, path, _ = head.split(b"\r\n")[0].decode().split(" ")
        self.seen.append((method, path))
        answer = self.answer(method, path, self)
        if isinstance(answer, bytes):
            peer.sendall(answer)
            return
        status, body = answer
        if not isinstance(body, bytes):
            body = json.dumps(body).encode()
        peer.sendall(
            b"HTTP/1.1 %d X\r\nContent-Type: application/json\r\nConnection: close\r\n"
            b"Content-Length: %d\r\n\r\n" % (status, len(body)) + body
        )

    def close(self):
        self.socket.close()


@pytest.fixture
def serve(tmp_path):
    made = []

    def make(answer):
        made.append(Server(tmp_path / "s", answer))
        return made[-1]

    yield make
    for server in made:
        server.close()


def ctl(server, *words):
    return subprocess.run(
        [CTL, "--socket", server.path, *words], capture_output=True, text=True, timeout=60, check=False
    )


class LongJob:
    """A backup of 100 MB that goes on until it is cancelled, or until it has been asked about as
    often as it has parts."""

    def __init__(self, parts=None):
        self.parts = parts
        self.asked = 0
        self.state = "running"

    def job(self):
        done = 100 << 20 if self.state == "done" else (self.asked << 20) % (100 << 20)
        if self.parts and self.state != "done":
            done = (100 << 20) * self.asked // self.parts
        job = {"id": 7, "verb": "backup", "state": self.state, "done": done, "total": 100 << 20,
               "object": "/b", "started_ms": 1000, "ended_ms": 3500}
        if self.state == "cancelled":
            job["failure"] = {"error": "stopping", "message": "backup was cancelled", "remedy": "x"}
        if self.state == "done":
            job["result"] = {"dir": "/b"}
        return job

    def __call__(self, method, path, server):
        if method == "POST":
            return 202, self.job()
        assert path == "/v1/jobs/7"
        if method == "DELETE":
            self.state = "cancelled"
            return 202, {"id": 7, "state": "running", "forgotten": False}
        self.asked += 1
        if self.parts and self.asked > self.parts:
            self.state = "done"
        return 200, self.job()


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_ctrl_c_cancels_the_job(serve, number):
    job = LongJob()
    server = serve(job)
    with subprocess.Popen(
        [CTL, "--socket", server.path, "backup", "/b"], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    ) as process:
        wait_for(lambda: job.asked >= 3, "cpmctl to follow the job")
        process.send_signal(number)
        out, err = process.communicate(timeout=60)
    assert process.returncode == 130
    assert ("DELETE", "/v1/jobs/7") in server.seen
    assert server.seen.count(("DELETE", "/v1/jobs/7")) == 1
    assert out == "" and "backup was cancelled" in err


def test_second_ctrl_c_leaves_at_once(serve):
    job = LongJob()

    def stubborn(method, path, server):
        if method == "DELETE":
            return 202, {"id": 7, "state": "running", "forgotten": False}
        return job(method, path, server)

    server = serve(stubborn)
    with subprocess.Popen([CTL, "--socket", server.path, "backup", "/b"], stderr=subprocess.DEVNULL) as process:
        wait_for(lambda: job.asked >= 3, "cpmctl to follow the job")
        process.send_signal(signal.SIGINT)
        wait_for(lambda: ("DELETE", "/v1/jobs/7") in server.seen, "the cancellation")
        process.send_signal(signal.SIGINT)
        assert process.wait(timeout=60) == 130


def test_lines_without_a_terminal(serve):
    server = serve(LongJob(parts=20))
    done = ctl(server, "backup", "/b")
    assert done.returncode == 0
    assert done.stdout == "backup in /b, verified, took 2.5 s\n"
    lines = done.stderr.splitlines()
    assert [int(re.match(r"backup (\d+) %: ", line).group(1)) for line in lines] == list(range(10, 101, 10))
    assert "\r" not in done.stderr and "\x1b" not in done.stderr
    assert lines[4].startswith("backup 50 %: 50.0 MB of 100 MB")


def test_bar_on_a_terminal(serve):
    server = serve(LongJob(parts=12))
    pid, master = pty.fork()
    if pid == 0:
        os.execv(CTL, ["cpmctl", "--socket", str(server.path), "backup", "/b"])
    shown = b""
    while True:
        try:
            piece = os.read(master, 65536)
        except OSError:
            break
        shown += piece
    os.close(master)
    assert os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]) == 0
    text = shown.decode()
    assert re.search(r"\rbackup \[#+\.+\] +\d+ % [0-9.]+ MB of 100 MB", text)
    assert re.search(r"MB/s, .* left", text)
    assert text.rstrip().endswith("backup in /b, verified, took 2.5 s")
    assert "\r\x1b[K" in text, "the bar is wiped away before the result"


def test_no_progress_in_json(serve):
    done = ctl(serve(LongJob(parts=3)), "--json", "backup", "/b")
    assert done.stderr == ""
    assert json.loads(done.stdout)["state"] == "done"


def test_cancelled_in_json(serve):
    job = LongJob()
    job.state = "cancelled"
    done = ctl(serve(job), "--json", "backup", "/b")
    assert done.returncode == 130
    assert json.loads(done.stdout)["state"] == "cancelled"


@pytest.mark.parametrize(
    "answer, status, message",
    [
        (b"", 3, "does not answer"),
        (b"nonsense\r\n\r\n", 3, "does not answer"),
        (b"HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\ncut", 3, "does not answer"),
        ((200, b""), 1, "JSON expected"),
        ((200, b"<html>"), 1, "JSON, line 1"),
        ((200, b"[" * 5000), 1, "deeper than"),
        ((404, b"<html>not here"), 1, "the server answered 404"),
        ((503, {"error": "busy", "message": "too much", "remedy": "wait"}), 1, "too much; wait"),
        ((500, {}), 1, "cpmctl: "),
        ((400, {"error": 1, "message": ["x"], "remedy": None}), 1, "cpmctl: "),
    ],
)
def test_odd_answers(serve, answer, status, message):
    server = serve(lambda method, path, server: answer)
    for words in (["status"], ["jobs"], ["owners"], ["backup", "/b"], ["log", "level"]):
        done = ctl(server, *words)
        assert done.returncode == status, (words, done)
        assert message in done.stderr
        done = ctl(server, "--json", *words)
        assert done.returncode == status
        assert isinstance(json.loads(done.stdout), dict)


@pytest.mark.parametrize("body", [{}, [], 17, {"workers": 1, "store": []}, {"jobs": [1, None, {}]}, {"levels": {"x": 1}}])
def test_members_of_the_wrong_kind_do_no_harm(serve, body):
    server = serve(lambda method, path, server: (200, body))
    for words in (["status"], ["stats"], ["jobs"], ["jobs", "1"], ["log", "level"], ["reload"], ["jobs", "cancel", "1"]):
        assert ctl(server, *words).returncode in (0, 1), words


def test_texts_of_a_server_cannot_move_the_cursor(serve):
    evil = "a\x1b[2J\x07\n\u202eb"
    server = serve(lambda method, path, server: (400, {"error": "x", "message": evil, "remedy": evil}))
    done = ctl(server, "status")
    assert done.stderr == (
        "cpmctl: a\\x1b[2J\\x07\\x0a\\xe2\\x80\\xaeb; a\\x1b[2J\\x07\\x0a\\xe2\\x80\\xaeb\n"
    )
