# SPDX-License-Identifier: Apache-2.0
"""Start sip_testd, the SIP transport alone, and talk to it octet by octet.

The program is $SIP_TESTD, else that of $OPENCPM_BUILD, else build/tests/sip/sip_testd of this tree.
"""

import base64
import contextlib
import os
import pathlib
import queue
import re
import signal
import socket
import ssl
import struct
import subprocess
import threading

from httpd import PATIENCE, ROOT, wait_until

BUILD = pathlib.Path(os.environ.get("OPENCPM_BUILD", ROOT / "build"))
PROGRAM = os.environ.get("SIP_TESTD", str(BUILD / "tests" / "sip" / "sip_testd"))


def message(start="ECHO x", body=b"", fields=()):
    lines = [f"{start} SIP/2.0", *fields, f"Content-Length: {len(body)}"]
    return "\r\n".join(lines).encode() + b"\r\n\r\n" + body


class Stream:
    """One connection."""

    def __init__(self, sock):
        self.sock, self.rest = sock, b""
        sock.settimeout(PATIENCE)

    def send(self, data):
        self.sock.sendall(data)

    def more(self):
        data = self.sock.recv(65536)
        self.rest += data
        return bool(data)

    def exactly(self, n):
        while len(self.rest) < n:
            assert self.more(), f"ended after {self.rest!r}"
        data, self.rest = self.rest[:n], self.rest[n:]
        return data

    def message(self):
        """The next message; None when the connection ends instead."""
        while b"\r\n\r\n" not in self.rest:
            try:
                if not self.more():
                    return None
            except ConnectionError:
                return None
        head = self.rest.index(b"\r\n\r\n") + 4
        length = int(re.search(rb"(?i)\r\n(?:content-length|l)\s*:\s*(\d+)", self.rest[:head])[1])
        return self.exactly(head + length)

    def ask(self, start, body=b""):
        self.send(message(start, body))
        return self.message()

    def who(self):
        text = self.ask("WHO x").split(b"\r\n\r\n", 1)[1].decode()
        return dict(item.split("=", 1) for item in text.split(" "))

    def ended(self):
        """True when the server ends the connection without another octet."""
        try:
            return self.rest == b"" and self.sock.recv(1) == b""
        except ConnectionError:
            return True

    def close(self):
        self.sock.close()


class WebSocket(Stream):
    """A client of RFC 6455, with every freedom to do it wrong."""

    def upgrade(self, fields=None, start="GET / HTTP/1.1"):
        fields = {
            "Host": "x",
            "Upgrade": "websocket",
            "Connection": "Upgrade",
            "Sec-WebSocket-Key": base64.b64encode(os.urandom(16)).decode(),
            "Sec-WebSocket-Version": "13",
            "Sec-WebSocket-Protocol": "sip",
            **(fields or {}),
        }
        lines = [start, *(f"{name}: {value}" for name, value in fields.items() if value)]
        self.send("\r\n".join(lines).encode() + b"\r\n\r\n")
        while b"\r\n\r\n" not in self.rest:
            assert self.more(), "no answer to the upgrade"
        head, self.rest = self.rest.split(b"\r\n\r\n", 1)
        return int(head.split(b" ")[1])

    def frame(self, data, opcode=1, fin=1, rsv=0, mask=True, length=None):
        length = len(data) if length is None else length
        head = bytes([fin << 7 | rsv << 4 | opcode])
        bit = 0x80 if mask else 0
        if length < 126:
            head += bytes([bit | length])
        elif length < 65536:
            head += bytes([bit | 126]) + struct.pack(">H", length)
        else:
            head += bytes([bit | 127]) + struct.pack(">Q", length)
        if mask:
            key = os.urandom(4)
            data = bytes(b ^ key[i % 4] for i, b in enumerate(data))
            head += key
        self.send(head + data)

    def receive(self):
        """The next frame: opcode and payload; None at the end of the connection."""
        try:
            while len(self.rest) < 2:
                if not self.more():
                    return None
        except ConnectionError:
            return None
        first, second = self.exactly(2)
        assert first & 0x80 and not second & 0x80
        length = second
        if second == 126:
            (length,) = struct.unpack(">H", self.exactly(2))
        elif second == 127:
            (length,) = struct.unpack(">Q", self.exactly(8))
        return first & 0x0F, self.exactly(length)

    def close_code(self):
        """The code of the close frame that ends it."""
        while True:
            got = self.receive()
            assert got, "no close frame"
            if got[0] == 8:
                return struct.unpack(">H", got[1][:2])[0] if got[1] else 0


class Sipd:
    def __init__(self, *listens, workers=1, cert=None, address="127.0.0.1", **options):
        command = [PROGRAM, "--workers", str(workers)]
        for proto in listens:
            command += ["--" + proto, address]
        if cert:
            command += ["--cert", *map(str, cert)]
        for name, value in options.items():
            command += ["--" + name.replace("_", "-"), str(value)]
        self.address = address
        self.log_file = open(f"/proc/self/fd/{os.memfd_create('log')}", "w+b")
        self.process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=self.log_file)
        ports = []
        for line in self.process.stdout:
            name, _, value = line.decode().strip().partition("=")
            if name == "ready":
                break
            ports.append(int(value))
        else:
            raise RuntimeError(f"{PROGRAM} did not start: {self.log()}")
        self.ports = dict(zip(listens, ports))
        self.said = queue.Queue()
        self.reader = threading.Thread(target=self._read)
        self.reader.start()

    def _read(self):
        for line in self.process.stdout:
            self.said.put(line.decode().strip())

    def line(self):
        """What the program says next."""
        return self.said.get(timeout=PATIENCE)

    def wait_line(self, begin):
        while True:
            line = self.line()
            if line.startswith(begin):
                return line

    def log(self):
        with open(self.log_file.name, "rb") as file:
            return file.read().decode()

    def raw(self, proto):
        return socket.create_connection((self.address, self.ports[proto]), PATIENCE)

    def tcp(self):
        return Stream(self.raw("tcp"))

    def udp(self):
        sock = socket.socket(socket.AF_INET6 if ":" in self.address else socket.AF_INET,
                             socket.SOCK_DGRAM)
        sock.settimeout(PATIENCE)
        sock.connect((self.address, self.ports["udp"]))
        return sock

    def tls(self, proto="tls", kind=Stream, context=None):
        if context is None:
            context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
            context.check_hostname = False
            context.verify_mode = ssl.CERT_NONE
        raw = self.raw(proto)
        try:
            return kind(context.wrap_socket(raw))
        except BaseException:
            raw.close()
            raise

    def ws(self, proto="ws"):
        one = self.tls(proto, WebSocket) if proto == "wss" else WebSocket(self.raw(proto))
        assert one.upgrade() == 101
        return one

    def count(self, name):
        """The sum of the samples whose name and labels begin with NAME."""
        with contextlib.closing(self.tcp()) as one:
            text = one.ask("COUNTS x").decode()
        return sum(float(line.rsplit(" ", 1)[1]) for line in text.split("\n")
                   if line.startswith(name))

    def wait_count(self, name, value):
        wait_until(lambda: self.count(name) == value, f"{name} {value}")

    def cpu_s(self):
        fields = pathlib.Path(f"/proc/{self.process.pid}/stat").read_text().rsplit(") ", 1)[1]
        user, system = fields.split()[11:13]
        return (int(user) + int(system)) / os.sysconf("SC_CLK_TCK")

    def alive(self):
        with contextlib.closing(self.tcp()) as one:
            assert one.ask("ECHO alive") == message("ECHO alive")

    def stop(self):
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGTERM)
        try:
            self.process.wait(PATIENCE)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()
            raise
        finally:
            self.reader.join()
        assert self.process.returncode == 0, f"status {self.process.returncode}: {self.log()}"

    def __enter__(self):
        return self

    def __exit__(self, kind, value, trace):
        try:
            if kind is None:
                self.stop()
        finally:
            if self.process.poll() is None:
                self.process.kill()
                self.process.wait()
            self.reader.join()
            self.process.stdout.close()
            self.log_file.close()
