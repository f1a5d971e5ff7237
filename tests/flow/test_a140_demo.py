# SPDX-License-Identifier: Apache-2.0
"""The demonstration domain: its people are there when it says that it is ready, and stay."""

import json
import signal
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor

import pytest
import requests
from requests.auth import HTTPDigestAuth

from sipua import UserAgent

from harness import BUILD, PATIENCE_S, TOP, wait_for


@pytest.fixture
def demo(tmp_path):
    """Start the demonstration in a folder of its own; gives what it tells about itself."""
    running = []

    def start():
        ready = tmp_path / "ready.json"
        with open(tmp_path / "log", "ab") as log:
            process = subprocess.Popen(
                [sys.executable, TOP / "tests/demo.py", "--build", BUILD, "--workers", "2", "--dir", tmp_path / "demo",
                 "--http", "0", "--sip", "0", "--ready-file", ready],
                stdout=log, stderr=log,
            )
        running.append(process)
        wait_for(lambda: ready.exists() or process.poll() is not None, "the demonstration")
        assert process.poll() is None, (tmp_path / "log").read_text()
        return json.loads(ready.read_text())

    def stop():
        process = running.pop()
        process.send_signal(signal.SIGTERM)
        assert process.wait(timeout=PATIENCE_S) == 0

    yield start, stop
    for process in running:
        process.send_signal(signal.SIGTERM)
        process.wait(timeout=PATIENCE_S)


def ctl(facts, *words):
    return subprocess.run(
        [BUILD / "cpmctl", "--socket", facts["admin_socket"], *words],
        capture_output=True, text=True, timeout=PATIENCE_S, check=True,
    ).stdout


def status_of(facts, person, password):
    url = f"{facts['xcap_root']}/resource-lists/users/{person['uri']}/index"
    return requests.get(url, auth=HTTPDigestAuth(person["name"], password), timeout=PATIENCE_S).status_code


def test_people_are_there(demo):
    start, stop = demo
    facts = start()
    assert [person["name"] for person in facts["users"]] == ["alice", "bob", "carol"]
    for person in facts["users"] + [facts["operator"]]:
        assert status_of(facts, person, person["password"]) == 404, "known, and without a document"
        assert status_of(facts, person, person["password"] + "x") == 401
    users = json.loads(ctl(facts, "--json", "user", "list"))["users"]
    assert {user["user"]: user["roles"] for user in users} == {
        "sip:alice@example.com": ["user"],
        "sip:bob@example.com": ["user"],
        "sip:carol@example.com": ["user"],
        "sip:operator@example.com": ["user", "operator"],
    }

    # The next start finds them, and makes whoever is missing.
    ctl(facts, "user", "del", "carol")
    ctl(facts, "user", "passwd", "bob", "--disable")
    stop()
    again = start()
    assert again["users"] == facts["users"] and again["operator"] == facts["operator"]
    later = json.loads(ctl(again, "--json", "user", "list"))["users"]
    assert [user["disabled"] for user in later] == [False, True, False, False]
    assert [user["created_s"] for user in later[:2]] == [user["created_s"] for user in users[:2]]
    alice = again["users"][0]
    assert status_of(again, alice, alice["password"]) == 404


class Place:
    """What a user agent wants to know of a server."""

    def __init__(self, facts):
        self.sip_port = facts["sip"]["port"]


def test_people_message_each_other(demo):
    start, _ = demo
    facts = start()
    alice, bob, _ = facts["users"]
    assert facts["sip"]["transports"] == ["udp", "tcp"]
    with UserAgent(Place(facts), "alice", alice["password"]) as one, UserAgent(
        Place(facts), "bob", bob["password"], "tcp"
    ) as other, ThreadPoolExecutor() as pool:
        assert other.register().status == 200
        taken = pool.submit(other.take, "MESSAGE")
        assert one.message(bob["uri"], "good morning").status == 200
        assert taken.result().body == b"good morning"
