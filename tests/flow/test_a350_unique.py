# SPDX-License-Identifier: Apache-2.0
"""URIs of groups and services that are unique on the server; all services in one document."""

import subprocess
import threading

import pytest
import requests
from requests.auth import HTTPDigestAuth

from harness import BUILD, PATIENCE_S, add_user

PASSWORD = "correct-horse-battery"
GROUPS = ("org.openmobilealliance.groups", "application/vnd.oma.poc.groups+xml")
SERVICES = ("rls-services", "application/rls-services+xml")
ELEMENT = "application/xcap-el+xml"
HIKERS, BIKERS = "sip:hikers@example.com", "sip:bikers@example.com"
INDEX = "rls-services/global/index"


def group(*uris):
    return '<group xmlns="urn:oma:xml:poc:list-service">%s</group>' % "".join(
        f'<list-service uri="{uri}"/>' for uri in uris
    )


def services(*uris):
    return (
        '<r:rls-services xmlns:r="urn:ietf:params:xml:ns:rls-services" '
        'xmlns="urn:ietf:params:xml:ns:resource-lists">'
        + "".join(
            f'<r:service uri="{uri}"><r:list><entry uri="sip:x@example.com"/></r:list></r:service>'
            for uri in uris
        )
        + "</r:rls-services>"
    )


class Person:
    def __init__(self, daemon, name):
        self.home = f"/users/sip:{name}@example.com/"
        self.root = daemon.url + "/xcap-root/"
        self.auth = HTTPDigestAuth(name, PASSWORD)

    def ask(self, method, path, body=None, media=None):
        return requests.request(
            method,
            self.root + path,
            data=body,
            headers={"Content-Type": media} if media else {},
            auth=self.auth,
            timeout=PATIENCE_S,
        )

    def put(self, usage, document, text):
        return self.ask("PUT", usage[0] + self.home + document, text, usage[1])

    def delete(self, usage, document):
        return self.ask("DELETE", usage[0] + self.home + document)


@pytest.fixture
def served(make_daemon):
    daemon = make_daemon({}).start()
    for name in ["alice", "bob"]:
        add_user(daemon, name, PASSWORD)
    add_user(daemon, "chief", PASSWORD, operator=True)
    daemon.people = [Person(daemon, name) for name in ("alice", "bob", "chief")]
    return daemon


def refused(answer, field="group/list-service%5B1%5D/@uri"):
    assert answer.status_code == 409, answer.text
    assert "uniqueness-failure" in answer.text and f'field="{field}"' in answer.text
    return answer.text


def test_a_uri_is_of_one_document_at_a_time(served):
    alice, bob, _ = served.people
    assert alice.put(GROUPS, "one", group(HIKERS)).status_code == 201
    text = refused(bob.put(GROUPS, "mine", group(HIKERS)))
    assert "<alt-value>sip:hikers-2@example.com</alt-value>" in text
    refused(bob.put(GROUPS, "mine", group("SIP:hikers@EXAMPLE.com")))  # another spelling
    refused(alice.put(GROUPS, "two", group(HIKERS)))  # also within one user
    refused(bob.put(SERVICES, "index", services(HIKERS)), "rls-services/service%5B1%5D/@uri")
    refused(bob.put(GROUPS, "mine", group(BIKERS, HIKERS)), "group/list-service%5B2%5D/@uri")
    assert bob.put(GROUPS, "mine", group(BIKERS)).status_code == 201
    # the same document may be put again, and by its node
    assert alice.put(GROUPS, "one", group(HIKERS)).status_code == 200
    node = GROUPS[0] + alice.home + "one/~~/group/list-service%5B1%5D"
    answer = alice.ask("PUT", node, f'<list-service uri="{HIKERS}"><display-name>H</display-name>'
                       "</list-service>", ELEMENT)
    assert answer.status_code == 200
    refused(alice.ask("PUT", node, f'<list-service uri="{BIKERS}"/>', ELEMENT))
    attribute = alice.ask("PUT", node + "/@uri", f'"{BIKERS}"', "application/xcap-att+xml")
    refused(attribute)


def test_a_user_is_no_group(served):
    alice, _, _ = served.people
    text = refused(alice.put(GROUPS, "one", group("sip:bob@example.com")))
    assert "<alt-value>sip:bob-2@example.com</alt-value>" in text
    assert alice.put(GROUPS, "one", group("sip:bob-2@example.com")).status_code == 201


def test_what_is_given_up_is_free_at_once(served):
    alice, bob, _ = served.people
    for step in range(6):
        giver, taker = (alice, bob) if step % 2 == 0 else (bob, alice)
        assert giver.put(GROUPS, "g", group(HIKERS)).status_code in (200, 201)
        refused(taker.put(GROUPS, "g", group(HIKERS)))
        if step < 3:
            assert giver.delete(GROUPS, "g").status_code == 200
        else:
            other = group(f"sip:other{step}@example.com")
            assert giver.put(GROUPS, "g", other).status_code == 200


def test_a_refused_document_claims_nothing(served):
    alice, bob, _ = served.people
    assert alice.put(GROUPS, "one", group(HIKERS)).status_code == 201
    refused(bob.put(GROUPS, "both", group(HIKERS, BIKERS)))
    assert alice.put(GROUPS, "two", group(BIKERS)).status_code == 201


def test_of_many_who_want_it_one_gets_it(served):
    alice, bob, _ = served.people
    for step in range(10):
        answers, uri = [], f"sip:group{step}@example.com"
        threads = [
            threading.Thread(
                target=lambda who=who, n=n: answers.append(who.put(GROUPS, f"{step}-{n}", group(uri)))
            )
            for n in range(3)
            for who in (alice, bob)
        ]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert sorted(answer.status_code for answer in answers) == [201] + [409] * 5


def test_operators_are_held_to_it_too(served):
    alice, _, _ = served.people
    assert alice.put(GROUPS, "one", group(HIKERS)).status_code == 201
    doc = GROUPS[0] + "/users/sip:bob@example.com/mine"
    ctl = [BUILD / "cpmctl", "--socket", served.socket, "doc"]
    done = subprocess.run([*ctl, "put", doc], input=group(HIKERS).encode(), capture_output=True,
                          timeout=PATIENCE_S)
    assert done.returncode == 1 and b"in use" in done.stderr
    assert alice.delete(GROUPS, "one").status_code == 200
    subprocess.run([*ctl, "put", doc], input=group(HIKERS).encode(), timeout=PATIENCE_S, check=True)
    refused(alice.put(GROUPS, "one", group(HIKERS)))
    # an undo claims what it brings back
    one = GROUPS[0] + alice.home + "one"
    done = subprocess.run([*ctl, "undo", one], capture_output=True, timeout=PATIENCE_S)
    assert done.returncode == 1 and b"in use" in done.stderr


def test_claims_survive_a_restart(served):
    alice, bob, _ = served.people
    assert alice.put(GROUPS, "one", group(HIKERS)).status_code == 201
    served.stop()
    served.start()
    bob.root = served.url + "/xcap-root/"
    refused(bob.put(GROUPS, "mine", group(HIKERS)))


def test_all_services_are_one_document(served):
    alice, bob, chief = served.people
    assert alice.ask("GET", INDEX).status_code == 403
    first = chief.ask("GET", INDEX)
    assert first.status_code == 200 and "<service" not in first.text
    assert alice.put(SERVICES, "index", services("sip:a1@example.com", "sip:a2@example.com"))
    assert bob.put(SERVICES, "index", services("sip:b1@example.com"))
    assert bob.put(SERVICES, "other", services("sip:b2@example.com")).status_code == 201
    index = chief.ask("GET", INDEX)
    uris = ["a1", "a2", "b1"]
    assert [uri in index.text for uri in (*uris, "b2")] == [True, True, True, False]
    for uri in uris:
        node = chief.ask("GET", INDEX + f"/~~/rls-services/service%5B@uri=%22sip:{uri}@example.com%22%5D")
        assert node.status_code == 200, node.text
    assert index.headers["Content-Type"] == "application/rls-services+xml"
    tags = {first.headers["ETag"], index.headers["ETag"]}
    assert bob.delete(SERVICES, "index").status_code == 200
    index = chief.ask("GET", INDEX)
    assert "b1" not in index.text and "a1" in index.text
    tags.add(index.headers["ETag"])
    assert len(tags) == 3
    assert chief.ask("PUT", INDEX, services(), SERVICES[1]).status_code == 403
