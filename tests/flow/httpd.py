# SPDX-License-Identifier: Apache-2.0
"""Start http_testd and talk to it octet by octet.

The program is $HTTP_TESTD, else build/tests/http/http_testd of this tree. Under a sanitizer a
report makes it end with another status than 0, which stop() notices.
"""

import contextlib
import os
import pathlib
import re
import signal
import socket
import ssl
import subprocess
import time

import pytest

ROOT = pathlib.Path(__file__).resolve().parents[2]
PROGRAM = os.environ.get("HTTP_TESTD", str(ROOT / "build" / "tests" / "http" / "http_testd"))
PATIENCE = 30  # seconds; never waited for when things are well

# How many workers the servers get, for a fixture's params: OPENCPM_WORKERS, else one and four.
WORKERS = [
    pytest.param(int(n), id=f"{n}-worker" + "s" * (n != "1"))
    for n in os.environ.get("OPENCPM_WORKERS", "1 4").split()
]


def wait_until(condition, what="condition", patience=PATIENCE):
    """Wait for CONDITION() to be true and return what it gave."""
    end = time.monotonic() + patience
    while True:
        value = condition()
        if value:
            return value
        assert time.monotonic() < end, f"{what} did not come true in {patience} s"
        time.sleep(0.005)


class Answer:
    def __init__(self, status, fields, body):
        self.status, self.fields, self.body = status, fields, body

    def field(self, name):
        values = [v for n, v in self.fields if n.lower() == name.lower()]
        assert len(values) <= 1, f"{name} comes {len(values)} times"
        return values[0] if values else None


class Client:
    """One connection."""

    def __init__(self, sock):
        self.sock, self.rest = sock, b""
        sock.settimeout(PATIENCE)

    def send(self, data):
        self.sock.sendall(data if isinstance(data, bytes) else data.encode("latin-1"))

    def _more(self):
        data = self.sock.recv(65536)
        self.rest += data
        return bool(data)

    def answer(self, head=False):
        """The next answer; None when the connection ends instead."""
        while b"\r\n\r\n" not in self.rest:
            try:
                if not self._more():
                    return None
            except ConnectionError:
                return None
        top, self.rest = self.rest.split(b"\r\n\r\n", 1)
        lines = top.decode("latin-1").split("\r\n")
        status = int(re.fullmatch(r"HTTP/1\.[01] (\d{3}) .*", lines[0]).group(1))
        fields = [tuple(line.split(": ", 1)) for line in lines[1:]]
        answer = Answer(status, fields, b"")
        if status == 100:
            return answer
        length = 0 if head or status in (204, 304) else int(answer.field("Content-Length"))
        while len(self.rest) < length:
            if not self._more():
                raise EOFError("the body ends too early")
        answer.body, self.rest = self.rest[:length], self.rest[length:]
        return answer

    def ended(self):
        """True when the server ends the connection without another octet."""
        try:
            return self.rest == b"" and self.sock.recv(1) == b""
        except ConnectionError:
            return True

    def ask(self, target, method="GET", body=None, fields=(), head=False):
        lines = [f"{method} {target} HTTP/1.1", "Host: x", *fields]
        if body is not None:
            lines.append(f"Content-Length: {len(body)}")
        self.send("\r\n".join(lines).encode("latin-1") + b"\r\n\r\n" + (body or b""))
        return self.answer(head or method == "HEAD")

    def close(self):
        self.sock.close()


class Server:
    def __init__(self, workers=1, path=None, tls=None, **options):
        command = [PROGRAM, "--workers", str(workers)]
        if tls:
            command += ["--tls", *map(str, tls)]
        if path:
            command += ["--unix", str(path)]
        for name, value in options.items():
            command += ["--" + name.replace("_", "-"), str(value)]
        self.path, self.log_text = path, ""
        self.log_file = open(f"/proc/self/fd/{os.memfd_create('log')}", "w+b")
        self.process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=self.log_file)
        self.ports = {}
        for line in self.process.stdout:
            name, _, value = line.decode().strip().partition("=")
            if name == "ready":
                break
            self.ports[name] = int(value)
        else:
            raise RuntimeError(f"{PROGRAM} did not start: {self.log()}")

    def connect(self, data=None):
        client = Client(socket.create_connection(("127.0.0.1", self.ports["port"]), PATIENCE))
        if data is not None:
            client.send(data)
        return client

    def connect_unix(self):
        sock = socket.socket(socket.AF_UNIX)
        sock.connect(str(self.path))
        return Client(sock)

    def connect_tls(self, context=None):
        if context is None:
            context = ssl.create_default_context()
            context.check_hostname = False
            context.verify_mode = ssl.CERT_NONE
        raw = socket.create_connection(("127.0.0.1", self.ports["tls"]), PATIENCE)
        try:
            return Client(context.wrap_socket(raw))
        except BaseException:
            raw.close()
            raise

    def get(self, target, **more):
        with contextlib.closing(self.connect()) as client:
            return client.ask(target, **more)

    def log(self):
        with open(self.log_file.name, "rb") as file:
            return file.read().decode("utf-8")

    def wait_log(self, pattern):
        """The first line that PATTERN matches, once there is one."""
        return wait_until(
            lambda: next((li for li in self.log().split("\n") if re.search(pattern, li)), None),
            f"log line {pattern}",
        )

    def metric(self, name):
        """The sum of the samples whose name and labels begin with NAME."""
        total = 0.0
        for line in self.get("/metrics").body.decode().split("\n"):
            if line.startswith(name):
                total += float(line.rsplit(" ", 1)[1])
        return total

    def stat(self, key):
        text = pathlib.Path(f"/proc/{self.process.pid}/status").read_text()
        return int(re.search(rf"^{key}:\s+(\d+)", text, re.M).group(1))

    def is_sanitized(self):
        """Memory is no figure then: what is freed stays in quarantine."""
        return re.search("lib[at]san", pathlib.Path(f"/proc/{self.process.pid}/maps").read_text())

    def cpu_s(self):
        fields = pathlib.Path(f"/proc/{self.process.pid}/stat").read_text().rsplit(") ", 1)[1]
        user, system = fields.split()[11:13]
        return (int(user) + int(system)) / os.sysconf("SC_CLK_TCK")

    def descriptors(self):
        return len(os.listdir(f"/proc/{self.process.pid}/fd"))

    def alive(self):
        assert self.get("/hello").status == 200

    def term(self):
        self.process.send_signal(signal.SIGTERM)

    def stop(self):
        """Drain and end; anything but a clean end fails."""
        if self.process.poll() is None:
            self.term()
        try:
            out, _ = self.process.communicate(timeout=PATIENCE)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.communicate()
            raise
        assert self.process.returncode == 0, f"status {self.process.returncode}: {self.log()}"
        assert b"drained" in out

    def __enter__(self):
        return self

    def __exit__(self, kind, value, trace):
        if kind is None:
            self.stop()
        else:
            self.process.kill()
            self.process.communicate()
        self.log_file.close()
