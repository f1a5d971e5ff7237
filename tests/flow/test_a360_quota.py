# SPDX-License-Identifier: Apache-2.0
"""What users may store: how many documents, how large, all together; refused with what limits."""

import subprocess

import pytest
import requests
from requests.auth import HTTPDigestAuth

from harness import BUILD, PATIENCE_S, add_user

PASSWORD = "correct-horse-battery"
LISTS = "application/resource-lists+xml"
ELEMENT = "application/xcap-el+xml"
HOME = "resource-lists/users/sip:alice@example.com/"
SERVICES = "rls-services/users/sip:alice@example.com/"
LIST = "/~~/resource-lists/list"


def document(octets):
    text = '<resource-lists xmlns="urn:ietf:params:xml:ns:resource-lists"><list name="{}"/></resource-lists>'
    return text.format("x" * (octets - len(text) + 2))


def ask(daemon, method, path, body=None, media=LISTS):
    return requests.request(
        method,
        f"{daemon.url}/xcap-root/{path}",
        data=body,
        headers={"Content-Type": media} if body is not None else {},
        auth=HTTPDigestAuth("alice", PASSWORD),
        timeout=PATIENCE_S,
    )


@pytest.fixture
def limited(make_daemon):
    def make(**quota):
        daemon = make_daemon({"xcap": quota}).start()
        add_user(daemon, "alice", PASSWORD)
        return daemon

    return make


def refused(answer, setting, value):
    assert answer.status_code == 409, answer.text
    assert "local-constraint-failure" in answer.text
    assert f'<alt-value field="{setting}">{value}</alt-value>' in answer.text


def test_no_more_documents_than_allowed(limited):
    daemon = limited(**{"quota-documents": 3, "quota-usage": 2})
    for name in ["a", "b"]:
        assert ask(daemon, "PUT", HOME + name, document(200)).status_code == 201
    refused(ask(daemon, "PUT", HOME + "c", document(200)), "xcap.quota-usage", 2)
    services = '<rls-services xmlns="urn:ietf:params:xml:ns:rls-services"/>'
    media = "application/rls-services+xml"
    assert ask(daemon, "PUT", SERVICES + "a", services, media).status_code == 201
    refused(ask(daemon, "PUT", SERVICES + "b", services, media), "xcap.quota-documents", 3)
    # what is there may be put again; what goes makes room
    assert ask(daemon, "PUT", HOME + "a", document(300)).status_code == 200
    assert ask(daemon, "DELETE", HOME + "a").status_code == 200
    assert ask(daemon, "PUT", HOME + "c", document(200)).status_code == 201


def test_no_more_octets_than_allowed(limited):
    daemon = limited(**{"quota-size": "100 KB"})
    limit = 100 * 1024
    assert ask(daemon, "PUT", HOME + "a", document(60000)).status_code == 201
    assert ask(daemon, "PUT", HOME + "b", document(limit - 60000)).status_code == 201
    refused(ask(daemon, "PUT", HOME + "c", document(200)), "xcap.quota-size", limit)
    refused(ask(daemon, "PUT", HOME + "b", document(limit - 60000 + 1)), "xcap.quota-size", limit)
    assert ask(daemon, "PUT", HOME + "b", document(200)).status_code == 200
    # by its nodes, as soon as a step is passed
    for n in range(20):
        entry = f'<list name="n{n}"><display-name>{"y" * 10000}</display-name></list>'
        answer = ask(daemon, "PUT", HOME + f"a/~~/resource-lists/list%5B{n + 2}%5D", entry, ELEMENT)
        if answer.status_code != 201:
            break
    refused(answer, "xcap.quota-size", limit)
    # operators are told the same, and see what is used
    ctl = [BUILD / "cpmctl", "--socket", daemon.socket, "doc"]
    done = subprocess.run([*ctl, "put", HOME + "z"], input=document(60000).encode(),
                          capture_output=True, timeout=PATIENCE_S)
    assert done.returncode == 1 and b"at most 102400" in done.stderr
    lines = subprocess.run([*ctl, "list", "alice"], capture_output=True, timeout=PATIENCE_S,
                           check=True, text=True).stdout.splitlines()
    sizes = [int(line.split()[1]) for line in lines[:-1]]
    assert lines[-1] == f"2 of 1000 documents, {sum(sizes)} of {limit} octets"


def test_no_larger_document_than_allowed(limited):
    daemon = limited(**{"document-size": "4 KB"})
    assert ask(daemon, "PUT", HOME + "a", document(4096)).status_code == 201
    answer = ask(daemon, "PUT", HOME + "a", document(4097))
    assert answer.status_code == 413 and "4096" in answer.text
    answer = ask(daemon, "PUT", HOME + "a" + LIST + "%5B2%5D", "<list/>", ELEMENT)
    refused(answer, "document-size", 4096)
