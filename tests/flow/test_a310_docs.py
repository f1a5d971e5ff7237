# SPDX-License-Identifier: Apache-2.0
"""Documents for operators: REST and cpmctl doc; the log of changes; undo."""

import getpass
import json
import subprocess
import time
from urllib.parse import quote

import pytest
import requests
from requests.auth import HTTPDigestAuth

from harness import BUILD, PATIENCE_S, Daemon, add_user
from rest import rest

CTL = BUILD / "cpmctl"
PASSWORD = "correct-horse-battery"
LISTS = "application/resource-lists+xml"
ELEMENT = "application/xcap-el+xml"
ALICE = "sip:alice@example.com"
DOC = f"resource-lists/users/{ALICE}/index"
ENTRY = '<entry uri="sip:{0}@example.com"/>'
DOCUMENT = (
    '<?xml version="1.0" encoding="UTF-8"?>\n'
    '<resource-lists xmlns="urn:ietf:params:xml:ns:resource-lists">\n'
    '  <list name="friends">\n    ' + ENTRY.format("bob") + "\n  </list>\n</resource-lists>\n"
)
LIST = DOC + "/~~/resource-lists/list"
CAROL = LIST + '/entry[@uri="sip:carol@example.com"]'
OPERATOR = "operator:" + getpass.getuser()


@pytest.fixture
def served(make_daemon):
    daemon = make_daemon({}).start()
    add_user(daemon, "alice", PASSWORD, aliases=["tel:+4930123"])
    return daemon


def ctl(daemon, *args, stdin=None, status=0):
    """cpmctl's standard output."""
    done = subprocess.run(
        [CTL, "--socket", daemon.socket, *args],
        input=stdin.encode() if stdin is not None else b"",
        capture_output=True,
        timeout=PATIENCE_S,
    )
    assert done.returncode == status, (done.returncode, done.stdout, done.stderr)
    return (done.stdout if status == 0 else done.stderr).decode()


def path(doc, suffix=""):
    return "/v1/docs/" + quote(doc, safe="") + suffix


def xcap(daemon, method, doc, body=None, media=None, **headers):
    if media:
        headers["Content-Type"] = media
    return requests.request(
        method,
        f"{daemon.url}/xcap-root/{quote(doc, safe='/~@:')}",
        data=body,
        headers=headers,
        auth=HTTPDigestAuth("alice", PASSWORD),
        timeout=PATIENCE_S,
    )


def test_put_get_list_del(served):
    assert ctl(served, "doc", "list", "alice") == ""
    put = ctl(served, "doc", "put", DOC, stdin=DOCUMENT)
    etag = xcap(served, "GET", DOC).headers["ETag"]
    assert put == f"put {DOC} {etag}\n"
    assert ctl(served, "doc", "get", DOC) == DOCUMENT
    assert json.loads(ctl(served, "--json", "doc", "get", DOC)) == {"doc": DOC, "content": DOCUMENT}
    one, used = ctl(served, "doc", "list", "alice").splitlines()
    size = str(len(DOCUMENT))
    assert one.split() == [etag, size, DOC]
    assert used == f"1 of 1000 documents, {size} of 104857600 octets"
    assert ctl(served, "doc", "list", "tel:+49-30-123").splitlines() == [one, used]
    assert ctl(served, "doc", "list", "global") == ""
    assert ctl(served, "doc", "del", DOC) == f"deleted {DOC}\n"
    assert xcap(served, "GET", DOC).status_code == 404
    assert "absent: " not in ctl(served, "doc", "get", DOC, status=1)


def test_put_from_a_file_and_nodes(served, tmp_path):
    file = tmp_path / "lists.xml"
    file.write_text(DOCUMENT)
    ctl(served, "doc", "put", DOC, str(file))
    ctl(served, "doc", "put", CAROL, stdin=ENTRY.format("carol"))
    assert ctl(served, "doc", "get", CAROL) == ENTRY.format("carol")
    assert ctl(served, "doc", "get", LIST + "/@name") == '"friends"'
    ctl(served, "doc", "del", CAROL)
    assert ctl(served, "doc", "get", DOC) == DOCUMENT
    # By another name of the user, the same document.
    assert ctl(served, "doc", "get", "resource-lists/users/tel:+4930123/index") == DOCUMENT
    assert "nofile" in ctl(served, "doc", "put", DOC, str(tmp_path / "nofile"), status=1)


def test_refusals_say_why_and_what_to_do(served):
    refused = rest(served, "PUT", path(DOC), b"<resource-lists")
    assert refused.status == 409 and refused.fault() == "not-well-formed"
    assert "cpmctl: " in ctl(served, "doc", "put", DOC, stdin="<x/>", status=1)
    assert rest(served, "PUT", path(DOC), b"").status == 409
    for doc, status, error in [
        ("resource-lists/users/sip:nobody@example.com/index", 404, "xui"),
        ("no-such/users/alice/index", 404, "auid"),
        ("resource-lists/alice/index", 404, "uri"),
        (DOC + "/~~/resource-lists/list", 409, "no-parent"),
        ("xcap-caps/global/index", 403, "computed"),
    ]:
        answer = rest(served, "PUT", path(doc), DOCUMENT.encode())
        assert (answer.status, answer.fault()) == (status, error), doc
    assert rest(served, "GET", path("xcap-caps/global/index")).body.startswith(b"<?xml")
    assert rest(served, "GET", path(DOC)).status == 404
    assert rest(served, "GET", path(DOC, "/log")).fault() == "absent"
    assert rest(served, "POST", path(DOC, "/undo"), {"number": 0}).fault() == "range"
    assert rest(served, "GET", "/v1/docs?unknown=1").fault() == "syntax"
    assert rest(served, "GET", "/v1/docs?of=a@b@c").status == 404


@pytest.mark.parametrize(
    "args", [["doc"], ["doc", "look", DOC], ["doc", "get"], ["doc", "get", DOC, "x"], ["doc", "undo", DOC, "x"]]
)
def test_wrong_usage(served, args):
    assert "cpmctl" in ctl(served, *args, status=2)


def test_the_log_says_who_when_and_what(served):
    before = time.time()
    assert xcap(served, "PUT", DOC, DOCUMENT, LISTS).status_code == 201
    first = xcap(served, "GET", DOC).headers["ETag"]
    assert xcap(served, "PUT", CAROL, ENTRY.format("carol"), ELEMENT).status_code == 201
    second = xcap(served, "GET", DOC).headers["ETag"]
    ctl(served, "doc", "del", CAROL)
    log = json.loads(ctl(served, "--json", "doc", "log", DOC))["log"]
    assert [(e["number"], e["what"], e["who"]) for e in log] == [
        (3, "delete-node", OPERATOR),
        (2, "put-node", ALICE),
        (1, "put", ALICE),
    ]
    assert log[1]["old_etag"] == first and log[1]["new_etag"] == second
    assert "old_etag" not in log[2]
    assert log[1]["node"] == CAROL[len(DOC) + 4 :]
    assert all(before - 60 < e["time_ms"] / 1000 < time.time() + 60 for e in log)
    lines = ctl(served, "doc", "log", DOC).splitlines()
    assert len(lines) == 3 and lines[2].split()[3:] == ["put", ALICE]
    # It goes with its owner.
    ctl(served, "--yes", "erase", ALICE)
    assert rest(served, "GET", path(DOC, "/log")).status == 404


def test_undo(served):
    xcap(served, "PUT", DOC, DOCUMENT, LISTS)
    old = xcap(served, "GET", DOC).headers["ETag"]
    xcap(served, "PUT", CAROL, ENTRY.format("carol"), ELEMENT)
    assert ctl(served, "doc", "undo", DOC).startswith(f"undid 2 of {DOC} ")
    got = xcap(served, "GET", DOC)
    assert got.text == DOCUMENT and got.headers["ETag"] != old
    assert ctl(served, "doc", "undo", DOC).startswith("undid 3 of ")
    assert "carol" in xcap(served, "GET", DOC).text
    # The whole of it: deleted, and brought back.
    assert xcap(served, "DELETE", DOC).status_code == 200
    ctl(served, "doc", "undo", DOC)
    assert "carol" in xcap(served, "GET", DOC).text
    log = json.loads(ctl(served, "--json", "doc", "log", DOC))["log"]
    assert [e.get("undoes") for e in log] == [5, None, 3, 2, None, None]
    # Creation, which later ones built upon, cannot go.
    assert "touched the same place" in ctl(served, "doc", "undo", DOC, "1", status=1)
    assert rest(served, "POST", path(DOC, "/undo"), {"number": 99}).fault() == "absent"


def test_undo_of_an_older_change_elsewhere(served):
    xcap(served, "PUT", DOC, DOCUMENT.replace("bob", "dave") , LISTS)
    xcap(served, "PUT", LIST + "/entry[1]", ENTRY.format("dave").replace("/>", "> </entry>"), ELEMENT)
    xcap(served, "PUT", CAROL, ENTRY.format("carol"), ELEMENT)
    ctl(served, "doc", "undo", DOC, "2")
    text = xcap(served, "GET", DOC).text
    assert ENTRY.format("dave") in text and ENTRY.format("carol") in text


def test_the_log_keeps_as_many_as_configured(make_daemon):
    daemon = make_daemon({"xcap": {"log-keep": 3}}).start()
    add_user(daemon, "alice", PASSWORD)
    for i in range(6):
        xcap(daemon, "PUT", DOC, DOCUMENT.replace("bob", f"bob{i}"), LISTS)
    log = rest(daemon, "GET", path(DOC, "/log")).json()["log"]
    assert [e["number"] for e in log] == [6, 5, 4]
    assert rest(daemon, "POST", path(DOC, "/undo"), {"number": 3}).status == 404


def test_a_large_document(served):
    text = DOCUMENT.replace(
        "  </list>", "".join(f"    {ENTRY.format(f'user{i}')}\n" for i in range(30000)) + "  </list>"
    )
    ctl(served, "doc", "put", DOC, stdin=text)
    assert ctl(served, "doc", "get", DOC) == text
    ctl(served, "doc", "del", DOC)
    ctl(served, "doc", "undo", DOC)
    assert ctl(served, "doc", "get", DOC) == text


def test_the_log_survives_a_restart(make_daemon):
    daemon = make_daemon({}).start()
    add_user(daemon, "alice", PASSWORD)
    xcap(daemon, "PUT", DOC, DOCUMENT, LISTS)
    xcap(daemon, "PUT", CAROL, ENTRY.format("carol"), ELEMENT)
    daemon.stop()
    daemon.start()
    ctl(daemon, "doc", "undo", DOC)
    assert xcap(daemon, "GET", DOC).text == DOCUMENT
