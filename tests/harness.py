# SPDX-License-Identifier: Apache-2.0
"""What tests of the whole start from: a real cpmd in a folder of its own, and cpmctl beside it.

OPENCPM_BUILD names the build folder (build/ unless set), OPENCPM_WORKERS how many workers a daemon
gets unless a test says otherwise.
"""

import http.client
import json
import os
import random
import re
import signal
import socket
import subprocess
import time
from pathlib import Path

import requests

TOP = Path(__file__).resolve().parents[1]
BUILD = Path(os.environ.get("OPENCPM_BUILD", TOP / "build"))
WORKERS = int(os.environ.get("OPENCPM_WORKERS", "2"))
PATIENCE_S = 60  # how long a condition may take on a slow machine before it counts as failed

def wait_for(condition, what, patience_s=PATIENCE_S):
    """Poll CONDITION until it gives something true, and give that back."""
    deadline = time.monotonic() + patience_s
    while True:
        result = condition()
        if result:
            return result
        assert time.monotonic() < deadline, f"waited {patience_s} s for {what}"
        time.sleep(0.02)


# Below those that the kernel hands out to clients. Tests that run beside each other have ranges of
# their own: daemons open ports so that others may share them, and would take each other's datagrams.
PORTS = 2800
FIRST_PORT = 10000 + PORTS * (int(os.environ.get("PYTEST_XDIST_WORKER", "gw0")[2:]) % 8)


def free_port():
    """A port for a daemon that starts next."""
    while True:
        port = random.randrange(FIRST_PORT, FIRST_PORT + PORTS)
        with socket.socket() as probe:
            try:
                probe.bind(("127.0.0.1", port))
                return port
            except OSError:
                pass


def free_sip_port():
    """The same for a port that both UDP and TCP have free."""
    while True:
        port = free_port()
        with socket.socket(type=socket.SOCK_DGRAM) as udp:
            try:
                udp.bind(("127.0.0.1", port))
                return port
            except OSError:
                pass


def deep_update(into, other):
    for key, value in other.items():
        if isinstance(value, dict) and isinstance(into.get(key), dict):
            deep_update(into[key], value)
        else:
            into[key] = value
    return into


class Daemon:
    """One cpmd: its folder, its configuration, its process."""

    def __init__(self, folder, settings=None):
        self.folder = Path(folder)
        self.folder.mkdir(parents=True, exist_ok=True)
        self.port = free_port()
        self.url = f"http://127.0.0.1:{self.port}"
        self.socket = self.folder / "admin.sock"
        self.config = self.folder / "cpmd.yaml"
        self.log_path = self.folder / "log"
        self.process = None
        self.settings = {
            "server": {"workers": WORKERS},
            "store": {"dir": str(self.folder / "store"), "reserve": "1 MB"},
            "http": {
                "listen": [{"address": "127.0.0.1", "port": self.port}],
                "deadline": f"{PATIENCE_S} s",
            },
            "admin": {"socket": str(self.socket), "backup-dir": str(self.folder / "backups")},
            "sip": {"listen": []},  # with_sip gives it ports
        }
        self.sip_port = None
        if os.geteuid() == 0:
            self.settings["server"]["user"] = "root"
        self.configure(settings or {})

    def configure(self, changes):
        """Write the configuration with CHANGES laid over it. JSON is YAML too."""
        deep_update(self.settings, changes)
        self.config.write_text(json.dumps(self.settings, indent=2) + "\n", encoding="utf-8")
        return self

    def with_sip(self, **settings):
        """Listen for SIP over UDP and TCP on one free port; SETTINGS go below sip."""
        self.sip_port = free_sip_port()
        return self.configure({"sip": {"listen": [
            {"transport": transport, "address": "127.0.0.1", "port": self.sip_port}
            for transport in ("udp", "tcp")
        ], **settings}})

    def spawn(self, **popen):
        env = dict(popen.pop("env", os.environ), OPENCPM_SCHEMA_DIR=str(TOP / "schema"))
        with open(self.log_path, "ab") as log:
            self.process = subprocess.Popen(
                [BUILD / "cpmd", "--config", self.config], stdout=log, stderr=log, env=env, **popen
            )
        return self

    def start(self, **popen):
        self.spawn(**popen)
        wait_for(lambda: self.ready() or self.ended(), "cpmd to be ready")
        assert self.process.poll() is None, self.log()
        return self

    def ended(self):
        return self.process.poll() is not None

    def ready(self):
        try:
            return requests.get(self.url + "/readyz", timeout=5).status_code == 200
        except requests.RequestException:
            return False

    def get(self, path, **options):
        return requests.get(self.url + path, timeout=PATIENCE_S, **options)

    def ctl(self, *words, stdin=None):
        """Run cpmctl; gives the finished process with its text."""
        return subprocess.run(
            [BUILD / "cpmctl", "--socket", self.socket, *map(str, words)],
            input=stdin, capture_output=True, text=True, timeout=PATIENCE_S, check=False,
        )

    def ctl_json(self, *words):
        done = self.ctl("--json", *words)
        assert done.returncode == 0, done.stderr
        return json.loads(done.stdout)

    def log(self):
        return self.log_path.read_text(encoding="utf-8", errors="replace")

    def wait_log(self, pattern):
        return wait_for(lambda: re.search(pattern, self.log()), f"{pattern} in the log")

    def metric(self, name, labels=""):
        for line in self.get("/metrics").text.splitlines():
            if line.startswith(f"{name}{labels} "):
                return float(line.rsplit(" ", 1)[1])
        return None

    def signal(self, number):
        self.process.send_signal(number)

    def stop(self):
        """SIGTERM, wait, and what it ended with."""
        if self.process is None:
            return None
        if self.process.poll() is None:
            self.signal(signal.SIGTERM)
        return self.process.wait(timeout=PATIENCE_S)

    def kill(self):
        if self.process and self.process.poll() is None:
            self.process.kill()
            self.process.wait()


class AdminConnection(http.client.HTTPConnection):
    """HTTP over the admin socket."""

    def __init__(self, path):
        super().__init__("localhost", timeout=PATIENCE_S)
        self.path = str(path)

    def connect(self):
        self.sock = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        self.sock.settimeout(PATIENCE_S)
        self.sock.connect(self.path)


def add_user(daemon, name, password=None, aliases=(), operator=False):
    """A user as "cpmctl user add" makes one, without its process: hundreds of tests begin so.
    Gives what is then known of it."""
    user = {"user": name}
    if aliases:
        user["aliases"] = list(aliases)
    if operator:
        user["roles"] = ["user", "operator"]
    if password is not None:
        user["password"] = password
    connection = AdminConnection(daemon.socket)
    try:
        connection.request("POST", "/v1/users", json.dumps(user))
        response = connection.getresponse()
        body = response.read()
        assert response.status == 201, body
        return json.loads(body)
    finally:
        connection.close()
