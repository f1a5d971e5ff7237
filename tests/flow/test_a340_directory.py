# SPDX-License-Identifier: Apache-2.0
"""xcap-directory: the documents of a user, made by the server."""

import re
import xml.etree.ElementTree as ET
from datetime import datetime, timezone

import pytest
import requests
from requests.auth import HTTPDigestAuth

from harness import PATIENCE_S, add_user

PASSWORD = "correct-horse-battery"
LISTS = "application/resource-lists+xml"
DIRECTORY = "org.openmobilealliance.xcap-directory/users/sip:{}@example.com/directory.xml"
NS = "{urn:oma:xml:xdm:xcap-directory}"
DOCUMENT = '<resource-lists xmlns="urn:ietf:params:xml:ns:resource-lists">{}</resource-lists>'


class Person:
    def __init__(self, daemon, name):
        self.name = name
        self.root = daemon.url + "/xcap-root/"
        self.auth = HTTPDigestAuth(name, PASSWORD)

    def ask(self, method, path, body=None, media=LISTS, **headers):
        headers = {name.replace("_", "-"): value for name, value in headers.items()}
        if body is not None:
            headers["Content-Type"] = media
        return requests.request(
            method, self.root + path, data=body, headers=headers, auth=self.auth, timeout=PATIENCE_S
        )

    def put(self, document, text="", auid="resource-lists"):
        path = f"{auid}/users/sip:{self.name}@example.com/{document}"
        answer = self.ask("PUT", path, DOCUMENT.format(text))
        assert answer.status_code in (200, 201), answer.text
        return answer.headers["ETag"].strip('"')

    def directory(self):
        answer = self.ask("GET", DIRECTORY.format(self.name))
        assert answer.status_code == 200
        assert answer.headers["Content-Type"] == "application/vnd.oma.xcap-directory+xml"
        return answer

    def entries(self, auid="resource-lists"):
        root = ET.fromstring(self.directory().content)
        (folder,) = [f for f in root.findall(NS + "folder") if f.get("auid") == auid]
        return {entry.get("uri").rsplit("/", 1)[1]: entry for entry in folder}


@pytest.fixture
def people(make_daemon):
    daemon = make_daemon({"xcap": {"uri": "https://xcap.example.com/xcap-root"}}).start()
    for name in ["alice", "bob"]:
        add_user(daemon, name, PASSWORD)
    return Person(daemon, "alice"), Person(daemon, "bob")


def test_what_there_is_stands_in_it_with_its_tag_and_size(people):
    alice, _ = people
    assert alice.entries() == {}
    tags = {name: alice.put(name) for name in ["index", "b c", "a"]}
    text = '<list name="' + "x" * 10000 + '"/>'
    tags["index"] = alice.put("index", text)
    entries = alice.entries()
    assert {name.replace("%20", " "): e.get("etag") for name, e in entries.items()} == tags
    assert int(entries["index"].get("size")) == len(DOCUMENT.format(text))
    assert entries["index"].get("uri") == (
        "https://xcap.example.com/xcap-root/resource-lists/users/sip:alice@example.com/index"
    )
    made = datetime.strptime(entries["index"].get("last-modified"), "%Y-%m-%dT%H:%M:%SZ")
    age = datetime.now(timezone.utc) - made.replace(tzinfo=timezone.utc)
    assert -5 < age.total_seconds() < PATIENCE_S
    # nodes of it, as clients ask for them
    node = DIRECTORY.format("alice") + "/~~/xcap-directory/folder%5B@auid=%22resource-lists%22%5D"
    answer = alice.ask("GET", node)
    assert answer.status_code == 200 and answer.text.count("<entry ") == 3
    # what a tag says can be relied on
    assert alice.ask("GET", "resource-lists/users/sip:alice@example.com/a",
                     If_None_Match=f'"{tags["a"]}"').status_code == 304


def test_it_follows_every_change(people):
    alice, bob = people
    tags = set()
    for step in range(30):
        if step % 3 == 2:
            path = "resource-lists/users/sip:alice@example.com/doc1"
            assert alice.ask("DELETE", path).status_code == 200
        else:
            alice.put(f"doc{step % 3}", f'<list name="n{step}"/>')
        answer = alice.directory()
        assert len(re.findall("<entry ", answer.text)) == (1 if step % 3 != 1 else 2)
        tags.add(answer.headers["ETag"])
        again = alice.ask("GET", DIRECTORY.format("alice"),
                          If_None_Match=answer.headers["ETag"])
        assert again.status_code == 304
        bob.put("index", f'<list name="n{step}"/>')  # of no concern
    assert len(tags) == 30


def test_it_is_its_owners_and_nobody_writes_it(people):
    alice, bob = people
    alice.put("index")
    assert bob.ask("GET", DIRECTORY.format("alice")).status_code == 403
    for method, body in [("PUT", "<x/>"), ("DELETE", None)]:
        answer = alice.ask(method, DIRECTORY.format("alice"), body,
                           "application/vnd.oma.xcap-directory+xml")
        assert answer.status_code == 403
