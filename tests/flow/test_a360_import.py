# SPDX-License-Identifier: Apache-2.0
"""Many users at once, with documents and contacts, from a folder."""

import json
import subprocess

import pytest
import requests
from requests.auth import HTTPDigestAuth

from harness import BUILD, PATIENCE_S, add_user

LISTS = '<resource-lists xmlns="urn:ietf:params:xml:ns:resource-lists"><list name="{}"/></resource-lists>'
CARD = "BEGIN:VCARD\nVERSION:{}\nUID:{}\nFN:{}\nEND:VCARD\n"
ROWS = "id,password,aliases,operator\n"


@pytest.fixture
def served(make_daemon):
    return make_daemon({}).start()


def ctl(daemon, *args, status=0):
    done = subprocess.run(
        [BUILD / "cpmctl", "--socket", daemon.socket, *args],
        capture_output=True, timeout=PATIENCE_S, text=True, check=False,
    )
    assert done.returncode == status, done.stdout + done.stderr
    return done.stdout if status == 0 else done.stdout + done.stderr


def put(path, text, encoding="utf-8"):
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(text.encode(encoding))


def tree(top, users):
    """USERS users, each with a list, a row, and some with contacts."""
    rows = ROWS
    for i in range(users):
        rows += f"u{i}@example.com,correct horse {i} battery,{'tel:+49301%d' % i if i % 10 == 0 else ''},\n"
        put(top / "resource-lists/users" / f"u{i}@example.com/index", LISTS.format(i))
    put(top / "users.csv", rows)
    put(top / "contacts/u0@example.com.vcf", CARD.format("4.0", "a", "Ana"))
    put(top / "contacts/u1@example.com.vcf", CARD.format("3.0", "b", "Bj\xf6rn"), "latin-1")
    put(top / "contacts/u2@example.com.csv", "Name,Phone\nCarl,1\n")
    return top


def test_a_folder_of_everything(served, tmp_path):
    top = tree(tmp_path / "in", 30)
    operator = '<x:ruleset xmlns:x="urn:ietf:params:xml:ns:common-policy"/>'
    put(top / "org.opencpm.operator-policy/global/index", operator)
    said = json.loads(ctl(served, "--json", "import", str(top), "--dry-run"))
    assert (said["users"], said["docs"], said["left_out"], said["dry"]) == (30, 30, 0, True)
    assert json.loads(ctl(served, "--json", "user", "list"))["users"] == []
    said = json.loads(ctl(served, "--json", "import", str(top)))
    # the first user's contacts are one of the documents stored with them
    assert (said["users"], said["known"], said["contacts"], said["left_out"]) == (30, 0, 3, 0)
    assert len(json.loads(ctl(served, "--json", "user", "list"))["users"]) == 30
    assert ctl(served, "doc", "get", "resource-lists/users/u7@example.com/index") == LISTS.format(7)
    assert ctl(served, "doc", "get", "org.opencpm.operator-policy/global/index") == operator
    for user, name in [("u0", "Ana"), ("u1", "Bj\xf6rn"), ("u2", "Carl")]:
        assert f"FN:{name}" in ctl(served, "cab", "export", user)
    # the password is the row's, and the owner reads what was imported
    answer = requests.get(
        f"{served.url}/xcap-root/resource-lists/users/u7@example.com/index",
        auth=HTTPDigestAuth("u7", "correct horse 7 battery"), timeout=PATIENCE_S,
    )
    assert answer.status_code == 200, answer.text
    assert not (top / ".cpmctl-import").exists()
    # again, everybody is known
    said = json.loads(ctl(served, "--json", "import", str(top)))
    assert (said["users"], said["known"], said["left_out"]) == (0, 30, 0)


def test_what_is_left_out_is_told(served, tmp_path):
    top = tree(tmp_path / "in", 4)
    put(top / "resource-lists/users/u1@example.com/index", "<broken")
    put(top / "resource-lists/users/nobody@example.com/index", LISTS.format("x"))
    put(top / "resource-lists/users/u2@example.com/index", "<a>\xfc</a>", "latin-1")
    put(top / "notes.txt", "hello")
    with open(top / "users.csv", "a", encoding="utf-8") as rows:
        rows.write("http://x,pass word long enough,,\nu9@example.com,short,,\n,x,,\n")
    said = json.loads(ctl(served, "--json", "import", str(top), status=1))
    whys = {one["what"].split(": ")[0]: one["why"] for one in said["remarks"]}
    assert said["users"] == 4 and said["left_out"] == len(said["remarks"]) == 7, said
    assert "UTF-8" in whys["u2@example.com"]
    assert "no user" in whys["nobody@example.com"]
    assert "password" in whys["u9@example.com"]
    assert any(what.endswith("notes.txt") for what in whys)
    # what was good of the same user is there
    assert ctl(served, "doc", "get", "resource-lists/users/u3@example.com/index") == LISTS.format(3)
    table = tmp_path / "table.csv"
    put(table, "shoe,size\n")
    assert 'no column "id"' in ctl(served, "import", str(table), status=1)


def test_it_goes_on_where_it_was_broken_off(served, tmp_path):
    table = tmp_path / "users.csv"
    ids = sorted(f"v{i}" for i in range(600))
    put(table, ROWS + "".join(f"{i},,,\n" for i in ids))
    mark = 0xCBF29CE484222325
    for octet in "".join(ids).encode():
        mark = (mark ^ octet) * 0x100000001B3 % 2**64
    journal = tmp_path / "users.csv.cpmctl-import"
    put(journal, f"opencpm-import 1 600 {mark:016x}\n500\n")
    assert json.loads(ctl(served, "--json", "import", str(table)))["users"] == 100
    assert not journal.exists()
    # the journal of something else counts for nothing
    put(journal, f"opencpm-import 1 600 {1:016x}\n500\n")
    said = json.loads(ctl(served, "--json", "import", str(table)))
    assert (said["users"], said["known"]) == (500, 100)


def test_somebody_has_the_name_already(served, tmp_path):
    add_user(served, "alice", "correct horse battery", aliases=["bob@example.com"])
    table = tmp_path / "users.csv"
    put(table, ROWS + "bob@example.com,,,\n")
    said = json.loads(ctl(served, "--json", "import", str(table)))
    # by either name it is one user, who is changed as the row says
    assert (said["users"], said["known"]) == (0, 1)
    put(table, ROWS + "alice,,carl@example.com,yes\n")
    ctl(served, "import", str(table))
    shown = ctl(served, "user", "show", "carl")
    assert "alice" in shown and "operator" in shown
