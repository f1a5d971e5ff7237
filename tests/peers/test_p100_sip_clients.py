# SPDX-License-Identifier: Apache-2.0
"""Devices of others at one cpmd: each registers with digest, and they message each other."""

import pytest

from harness import add_user, free_port
from sippeers import Baresip, Linphone, NodeClient
from sipua import UserAgent

PASSWORD = "correct-horse-battery"


@pytest.fixture
def sip(make_daemon):
    """A daemon with SIP, also over WebSocket, and two users."""
    daemon = make_daemon().with_sip()
    daemon.ws_port = free_port()
    listen = daemon.settings["sip"]["listen"]
    listen.append({"transport": "ws", "address": "127.0.0.1", "port": daemon.ws_port})
    daemon.configure({}).start()
    for name in ("alice", "bob"):
        add_user(daemon, name, PASSWORD)
    return daemon


@pytest.fixture
def make_client(sip, tmp_path):
    """A maker of registered devices by the name of what they run; all end with the test."""
    kinds = {
        "linphone": lambda at, user: Linphone(at, sip.sip_port, user, PASSWORD),
        "linphone-tcp": lambda at, user: Linphone(at, sip.sip_port, user, PASSWORD, "tcp"),
        "jssip": lambda at, user: NodeClient(at, "client_jssip.js", sip.ws_port, user, PASSWORD),
        "sip": lambda at, user: NodeClient(at, "client_sip.js", sip.sip_port, user, PASSWORD),
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
    ("linphone", "linphone-tcp"),
    ("linphone", "jssip"),
    ("linphone-tcp", "sip"),
    ("jssip", "sip"),
])
def test_two_devices_message_each_other(make_client, one, other):
    alice, bob = make_client(one, "alice"), make_client(other, "bob")
    alice.message("sip:bob@example.com", "how are you")
    bob.received("how are you")
    bob.message("sip:alice@example.com", "fine, thanks")
    alice.received("fine, thanks")


@pytest.mark.parametrize("kind", ["linphone", "sip"])
def test_a_device_is_still_registered_after_a_restart(sip, make_client, kind):
    """It does not notice: the server knows it without a new REGISTER, and reaches it. Over UDP:
    a connection ends with the server, and then it is the device that comes back."""
    bob = make_client(kind, "bob")
    assert sip.stop() == 0
    sip.start()
    alice = make_client("jssip", "alice")
    alice.message("sip:bob@example.com", "still there?")
    bob.received("still there?")
    alice.delivered()


def test_who_went_without_a_word_comes_back_after_a_restart(sip, make_client):
    alice, bob = make_client("jssip", "alice"), make_client("linphone", "bob")
    bob.vanish()
    alice.end()
    assert sip.stop() == 0
    sip.start()
    bob.start().registered()
    alice = make_client("jssip", "alice")
    alice.message("sip:bob@example.com", "back again")
    bob.received("back again")
    alice.delivered()
    # The same device as before, by its instance: one registration, not two.
    with UserAgent(sip, "bob", PASSWORD) as asking:
        assert len(asking.register(contact="").all("contact")) == 1


def test_a_device_of_plain_text_that_knows_md5_alone(make_daemon, tmp_path):
    """baresip gives up when it is offered SHA-256, and refuses what is not plain text."""
    daemon = make_daemon().with_sip(sha256=False).start()
    for name in ("alice", "bob"):
        add_user(daemon, name, PASSWORD)
    bob = Baresip(tmp_path / "baresip", daemon.sip_port, "bob", PASSWORD)
    try:
        bob.start().registered()
        with UserAgent(daemon, "alice", PASSWORD) as alice:
            assert alice.message("sip:bob@example.com", "in plain words").status == 200
            bob.received("in plain words")
            cpim = "From: <sip:a@b>\r\n\r\nContent-Type: text/plain\r\n\r\nunwrapped"
            answer = alice.message("sip:bob@example.com", cpim, content_type="message/cpim")
            assert answer.status == 200
            bob.received("unwrapped")
            answer = alice.message("sip:bob@example.com", "x", content_type="application/json")
            assert answer.status == 415
    finally:
        bob.end()
