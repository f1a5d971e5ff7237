# SPDX-License-Identifier: Apache-2.0
"""SIP over WebSocket from stacks that were made apart: SIP.js in Node, in a browser, and JsSIP.

    Chromium, SIP.js        cpmd           linphonec, JsSIP, SIP.js
      |  GET, Upgrade        |                  |
      |--------- TLS ------->|                  |
      |  REGISTER, digest    |                  |
      |--------------------->|                  |
      |  MESSAGE             |   MESSAGE        |
      |--------------------->|----------------->|   and back
"""

import shutil
import subprocess

import pytest

from harness import TOP, add_user, free_port
from sippeers import PATH, Linphone, NodeClient, node_modules

PASSWORD = "correct-horse-battery"


class UrlClient(NodeClient):
    """A program of ours for Node that is told the server's URL."""

    def start(self):
        modules = node_modules()
        if not (modules / "sip.js").is_dir():
            pytest.skip("no sip.js in build/peers: the registry could not be reached")
        return self.run("node", TOP / "tests/peers" / self.script, self.server, self.user,
                        self.password, self.domain, NODE_PATH=str(modules))


class Browser(UrlClient):
    def start(self):
        if not shutil.which("chromium", path=PATH):
            pytest.skip("no chromium: ./dev check --peers installs it")
        return super().start()


@pytest.fixture
def sip(make_daemon, tmp_path):
    """A daemon with SIP over WebSocket, plain and secure, and two users."""
    cert, key = tmp_path / "cert.pem", tmp_path / "key.pem"
    subprocess.run(
        ["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes",
         "-keyout", key, "-out", cert, "-days", "2", "-subj", "/CN=127.0.0.1", "-addext",
         "subjectAltName=IP:127.0.0.1"], check=True, capture_output=True)
    daemon = make_daemon().with_sip()
    daemon.ws_port, daemon.wss_port = free_port(), free_port()
    daemon.settings["sip"]["listen"] += [
        {"transport": "ws", "address": "127.0.0.1", "port": daemon.ws_port},
        {"transport": "wss", "address": "127.0.0.1", "port": daemon.wss_port,
         "certificate": str(cert), "key": str(key)},
    ]
    daemon.configure({}).start()
    for name in ("alice", "bob"):
        add_user(daemon, name, PASSWORD)
    return daemon


@pytest.fixture
def make_client(sip, tmp_path):
    ws, wss = f"ws://127.0.0.1:{sip.ws_port}", f"wss://127.0.0.1:{sip.wss_port}"
    kinds = {
        "linphone": lambda at, user: Linphone(at, sip.sip_port, user, PASSWORD),
        "jssip": lambda at, user: NodeClient(at, "client_jssip.js", sip.ws_port, user, PASSWORD),
        "sipjs": lambda at, user: UrlClient(at, "client_sipjs.mjs", ws, user, PASSWORD),
        "chromium": lambda at, user: Browser(at, "client_browser.mjs", wss, user, PASSWORD),
        "chromium-ws": lambda at, user: Browser(at, "client_browser.mjs", ws, user, PASSWORD),
    }
    made = []

    def make(kind, user):
        client = kinds[kind](tmp_path / f"{kind}-{user}", user)
        made.append(client)
        client.start()
        return client.registered()

    yield make
    for client in made:
        client.end()


@pytest.mark.parametrize("one, other", [
    ("sipjs", "jssip"),
    ("sipjs", "linphone"),
    ("chromium", "linphone"),
    ("chromium", "jssip"),
    ("chromium-ws", "sipjs"),
])
def test_two_stacks_message_each_other(make_client, one, other):
    alice, bob = make_client(one, "alice"), make_client(other, "bob")
    alice.message("sip:bob@example.com", "how are you")
    bob.received("how are you")
    alice.delivered()
    bob.message("sip:alice@example.com", "fine, thanks")
    alice.received("fine, thanks")


def test_a_user_who_is_away_gets_it_later(make_client):
    alice = make_client("sipjs", "alice")
    alice.message("sip:bob@example.com", "anybody?")
    alice.delivered(202)
    make_client("sipjs", "bob").received("anybody?")
