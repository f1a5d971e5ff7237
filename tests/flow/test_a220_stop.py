# SPDX-License-Identifier: Apache-2.0
"""Graceful stop and restart under load: who was being answered is answered, ports are free again."""

import ctypes
import os
import signal
import socket
import threading
import time
from pathlib import Path

import pytest
import requests

from harness import wait_for

ROUNDS = 100 if os.environ.get("OPENCPM_SOAK") == "1" else 5
CLIENTS = 8


class Load:
    """Clients that ask again and again, and tell an answer cut short from a refused connection."""

    def __init__(self, url):
        self.url = url
        self.answered = 0
        self.cut = []
        self.stopping = False
        self.lock = threading.Lock()
        self.threads = [threading.Thread(target=self.client) for _ in range(CLIENTS)]
        for thread in self.threads:
            thread.start()

    def client(self):
        session = requests.Session()
        while not self.stopping:
            try:
                answer = session.get(self.url, timeout=30)
                with self.lock:
                    self.answered += 1
                    if len(answer.content) != int(answer.headers["Content-Length"]):
                        self.cut.append("short body")
            except requests.exceptions.ChunkedEncodingError as error:
                self.cut.append(repr(error))
            except requests.exceptions.ConnectionError:
                session = requests.Session()  # refused, or closed while idle: ask again
                time.sleep(0.001)

    def stop(self):
        self.stopping = True
        for thread in self.threads:
            thread.join()


def test_restart_under_load(make_daemon):
    daemon = make_daemon().start()
    load = Load(daemon.url + "/metrics")
    try:
        for _ in range(ROUNDS):
            before = load.answered
            wait_for(lambda: load.answered > before + 50, "answers")
            assert daemon.stop() == 0
            daemon.start()
    finally:
        load.stop()
    assert not load.cut
    assert "stopped" in daemon.log()


def test_port_is_free_at_once(make_daemon):
    daemon = make_daemon().start()
    assert daemon.stop() == 0
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        probe.bind(("127.0.0.1", daemon.port))


def test_idle_connection_does_not_hold_the_stop_up(make_daemon):
    daemon = make_daemon({"server": {"drain-time": "30 s"}}).start()
    with socket.create_connection(("127.0.0.1", daemon.port)) as idle:
        idle.sendall(b"GET /livez HTTP/1.1\r\nHost: x\r\n\r\n")
        assert idle.recv(100).startswith(b"HTTP/1.1 200")
        began = time.monotonic()
        assert daemon.stop() == 0
        assert time.monotonic() - began < 20


def test_second_signal_ends_at_once(make_daemon):
    daemon = make_daemon({"server": {"drain-time": "10 min"}, "http": {"idle-time": "10 min"}}).start()
    with socket.create_connection(("127.0.0.1", daemon.port)) as slow:
        slow.sendall(b"GET /livez HTTP/1.1\r\nHost: x\r\n")  # never finished
        daemon.signal(signal.SIGTERM)
        daemon.wait_log("stopping")
        daemon.signal(signal.SIGTERM)
        daemon.process.wait(timeout=30)


class Notify:
    """systemd's side of sd_notify(3)."""

    def __init__(self, folder):
        self.path = os.path.join(folder, "notify.sock")
        self.socket = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self.socket.bind(self.path)
        self.socket.settimeout(60)

    def env(self, watchdog_us=None):
        env = dict(os.environ, NOTIFY_SOCKET=self.path)
        if watchdog_us:
            env["WATCHDOG_USEC"] = str(watchdog_us)
        return env

    def drain(self):
        """Forget what has come so far."""
        self.socket.setblocking(False)
        try:
            while self.socket.recv(4096):
                pass
        except BlockingIOError:
            pass
        self.socket.settimeout(60)

    def wait(self, word):
        seen = []
        while True:
            text = self.socket.recv(4096).decode()
            seen.append(text)
            if word in text.split("\n"):
                return seen


def test_systemd_hears_ready_reload_stop_and_the_watchdog(make_daemon, tmp_path):
    notify = Notify(tmp_path)
    daemon = make_daemon()
    daemon.start(env=notify.env(watchdog_us=400000))
    notify.wait("READY=1")
    notify.wait("WATCHDOG=1")
    notify.wait("WATCHDOG=1")
    daemon.signal(signal.SIGHUP)
    notify.wait("RELOADING=1")
    notify.wait("READY=1")
    daemon.signal(signal.SIGTERM)
    notify.wait("STOPPING=1")
    assert daemon.process.wait(timeout=60) == 0


class HeldThread:
    """Holds one thread of a process still, as a debugger does."""

    SEIZE, INTERRUPT, DETACH = 0x4206, 0x4207, 17

    def __init__(self, tid):
        self.tid = tid
        self.libc = ctypes.CDLL(None, use_errno=True)

    def ptrace(self, request):
        null = ctypes.c_void_p(0)
        if self.libc.ptrace(ctypes.c_long(request), ctypes.c_long(self.tid), null, null) != 0:
            raise OSError(ctypes.get_errno(), os.strerror(ctypes.get_errno()))

    def __enter__(self):
        self.ptrace(self.SEIZE)
        self.ptrace(self.INTERRUPT)
        os.waitpid(self.tid, 0x40000000)  # __WALL: threads too
        return self

    def __exit__(self, *_):
        self.ptrace(self.DETACH)


def worker_thread(pid):
    for task in Path(f"/proc/{pid}/task").iterdir():
        if (task / "comm").read_text().strip() == "worker-0":
            return int(task.name)
    raise AssertionError("no thread is named worker-0")


@pytest.mark.skipif(os.geteuid() != 0, reason="only root may hold a thread of a hardened process")
def test_a_worker_that_stands_still_silences_the_watchdog(make_daemon, tmp_path):
    notify = Notify(tmp_path)
    daemon = make_daemon({"server": {"stall-time": "2 s"}})
    daemon.start(env=notify.env(watchdog_us=400000))
    notify.wait("WATCHDOG=1")
    try:
        held = HeldThread(worker_thread(daemon.process.pid)).__enter__()
    except PermissionError as error:
        pytest.skip(f"threads cannot be held here: {error}")
    try:
        daemon.wait_log("a worker does not turn its loop")
        notify.drain()
        notify.socket.settimeout(1.5)  # several times the watchdog's half
        with pytest.raises(TimeoutError):
            notify.wait("WATCHDOG=1")
    finally:
        held.__exit__()
    notify.socket.settimeout(60)
    notify.wait("WATCHDOG=1")
