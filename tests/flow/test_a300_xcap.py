# SPDX-License-Identifier: Apache-2.0
"""XCAP over HTTP: documents, nodes, conditions, faults and access (RFC 4825)."""

import base64
import re
import socket
import subprocess
import threading

import pytest
import requests
from requests.auth import HTTPDigestAuth

from harness import Daemon, add_user

LISTS = "application/resource-lists+xml"
ELEMENT = "application/xcap-el+xml"
ATTRIBUTE = "application/xcap-att+xml"
DOCUMENT = (
    '<?xml version="1.0" encoding="UTF-8"?>\n'
    '<resource-lists xmlns="urn:ietf:params:xml:ns:resource-lists">\n'
    '  <list name="friends">\n'
    '    <entry uri="sip:bob@example.com"><display-name>Bob</display-name></entry>\n'
    "  </list>\n"
    "</resource-lists>\n"
)
LIST = '/~~/resource-lists/list%5b@name=%22friends%22%5d'
PASSWORD = "correct-horse-battery"


class Person:
    """A user's XCAP client."""

    def __init__(self, daemon, name, password=PASSWORD):
        self.root = daemon.url + "/xcap-root"
        self.home = f"{self.root}/resource-lists/users/sip:{name}@example.com/"
        self.auth = HTTPDigestAuth(name, password)

    def ask(self, method, url, body=None, media=None, **headers):
        headers = {name.replace("_", "-"): value for name, value in headers.items()}
        if media:
            headers["Content-Type"] = media
        return requests.request(
            method, url, data=body, headers=headers, auth=self.auth, timeout=60
        )

    def put(self, path, body, media=LISTS, **headers):
        return self.ask("PUT", self.home + path, body.encode(), media, **headers)

    def get(self, path, **headers):
        return self.ask("GET", self.home + path, **headers)

    def delete(self, path, **headers):
        return self.ask("DELETE", self.home + path, **headers)


@pytest.fixture
def served(make_daemon):
    daemon = make_daemon({"xcap": {"test-app": True}}).start()
    for name in ["alice", "bob"]:
        add_user(daemon, name, PASSWORD)
    add_user(daemon, "operator", PASSWORD, operator=True)
    return daemon


@pytest.fixture
def alice(served):
    return Person(served, "alice")


def fault(answer):
    """The xcap-error element of a 409."""
    assert answer.status_code == 409, (answer.status_code, answer.text)
    assert answer.headers["Content-Type"] == "application/xcap-error+xml"
    return re.search(r"<(?:\w+:)?xcap-error[^>]*>\s*<(?:\w+:)?([a-z0-9-]+)", answer.text).group(1)


def test_document_comes_back_byte_for_byte(alice):
    put = alice.put("index", DOCUMENT)
    assert put.status_code == 201
    got = alice.get("index")
    assert (got.status_code, got.text) == (200, DOCUMENT)
    assert got.headers["ETag"] == put.headers["ETag"]
    assert got.headers["Content-Type"] == LISTS


def test_replacement_is_200_and_a_new_etag_for_the_same_bytes(alice):
    first = alice.put("index", DOCUMENT)
    second = alice.put("index", DOCUMENT)
    assert second.status_code == 200
    assert second.headers["ETag"] != first.headers["ETag"]


def test_element_put_get_delete(alice):
    alice.put("index", DOCUMENT)
    entry = '<entry uri="sip:carol@example.com"/>'
    path = "index" + LIST + "/entry%5b@uri=%22sip:carol@example.com%22%5d"
    put = alice.put(path, entry, ELEMENT)
    assert put.status_code == 201
    got = alice.get(path)
    assert (got.text, got.headers["Content-Type"]) == (entry, ELEMENT)
    assert got.headers["ETag"] == put.headers["ETag"]
    assert alice.delete(path).status_code == 200
    assert alice.get(path).status_code == 404
    assert alice.get("index").text == DOCUMENT


def test_attribute(alice):
    alice.put("index", DOCUMENT)
    path = "index/~~/resource-lists/list%5b1%5d/@name"
    assert alice.get(path).text == '"friends"'
    assert alice.put(path, '"mates"', ATTRIBUTE).status_code == 200
    assert alice.get(path).text == '"mates"'


def test_namespace_bindings(alice):
    alice.put("index", DOCUMENT)
    got = alice.get("index/~~/resource-lists/namespace::*")
    assert got.headers["Content-Type"] == "application/xcap-ns+xml"
    assert 'xmlns="urn:ietf:params:xml:ns:resource-lists"' in got.text
    refused = alice.delete("index/~~/resource-lists/namespace::*")
    assert refused.status_code == 405
    assert "GET" in refused.headers["Allow"]


def test_head_is_get_without_a_body(alice):
    alice.put("index", DOCUMENT)
    head = alice.ask("HEAD", alice.home + "index")
    assert head.status_code == 200
    assert int(head.headers["Content-Length"]) == len(DOCUMENT)


def test_conditions(alice):
    etag = alice.put("index", DOCUMENT).headers["ETag"]
    assert alice.get("index", If_None_Match=etag).status_code == 304
    assert alice.put("index", DOCUMENT, If_None_Match="*").status_code == 412
    assert alice.put("index", DOCUMENT, If_Match='"0-0"').status_code == 412
    assert alice.put("index", DOCUMENT, If_Match=etag).status_code == 200
    assert alice.put("index", DOCUMENT, If_Match=etag).status_code == 412
    assert alice.put("other", DOCUMENT, If_None_Match="*").status_code == 201


@pytest.mark.parametrize(
    "body, kind",
    [
        ("<resource-lists", "not-well-formed"),
        ('<!DOCTYPE x><resource-lists xmlns="urn:ietf:params:xml:ns:resource-lists"/>',
         "not-well-formed"),
        ('<?xml version="1.0" encoding="ISO-8859-1"?>'
         '<resource-lists xmlns="urn:ietf:params:xml:ns:resource-lists"/>', "not-utf-8"),
        ('<resource-lists xmlns="urn:ietf:params:xml:ns:resource-lists"><lisst/></resource-lists>',
         "schema-validation-error"),
        (DOCUMENT.replace("</list>", '<entry uri="sip:bob@example.com"/></list>'),
         "uniqueness-failure"),
        (DOCUMENT.replace("</list>", '<entry-ref ref="/absolute"/></list>'), "constraint-failure"),
    ],
)
def test_faults_of_documents(alice, body, kind):
    assert fault(alice.put("index", body)) == kind
    assert alice.get("index").status_code == 404


def test_faults_of_nodes(alice):
    assert fault(alice.put("none" + LIST, "<list/>", ELEMENT)) == "no-parent"
    alice.put("index", DOCUMENT)
    assert fault(alice.put("index" + LIST, "<list", ELEMENT)) == "not-xml-frag"
    assert fault(alice.put("index" + LIST, '<list name="x"/>', ELEMENT)) == "cannot-insert"
    assert fault(alice.put("index" + LIST + "/lisst", "<lisst/>", ELEMENT)) == (
        "schema-validation-error"
    )
    twice = '<entry uri="sip:bob@example.com"/>'
    assert fault(alice.put("index" + LIST + "/entry%5b2%5d", twice, ELEMENT)) == (
        "uniqueness-failure"
    )
    assert alice.get("index").text == DOCUMENT


def test_wrong_media_type(alice):
    assert alice.put("index", DOCUMENT, "application/xml").status_code == 415
    alice.put("index", DOCUMENT)
    assert alice.put("index" + LIST, "<list/>", LISTS).status_code == 415


def test_methods(alice):
    refused = alice.ask("POST", alice.home + "index", b"x", LISTS)
    assert refused.status_code == 405
    assert "PUT" in refused.headers["Allow"]
    assert alice.ask("BREW", alice.home + "index").status_code == 501


def test_nobody_is_asked_for_credentials(served):
    answer = requests.get(served.url + "/xcap-root/resource-lists/users/sip:alice@example.com/index",
                          timeout=60)
    assert answer.status_code == 401
    assert 'realm="example.com"' in answer.headers["WWW-Authenticate"]


def test_wrong_password(served):
    assert Person(served, "alice", "wrong-password-9").get("index").status_code == 401


def test_other_users_tree(served, alice):
    alice.put("index", DOCUMENT)
    bob = Person(served, "bob")
    bob.home = alice.home
    assert bob.get("index").status_code == 403
    assert bob.put("index", DOCUMENT).status_code == 403
    assert bob.delete("index").status_code == 403
    operator = Person(served, "operator")
    operator.home = alice.home
    assert operator.get("index").text == DOCUMENT


def test_asserted_identity_of_a_stranger_is_not_believed(served):
    answer = requests.get(
        served.url + "/xcap-root/resource-lists/users/sip:alice@example.com/index",
        headers={"X-3GPP-Asserted-Identity": '"sip:alice@example.com"'}, timeout=60,
    )
    assert answer.status_code == 401


def test_asserted_identity_of_a_proxy(make_daemon):
    daemon = make_daemon({"auth": {"trusted-proxies": [{"address": "127.0.0.1"}]}}).start()
    add_user(daemon, "alice", PASSWORD)
    url = daemon.url + "/xcap-root/resource-lists/users/sip:alice@example.com/index"
    asserted = {"X-3GPP-Asserted-Identity": '"sip:alice@example.com"', "Content-Type": LISTS}
    assert requests.put(url, DOCUMENT, headers=asserted, timeout=60).status_code == 201
    assert requests.get(url, headers=asserted, timeout=60).text == DOCUMENT


def raw(served, request):
    """Send the octets of REQUEST and give the status."""
    with socket.create_connection(("127.0.0.1", served.port)) as conn:
        conn.settimeout(60)
        conn.sendall(request.encode("latin-1"))
        return int(conn.recv(4096).split(b" ", 2)[1])


def test_selectors_sent_as_they_are(served, alice):
    """Some clients encode nothing: quotes and brackets stand in the request line."""
    alice.put("index", DOCUMENT)
    path = '/xcap-root/resource-lists/users/sip:alice@example.com/index/~~/resource-lists/list[@name="friends"]'
    token = base64.b64encode(f"alice:{PASSWORD}".encode()).decode()
    # Basic is for TLS only: the selector is fine, the credentials are not.
    assert raw(served, f"GET {path} HTTP/1.1\r\nHost: x\r\nAuthorization: Basic {token}\r\n\r\n") == 401
    done = subprocess.run(
        ["curl", "-s", "-g", "--path-as-is", "--digest", "-u", f"alice:{PASSWORD}", served.url + path],
        capture_output=True, text=True, timeout=60, check=True,
    )
    assert done.stdout.startswith('<list name="friends">'), done.stdout


ALICE = "/xcap-root/resource-lists/users/sip:alice@example.com/index"
TRICKS = [
    ALICE, ALICE + "/", ALICE.replace("@", "%40"), ALICE.replace("sip", "SIP"),
    ALICE.replace("alice", "%61lice"), ALICE.replace("alice", "ALICE"),
    ALICE.replace("sip:", "sips:"), ALICE.replace("sip:", "sip%3A"), ALICE.replace("sip:", ""),
    ALICE.replace("@example.com", ""), ALICE.replace("com", "com."),
    ALICE.replace("com", "com:5060"), ALICE.replace("com", "com;transport=tcp"),
    ALICE.replace("users/", "users//"), ALICE.replace("users/", "users/./"),
    ALICE.replace("users/sip:alice", "users/sip:bob@example.com/../sip:alice"),
    ALICE.replace("users/sip:alice", "users/sip:bob@example.com/%2e%2e/sip:alice"),
    ALICE.replace("users/sip:alice", "users/sip:bob@example.com%2F..%2Fsip:alice"),
    ALICE.replace("users/sip:alice", "users/sip:bob@example.com%252F..%252Fsip:alice"),
    ALICE.replace("users", "global/../users"), ALICE.replace("users", "Users"),
    ALICE.replace("users", "%75sers"), ALICE.replace("index", "%69ndex"),
    ALICE.replace("resource-lists", "Resource-Lists"),
    ALICE.replace("alice", "alice%00"), ALICE.replace("alice", "alice%0d%0a"),
    ALICE.replace("alice", "alice\u00ad".encode().decode("latin-1")),
    ALICE.replace("alice", "\uff41lice".encode().decode("latin-1")),
    ALICE + "/~~/resource-lists", ALICE + "/%7E%7E/resource-lists", ALICE + "/~~/resource-lists/~~/x",
    ALICE + "/~~//resource-lists", ALICE + "/~~/*", ALICE + "?xmlns(a=b)",
    "http://other" + ALICE, ALICE.replace("/xcap-root", "/xcap-root/../xcap-root"),
    ALICE.replace("/xcap-root", "/XCAP-ROOT"), ALICE.replace("/xcap-root", "//xcap-root"),
]


@pytest.mark.parametrize("path", TRICKS)
@pytest.mark.parametrize("method", ["GET", "PUT", "DELETE"])
def test_no_path_leads_into_another_users_tree(shared, method, path):
    """bob asks for alice's document by every spelling; nothing of hers is told or changed."""
    daemon, alice, bob = shared
    session = requests.Session()
    session.auth = bob.auth
    request = session.prepare_request(
        requests.Request(method, daemon.url, data=b"<x/>", headers={"Content-Type": LISTS})
    )
    request.url = daemon.url + path if path.startswith("/") else path.replace("other", f"127.0.0.1:{daemon.port}")
    answer = session.send(request, timeout=60)
    assert answer.status_code in (400, 401, 403, 404, 409, 414), answer.text
    assert "friends" not in answer.text
    assert alice.get("index").text == DOCUMENT


@pytest.fixture(scope="module")
def shared(tmp_path_factory):
    """One daemon for many small requests, with alice's document in it."""
    daemon = Daemon(tmp_path_factory.mktemp("xcap") / "d")
    try:
        daemon.start()
        for name in ["alice", "bob"]:
            add_user(daemon, name, PASSWORD)
        alice = Person(daemon, "alice")
        assert alice.put("index", DOCUMENT).status_code == 201
        yield daemon, alice, Person(daemon, "bob")
        daemon.stop()
        assert "Sanitizer" not in daemon.log(), daemon.log()[-5000:]
    finally:
        daemon.kill()


def test_capabilities_are_open(served):
    answer = requests.get(served.url + "/xcap-root/xcap-caps/global/index", timeout=60)
    assert answer.status_code == 200
    assert "<auid>resource-lists</auid>" in answer.text
    assert answer.headers["Content-Type"] == "application/xcap-caps+xml"


def test_race_on_one_etag_loses_nothing(served):
    clients, rounds = 8, 10
    first = Person(served, "alice")
    first.put("index", DOCUMENT)
    path = "index/~~/resource-lists/list%5b1%5d/@name"
    first.put(path, '"0"', ATTRIBUTE)
    done, failures = [], []

    def count():
        person = Person(served, "alice")
        for _ in range(rounds):
            while True:
                got = person.get(path)
                value = int(got.text.strip('"')) + 1
                put = person.put(path, f'"{value}"', ATTRIBUTE, If_Match=got.headers["ETag"])
                if put.status_code == 200:
                    done.append(value)
                    break
                if put.status_code != 412:
                    failures.append(put.status_code)
                    return

    threads = [threading.Thread(target=count) for _ in range(clients)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not failures
    assert first.get(path).text == f'"{clients * rounds}"'
    assert sorted(done) == list(range(1, clients * rounds + 1))


def test_large_document(alice):
    entries = "".join(f'<entry uri="sip:user{i}@example.com"/>\n' for i in range(20000))
    body = DOCUMENT.replace("</list>", entries + "</list>")
    assert alice.put("index", body).status_code == 201
    assert alice.get("index").text == body
    path = "index" + LIST + "/entry%5b@uri=%22sip:user19999@example.com%22%5d"
    assert alice.get(path).text == '<entry uri="sip:user19999@example.com"/>'
    assert alice.delete(path).status_code == 200
    assert alice.get(path).status_code == 404


def test_documents_survive_a_restart(served, alice):
    etag = alice.put("index", DOCUMENT).headers["ETag"]
    assert served.stop() == 0
    served.start()
    got = alice.get("index")
    assert (got.text, got.headers["ETag"]) == (DOCUMENT, etag)


def test_an_operator_writes_to_users_by_any_name_and_to_nobody_else(served):
    add_user(served, "carol", PASSWORD, aliases=["tel:+4930123"])
    operator = Person(served, "operator")
    lists = operator.root + "/resource-lists/users/{}/index"
    assert operator.ask("PUT", lists.format("tel:+4930123"), DOCUMENT, LISTS).status_code == 201
    assert Person(served, "carol").get("index").text == DOCUMENT
    assert operator.ask("GET", lists.format("sip:carol@example.com")).text == DOCUMENT
    answer = operator.ask("PUT", lists.format("sip:nobody@example.com"), DOCUMENT, LISTS)
    assert answer.status_code == 404 and "no such user" in answer.text
    assert operator.ask("GET", lists.format("sip:nobody@example.com")).status_code == 404
