# SPDX-License-Identifier: Apache-2.0
"""Address books from other programs' files, given out again, and tidied."""

import json
import subprocess

import pytest
import requests
from requests.auth import HTTPDigestAuth

from harness import BUILD, PATIENCE_S, add_user

PASSWORD = "correct horse battery"
BOOK = "org.openmobilealliance.cab-address-book/users/sip:alice@example.com/address-book"
CARDS = (
    "BEGIN:VCARD\r\nVERSION:4.0\r\nUID:ana\r\nFN:Ana Test\r\nTEL;TYPE=cell:+49 731 1234567\r\n"
    "CATEGORIES:Hikers\r\nX-SHOE-SIZE:42\r\nEND:VCARD\r\n"
    "BEGIN:VCARD\r\nVERSION:2.1\r\nUID:ana-2\r\nN;CHARSET=ISO-8859-1:M\xfcller;Ana\r\n"
    "TEL;HOME:0731/1234567\r\nEMAIL:ana@example.com\r\nEND:VCARD\r\n"
)


@pytest.fixture
def served(make_daemon):
    daemon = make_daemon({}).start()
    add_user(daemon, "alice", PASSWORD)
    return daemon


def ctl(daemon, *args, status=0):
    done = subprocess.run(
        [BUILD / "cpmctl", "--socket", daemon.socket, *args],
        capture_output=True,
        timeout=PATIENCE_S,
        text=True,
        check=False,
    )
    assert done.returncode == status, done.stdout + done.stderr
    return done.stdout if status == 0 else done.stderr


@pytest.fixture
def cards(tmp_path):
    path = tmp_path / "cards.vcf"
    path.write_bytes(CARDS.encode("latin-1"))
    return path


def test_import_and_export(served, cards, tmp_path):
    said = ctl(served, "cab", "import", "alice", str(cards), "--dry-run")
    assert "2 contacts, 2 added" in said and "dry run" in said
    assert ctl(served, "cab", "export", "alice") == ""
    report = json.loads(ctl(served, "--json", "cab", "import", "alice", str(cards)))
    assert (report["added"], report["groups"], report["left_out"]) == (2, 1, 0)
    assert report["etag"]
    # the owner finds them over XCAP
    answer = requests.get(
        f"{served.url}/xcap-root/{BOOK}/~~/address-book/contact%5B@id=%22ana%22%5D/@last-modified",
        auth=HTTPDigestAuth("alice", PASSWORD),
        timeout=PATIENCE_S,
    )
    assert answer.status_code == 200, answer.text
    # the same again changes nothing
    assert "2 unchanged" in ctl(served, "cab", "import", "alice", str(cards))
    out = ctl(served, "cab", "export", "alice")
    for line in ["FN:Ana Test", "X-SHOE-SIZE:42", "FN:Ana M\xfcller", "KIND:group", "FN:Hikers"]:
        assert line in out.splitlines()
    assert "VERSION:3.0" in ctl(served, "cab", "export", "alice", "--format", "vcard3")
    # by way of another program, to somebody else
    add_user(served, "bob", PASSWORD)
    table = tmp_path / "table.csv"
    ctl(served, "cab", "export", "alice", str(table))
    assert "2 contacts, 2 added" in ctl(served, "cab", "import", "bob", str(table))
    assert "FN:Ana M\xfcller" in ctl(served, "cab", "export", "bob")


def test_duplicates_are_merged_and_parted_again(served, cards):
    ctl(served, "cab", "import", "alice", str(cards))
    found = json.loads(ctl(served, "--json", "cab", "duplicates", "alice"))["duplicates"]
    assert [one["id"] for one in found[0]["contacts"]] == ["ana", "ana-2"]
    assert found[0]["same"] == "number"
    before = ctl(served, "doc", "get", BOOK)
    ctl(served, "cab", "merge", "alice", "ana", "ana-2")
    out = ctl(served, "cab", "export", "alice")
    assert "EMAIL:ana@example.com" in out and "UID;VALUE=text:ana-2" not in out
    assert json.loads(ctl(served, "--json", "cab", "duplicates", "alice"))["duplicates"] == []
    ctl(served, "cab", "undo", "alice")
    assert ctl(served, "doc", "get", BOOK) == before


def test_what_is_refused(served, cards, tmp_path):
    assert "there is no user" in ctl(served, "cab", "import", "nobody", str(cards), status=1)
    table = tmp_path / "table.csv"
    table.write_text("shoe,size\n1,2\n")
    assert "no column that is known" in ctl(served, "cab", "import", "alice", str(table), status=1)
    ctl(served, "cab", "import", "alice", str(cards))
    assert "ghost" in ctl(served, "cab", "merge", "alice", "ana", "ghost", status=1)
    assert "format must be" in ctl(served, "cab", "export", "alice", "--format", "x", status=1)
    ctl(served, "cab", "tidy", "alice", status=2)
    ctl(served, "status", "--dry-run", status=2)


def test_a_book_that_the_user_filled_before(served, cards):
    text = (
        '<a:address-book xmlns:a="urn:oma:xml:cab:address-book" xmlns:p="urn:oma:xml:cab:pcc">'
        '<a:contact id="bo" last-modified="2026-01-01T00:00:00Z"><p:person-details/></a:contact>'
        "<!-- mine --></a:address-book>"
    )
    answer = requests.put(
        f"{served.url}/xcap-root/{BOOK}",
        text,
        headers={"Content-Type": "application/vnd.oma.cab-address-book+xml"},
        auth=HTTPDigestAuth("alice", PASSWORD),
        timeout=PATIENCE_S,
    )
    assert answer.status_code == 201, answer.text
    ctl(served, "cab", "import", "alice", str(cards))
    now = ctl(served, "doc", "get", BOOK)
    assert now.startswith(text[: -len("</a:address-book>")])
    # a contact of nobody's is exported, too
    assert ctl(served, "cab", "export", "alice").count("BEGIN:VCARD") == 4
