# SPDX-License-Identifier: Apache-2.0
"""What the README promises: ./dev run, and two phones of different make that message each other.

    linphonec         ./dev run           JsSIP
      | REGISTER          |  REGISTER, ws   |
      |------------------>|<----------------|
      | MESSAGE           |   MESSAGE       |
      |------------------>|---------------->|   and back
      | (gone)            X (stopped, started again)
      |                   |   MESSAGE       |
      |    it comes back  |<----------------|   still registered
      |<------------------|                 |
"""

import json
import os
import re
import signal
import subprocess

import pytest

from harness import BUILD, PATIENCE_S, TOP, wait_for
from sippeers import Linphone, NodeClient, node_modules


class DevRun:
    """./dev run in a folder of its own."""

    def __init__(self, folder):
        self.folder, self.ready = folder, folder / "ready.json"
        self.data, self.log = folder / "data", folder / "log"
        self.sip = 0  # any free port, and the same again
        self.process = self.facts = None

    def start(self):
        with open(self.log, "ab") as log:
            self.process = subprocess.Popen(
                [TOP / "dev", "run", "--dir", self.data, "--http", "0", "--sip", str(self.sip),
                 "--ready-file", self.ready], stdout=log, stderr=log, stdin=subprocess.DEVNULL,
                start_new_session=True)
        # The first time it builds.
        wait_for(lambda: self.ready.exists() or self.process.poll() is not None, "./dev run", 300)
        assert self.process.poll() is None, self.log.read_text()
        self.facts = json.loads(self.ready.read_text())
        self.sip = self.facts["sip"]["port"]
        return self

    def password(self, name):
        return next(user["password"] for user in self.facts["users"] if user["name"] == name)

    def stop(self):
        if self.process is None or self.process.poll() is not None:
            return
        self.process.send_signal(signal.SIGTERM)
        try:
            assert self.process.wait(timeout=PATIENCE_S) == 0, self.log.read_text()
        except subprocess.TimeoutExpired:
            os.killpg(self.process.pid, signal.SIGKILL)
            self.process.wait()
            raise


@pytest.fixture
def run(tmp_path):
    if not os.access(TOP / "build/cpmd", os.X_OK) or BUILD.resolve() != (TOP / "build").resolve():
        pytest.skip("./dev run uses build/, and it is another one that is tested")
    node_modules()
    one = DevRun(tmp_path)
    yield one
    one.stop()


def test_two_phones_message_each_other_through_dev_run(run, tmp_path):
    run.start()
    websocket = re.search(r":(\d+)$", run.facts["sip"]["websocket"]).group(1)
    alice = Linphone(tmp_path / "alice", run.sip, "alice", run.password("alice"))
    bob = NodeClient(tmp_path / "bob", "client_jssip.js", websocket, "bob", run.password("bob"))
    again = None
    try:
        alice.start().registered()
        bob.start().registered()
        alice.message("sip:bob@example.com", "how are you")
        bob.received("how are you")
        bob.message("sip:alice@example.com", "fine, thanks")
        alice.received("fine, thanks")
        # One goes, without a word and for a while; the server is started again meanwhile.
        alice.vanish()
        bob.end()
        run.stop()
        run.start()
        done = subprocess.run(
            [TOP / "build/cpmctl", "--socket", run.facts["admin_socket"], "sip", "registrations"],
            capture_output=True, timeout=PATIENCE_S, check=True)
        assert b"sip:alice@" in done.stdout, done.stdout
        # It comes back at the port it had, and what is registered still is enough to reach it.
        alice.start().registered()
        websocket = re.search(r":(\d+)$", run.facts["sip"]["websocket"]).group(1)
        again = NodeClient(tmp_path / "again", "client_jssip.js", websocket, "bob",
                           run.password("bob"))
        again.start().registered()
        again.message("sip:alice@example.com", "still there?")
        alice.received("still there?")
    finally:
        for client in (alice, bob, again):
            if client:
                client.end()
