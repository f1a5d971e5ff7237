# SPDX-License-Identifier: Apache-2.0
"""Users over the operator's REST and with cpmctl: made, shown, changed, listed, removed, refused."""

import json
import os
import pty
import re
import select
import subprocess
import time

import pytest
from requests.auth import HTTPDigestAuth

from harness import BUILD, PATIENCE_S, add_user
from rest import rest

CTL = BUILD / "cpmctl"
PASSWORD = "correct horse"
OTHER = "battery staple"
ALICE = "sip:alice@example.com"
BOB = "sip:bob@example.com"
TEL = "tel:+4930123"


def names(daemon):
    return [user["user"] for user in rest(daemon, "GET", "/v1/users").json()["users"]]


# ---- REST ----


def test_put_get_delete(daemon):
    made = rest(daemon, "PUT", "/v1/users/alice", {"password": PASSWORD, "aliases": ["tel:+49-30-123"]})
    assert made.status == 201
    user = made.json()
    assert user["user"] == ALICE and user["aliases"] == [TEL]
    assert user["roles"] == ["user"] and user["disabled"] is False
    assert user["realm"] == "example.com"
    assert set(user["logins"]) == {"alice", "alice@example.com", ALICE, "+4930123", TEL}
    assert abs(user["created_s"] - time.time()) < 600 and user["changed_s"] == user["created_s"]
    for identity in ("alice", "sip%3Aalice%40example.com", "alice@EXAMPLE.com", "tel:+4930123", "+4930123"):
        assert rest(daemon, "GET", f"/v1/users/{identity}").json() == user
    gone = rest(daemon, "DELETE", "/v1/users/tel:+4930123")
    assert gone.status == 200 and gone.json()["user"] == ALICE
    for identity in ("alice", "tel:+4930123"):
        answer = rest(daemon, "GET", f"/v1/users/{identity}")
        assert answer.status == 404 and answer.fault() == "absent"
    assert rest(daemon, "DELETE", "/v1/users/alice").status == 404
    assert names(daemon) == []


def test_put_is_the_whole_and_patch_a_part(daemon):
    add_user(daemon, "alice", PASSWORD, aliases=[TEL], operator=True)
    logins = rest(daemon, "GET", "/v1/users/alice").json()["logins"]
    patched = rest(daemon, "PATCH", "/v1/users/alice", {"disabled": True}).json()
    assert patched["disabled"] is True
    assert patched["roles"] == ["user", "operator"] and patched["aliases"] == [TEL]
    assert patched["logins"] == logins
    put = rest(daemon, "PUT", "/v1/users/alice", {})
    assert put.status == 200
    assert put.json()["disabled"] is False
    assert put.json()["roles"] == ["user"] and put.json()["aliases"] == []
    assert put.json()["logins"] == ["alice", "alice@example.com", ALICE], "the password stays"
    # Whoever is named by an alias that goes is shown all the same.
    assert rest(daemon, "PATCH", "/v1/users/alice", {"aliases": [TEL]}).status == 200
    answer = rest(daemon, "PATCH", f"/v1/users/{TEL}", {"aliases": []})
    assert answer.status == 200 and answer.json()["user"] == ALICE


def test_post_makes_and_never_changes(daemon):
    made = rest(daemon, "POST", "/v1/users", {"user": "alice", "password": PASSWORD})
    assert made.status == 201 and made.json()["user"] == ALICE
    again = rest(daemon, "POST", "/v1/users", {"user": ALICE, "password": OTHER})
    assert again.status == 409 and again.fault() == "exists"
    assert ALICE in again.json()["message"]


def test_an_alias_is_one_user_s(daemon):
    add_user(daemon, "alice", PASSWORD, aliases=[TEL])
    answer = rest(daemon, "PUT", "/v1/users/bob", {"password": OTHER, "aliases": [TEL]})
    assert answer.status == 409 and answer.fault() == "exists"
    assert TEL in answer.json()["message"] and ALICE in answer.json()["message"]
    assert names(daemon) == [ALICE]


def test_changes_of_nobody(daemon):
    for method, path, body in [
        ("PATCH", "/v1/users/alice", {"disabled": True}),
        ("POST", "/v1/users/alice/password", {"password": PASSWORD}),
        ("DELETE", "/v1/users/alice", None),
    ]:
        answer = rest(daemon, method, path, body)
        assert answer.status == 404 and answer.fault() == "absent", (method, path)
        assert ALICE in answer.json()["message"]
    assert names(daemon) == []


@pytest.mark.parametrize(
    "method, path, body, status, message",
    [
        ("PUT", "/v1/users/alice", b"", 400, "JSON expected"),
        ("PUT", "/v1/users/alice", b"[]", 400, "a JSON object is expected"),
        ("PUT", "/v1/users/alice", b'"\xff"', 400, "JSON"),
        ("PUT", "/v1/users/alice", {"pasword": PASSWORD}, 400, 'unknown member "pasword"'),
        ("PUT", "/v1/users/alice", {"password": 1}, 400, "must be a string"),
        ("PUT", "/v1/users/alice", {"password": "short"}, 400, "at least 8 characters"),
        ("PUT", "/v1/users/alice", {"password": "x-alice-77"}, 400, "user's name"),
        ("PUT", "/v1/users/alice", {"password": "tab\there and there"}, 400, "visible"),
        ("PUT", "/v1/users/alice", {"password": "x" * 1025}, 400, "octets"),
        ("PUT", "/v1/users/alice", {"aliases": "tel:1"}, 400, "array of strings"),
        ("PUT", "/v1/users/alice", {"aliases": [1]}, 400, "array of strings"),
        ("PUT", "/v1/users/alice", {"aliases": ["mailto:a@b"]}, 400, ""),
        ("PUT", "/v1/users/alice", {"aliases": [f"sip:{i}@x" for i in range(65)]}, 400, "0 to 64"),
        ("PUT", "/v1/users/alice", {"aliases": [f"sip:{i}@x" for i in range(64)]}, 400, "at most 8"),
        ("PUT", "/v1/users/alice", {"roles": []}, 400, "1 to 2"),
        ("PUT", "/v1/users/alice", {"roles": ["root"]}, 400, 'no role "root"'),
        ("PUT", "/v1/users/alice", {"disabled": "yes"}, 400, "true or false"),
        ("PUT", "/v1/users/alice", {"user": "bob"}, 400, 'unknown member "user"'),
        ("PUT", "/v1/users/mailto:alice", {}, 400, ""),
        ("PUT", "/v1/users/%ff", {}, 400, ""),
        ("PUT", "/v1/users/" + "a" * 2000, {}, 400, ""),
        ("POST", "/v1/users", {"password": PASSWORD}, 400, '"user" is missing'),
        ("POST", "/v1/users", {"user": ""}, 400, "octets"),
        ("POST", "/v1/users/alice/password", {}, 400, '"password" is missing'),
        ("POST", "/v1/users/alice/password", {"password": PASSWORD, "x": 1}, 400, "unknown member"),
        ("GET", "/v1/users?max=0", None, 400, "1 to"),
        ("GET", "/v1/users?before=x", None, 400, 'unknown parameter "before"'),
        ("GET", "/v1/users/alice?x=1", None, 400, "takes no parameters"),
        ("GET", "/v1/users/", None, 404, ""),
        ("GET", "/v1/users/alice/pasword", None, 404, ""),
        ("DELETE", "/v1/users", None, 405, ""),
        ("GET", "/v1/users/alice/password", None, 405, ""),
    ],
)
def test_refusals(daemon, method, path, body, status, message):
    answer = rest(daemon, method, path, body)
    assert answer.status == status, answer.body
    answer.fault()
    assert message in answer.json()["message"]
    assert names(daemon) == []


def test_methods_of_a_user(daemon):
    answer = rest(daemon, "OPTIONS", "/v1/users/alice")
    assert answer.headers["Allow"] == "GET, HEAD, PUT, PATCH, DELETE"


def test_list_in_pages(daemon):
    for i in range(7):
        add_user(daemon, f"user{i}", PASSWORD, aliases=[f"tel:+49301230{i}"])
    seen, path = [], "/v1/users?max=3"
    pages = 0
    while path:
        page = rest(daemon, "GET", path).json()
        assert len(page["users"]) <= 3
        seen += [user["user"] for user in page["users"]]
        path = f"/v1/users?max=3&after={page['next']}" if "next" in page else None
        pages += 1
    assert seen == [f"sip:user{i}@example.com" for i in range(7)]
    assert pages == 3


def test_passwords_are_neither_shown_nor_logged(make_daemon):
    daemon = make_daemon({"log": {"level": "debug"}}).start()
    words = [PASSWORD, OTHER, "not good but long: alice"]
    shown = rest(daemon, "PUT", "/v1/users/alice", {"password": words[0]}).body
    shown += rest(daemon, "POST", "/v1/users/alice/password", {"password": words[1]}).body
    shown += rest(daemon, "POST", "/v1/users/alice/password", {"password": words[2]}).body
    shown += rest(daemon, "GET", "/v1/users").body
    daemon.wait_log(r"user method=PUT user=sip:alice@example\.com status=201")
    daemon.wait_log(r"user method=POST user=sip:alice@example\.com status=200")
    daemon.stop()
    for word in words:
        assert word.encode() not in shown
        assert word not in daemon.log()
    for path in (daemon.folder / "store").rglob("*"):
        if path.is_file():
            content = path.read_bytes()
            assert not any(word.encode() in content for word in words), path


def test_users_survive_a_restart(daemon):
    add_user(daemon, "alice", PASSWORD, aliases=[TEL])
    before = rest(daemon, "GET", f"/v1/users/{TEL}").json()
    daemon.kill()
    daemon.start()
    assert rest(daemon, "GET", f"/v1/users/{TEL}").json() == before


def test_domains_are_the_configured_ones(make_daemon):
    daemon = make_daemon({"domains": [{"name": "ims.example.net"}, {"name": "example.org"}]}).start()
    add_user(daemon, "alice", PASSWORD)
    add_user(daemon, "bob@example.org", PASSWORD)
    assert names(daemon) == ["sip:alice@ims.example.net", "sip:bob@example.org"]
    assert rest(daemon, "GET", "/v1/users/bob@example.org").json()["realm"] == "example.org"


def test_erase_takes_the_user_too(daemon):
    add_user(daemon, "alice", PASSWORD, aliases=[TEL])
    assert daemon.ctl("erase", ALICE, "--yes").returncode == 0
    assert rest(daemon, "GET", "/v1/users/alice").status == 404
    assert rest(daemon, "GET", f"/v1/users/{TEL}").status == 404
    add_user(daemon, "bob", PASSWORD, aliases=[TEL])


# ---- cpmctl ----


class Terminal:
    """cpmctl on a terminal, spoken to line by line."""

    def __init__(self, *words):
        self.pid, self.master = pty.fork()
        if self.pid == 0:
            os.execv(CTL, ["cpmctl", *map(str, words)])
        self.shown = ""

    def read(self):
        """Take what is shown next; false at the end."""
        assert select.select([self.master], [], [], PATIENCE_S)[0], f"silence after: {self.shown}"
        try:
            piece = os.read(self.master, 65536)
        except OSError:  # how Linux says that the other side is closed
            piece = b""
        self.shown += piece.decode()
        return piece

    def wait_for(self, text):
        deadline = time.monotonic() + PATIENCE_S
        while text not in self.shown:
            assert time.monotonic() < deadline, self.shown
            assert self.read(), f"ended without {text}: {self.shown}"

    def say(self, text):
        os.write(self.master, text.encode())

    def end(self):
        """Exit status and all that was shown."""
        while self.read():
            pass
        os.close(self.master)
        return os.waitstatus_to_exitcode(os.waitpid(self.pid, 0)[1]), self.shown


def test_add_show_list_del(daemon):
    done = daemon.ctl("user", "add", "alice", "--alias", TEL, "--alias", "al@example.com", stdin=PASSWORD + "\n")
    assert (done.returncode, done.stdout, done.stderr) == (0, f"added {ALICE}\n", "")
    done = daemon.ctl("user", "add", "--operator", "bob", "--no-password")
    assert (done.returncode, done.stdout) == (0, f"added {BOB}\n")
    assert daemon.ctl("user", "list").stdout.splitlines() == [
        f"active       user      {ALICE} ({TEL}, sip:al@example.com)",
        f"no password  operator  {BOB}",
    ]
    shown = daemon.ctl("user", "show", TEL).stdout
    assert re.search(rf"^user +{ALICE}$", shown, re.MULTILINE)
    assert re.search(rf"^aliases +{re.escape(TEL)}, sip:al@example.com$", shown, re.MULTILINE)
    assert re.search(r"^roles +user$", shown, re.MULTILINE)
    assert re.search(r"^logins +alice, alice@example.com, ", shown, re.MULTILINE)
    assert re.search(r"^realm +example.com$", shown, re.MULTILINE)
    assert re.search(r"^changed +20\d\d-", shown, re.MULTILINE)
    assert daemon.ctl_json("user", "show", "bob")["roles"] == ["user", "operator"]
    assert [u["user"] for u in daemon.ctl_json("user", "list")["users"]] == [ALICE, BOB]
    assert daemon.ctl("user", "del", "alice").stdout == f"removed {ALICE}\n"
    assert names(daemon) == [BOB]
    for words in (["del", "alice"], ["show", "alice"], ["passwd", "alice", "--generate"]):
        done = daemon.ctl("user", *words)
        assert done.returncode == 1 and done.stdout == ""
        assert done.stderr.startswith(f"cpmctl: there is no user {ALICE}; ")
    again = daemon.ctl("user", "add", "bob", stdin=PASSWORD + "\n")
    assert again.returncode == 1 and f"there is a user {BOB} already" in again.stderr


def test_list_of_many(daemon):
    for i in range(1002):
        made = rest(daemon, "POST", "/v1/users", {"user": f"user{i:04}"})
        assert made.status == 201
    lines = daemon.ctl("user", "list").stdout.splitlines()
    assert [line.split()[-1] for line in lines] == [f"sip:user{i:04}@example.com" for i in range(1002)]
    assert len(daemon.ctl_json("user", "list")["users"]) == 1002


def test_passwd(daemon):
    before = add_user(daemon, "alice", PASSWORD)
    done = daemon.ctl("user", "passwd", "alice", "--disable")
    assert (done.returncode, done.stdout) == (0, f"disabled {ALICE}\n")
    assert daemon.ctl("user", "list").stdout.startswith("disabled ")
    assert daemon.ctl("user", "passwd", "alice", "--enable").stdout == f"enabled {ALICE}\n"
    assert rest(daemon, "GET", "/v1/users/alice").json()["logins"] == before["logins"]
    done = daemon.ctl("user", "passwd", "alice", stdin=OTHER)  # no end of line
    assert (done.returncode, done.stdout) == (0, f"new password for {ALICE}\n")
    weak = daemon.ctl("user", "passwd", "alice", stdin="12345678\n")
    assert weak.returncode == 1 and "password is too weak: " in weak.stderr
    assert "12345678" not in weak.stderr


def test_generated_passwords(daemon):
    done = daemon.ctl("user", "add", "alice", "--generate")
    first = re.fullmatch(rf"added {ALICE}\npassword (([a-z2-9]{{4}}-){{4}}[a-z2-9]{{4}})\n", done.stdout)
    assert first, done.stdout
    body = daemon.ctl_json("user", "passwd", "alice", "--generate", "--enable")
    assert body["user"] == ALICE
    assert re.fullmatch(r"([a-z2-9]{4}-){4}[a-z2-9]{4}", body["password"])
    assert body["password"] != first.group(1)


def test_password_files(daemon, tmp_path):
    file = tmp_path / "password"
    file.write_text(PASSWORD + "\nand a second line\n")
    file.chmod(0o640)
    done = daemon.ctl("user", "add", "alice", "--password-file", file)
    assert done.returncode == 2 and "may be read by others (mode 0640); chmod 600" in done.stderr
    assert names(daemon) == []
    file.chmod(0o600)
    assert daemon.ctl("user", "add", "alice", "--password-file", file).returncode == 0
    missing = daemon.ctl("user", "passwd", "alice", "--password-file", tmp_path / "nothing")
    assert missing.returncode == 2 and "No such file or directory" in missing.stderr
    file.write_text("")
    empty = daemon.ctl("user", "passwd", "alice", "--password-file", file)
    assert empty.returncode == 2 and "no password was given" in empty.stderr
    file.write_text("x" * 2000)
    long = daemon.ctl("user", "passwd", "alice", "--password-file", file)
    assert long.returncode == 2 and "too long" in long.stderr


def test_nothing_on_standard_input(daemon):
    done = daemon.ctl("user", "add", "alice", stdin="")
    assert done.returncode == 2 and "no password was given" in done.stderr
    done = daemon.ctl("user", "add", "alice", stdin="\n")
    assert done.returncode == 1 and "too short" in done.stderr
    assert names(daemon) == []


def test_asked_twice_without_echo(daemon):
    terminal = Terminal("--socket", daemon.socket, "user", "add", "alice")
    terminal.wait_for("Password: ")
    terminal.say(PASSWORD + "\n")
    terminal.wait_for("Once more: ")
    terminal.say(PASSWORD + "\n")
    status, shown = terminal.end()
    assert status == 0 and f"added {ALICE}" in shown
    assert PASSWORD not in shown
    assert names(daemon) == [ALICE]


def test_two_different_answers(daemon):
    terminal = Terminal("--socket", daemon.socket, "user", "add", "alice")
    terminal.wait_for("Password: ")
    terminal.say(PASSWORD + "\n")
    terminal.wait_for("Once more: ")
    terminal.say(OTHER + "\n")
    status, shown = terminal.end()
    assert status == 2 and "the two are not the same" in shown
    assert names(daemon) == []


def test_ctrl_c_brings_the_echo_back(daemon):
    """A shell shares the terminal, and sees whether it echoes afterwards."""
    pid, master = pty.fork()
    if pid == 0:
        script = f'trap : INT; "{CTL}" --socket "{daemon.socket}" user add alice; echo "status $?"; stty -a'
        os.execv("/bin/sh", ["sh", "-c", script])
    terminal = Terminal.__new__(Terminal)
    terminal.pid, terminal.master, terminal.shown = pid, master, ""
    terminal.wait_for("Password: ")
    terminal.say("half a pass\x03")
    terminal.wait_for("status 130")
    _, shown = terminal.end()
    assert "nothing was changed" in shown
    assert re.search(r"(?<!-)\becho\b", shown.split("status 130")[1]), shown
    assert names(daemon) == []


@pytest.mark.parametrize(
    "words, message",
    [
        (["user"], "cpmctl user WHAT [NAME]"),
        (["user", "frobnicate"], "add | del | list | show | passwd"),
        (["user", "add"], "cpmctl user add NAME"),
        (["user", "add", ""], "cpmctl user add NAME"),
        (["user", "list", "alice"], "cpmctl user list"),
        (["user", "show"], "cpmctl user show NAME"),
        (["user", "del", "alice", "--operator"], "cpmctl user del NAME"),
        (["user", "add", "alice", "--generate", "--no-password"], "cpmctl user add NAME"),
        (["user", "add", "alice", "--disable"], "cpmctl user add NAME"),
        (["user", "passwd", "alice", "--disable", "--enable"], "cpmctl user passwd NAME"),
        (["user", "passwd", "alice", "--no-password"], "cpmctl user passwd NAME"),
        (["user", "add", "alice"] + ["--alias", "x"] * 65, "too many aliases"),
        (["status", "--generate"], 'an option of "user" makes no sense here'),
        (["user", "add", b"\xff", "--no-password"], "not UTF-8"),
        (["user", "add", "alice", "--no-password", "--alias", b"\xff"], "not UTF-8"),
    ],
)
def test_wrong_usage(words, message):
    done = subprocess.run(
        [CTL, "--socket", "/nonexistent", *words], capture_output=True, timeout=PATIENCE_S, check=False, stdin=subprocess.DEVNULL
    )
    assert done.returncode == 2, done.stderr
    assert message in done.stderr.decode()
    assert done.stdout == b""


def test_errors_as_json(daemon):
    done = daemon.ctl("--json", "user", "show", "alice")
    assert done.returncode == 1
    body = json.loads(done.stdout)
    assert body["error"] == "absent" and body["remedy"]
    done = daemon.ctl("--json", "user", "add", "mailto:alice", "--no-password")
    assert done.returncode == 1 and json.loads(done.stdout)["error"] == "syntax"


# ---- what holds for whom, from the next request on ----


def login(daemon, name, password, path="/xcap-root/resource-lists/users/sip:alice@example.com/index", auth=HTTPDigestAuth):
    """The status of a request by NAME on a connection of its own; 404: it is known who that is."""
    return daemon.get(path, auth=auth(name, password)).status_code


@pytest.mark.parametrize("workers", [1, 3])
def test_changes_hold_for_the_next_request(make_daemon, workers):
    daemon = make_daemon({"server": {"workers": workers}}).start()
    assert login(daemon, "alice", PASSWORD) == 401
    add_user(daemon, "alice", PASSWORD, aliases=[TEL])
    for name in ("alice", "alice@example.com", ALICE, "+4930123", TEL):
        assert login(daemon, name, PASSWORD) == 404, name
    assert login(daemon, "alice", OTHER) == 401
    for i in range(10):
        assert daemon.ctl("user", "passwd", "alice", stdin=f"{OTHER} {i}\n").returncode == 0
        assert login(daemon, "alice", f"{OTHER} {i}") == 404
    daemon.ctl("user", "passwd", "alice", "--disable")
    assert login(daemon, "alice", f"{OTHER} 9") == 403
    daemon.ctl("user", "passwd", "alice", "--enable")
    assert login(daemon, "+4930123", f"{OTHER} 9") == 404
    rest(daemon, "PATCH", "/v1/users/alice", {"aliases": []})
    assert login(daemon, "+4930123", f"{OTHER} 9") == 401
    assert login(daemon, "alice", f"{OTHER} 9") == 404
    daemon.ctl("user", "del", "alice")
    assert login(daemon, "alice", f"{OTHER} 9") == 401


def test_only_an_operator_reads_what_is_another_s(daemon):
    add_user(daemon, "alice", PASSWORD)
    add_user(daemon, "bob", PASSWORD)
    add_user(daemon, "root", PASSWORD, operator=True)
    assert login(daemon, "bob", PASSWORD) == 403
    assert login(daemon, "root", PASSWORD) == 404
    rest(daemon, "PUT", "/v1/users/root", {"roles": ["user"]})
    assert login(daemon, "root", PASSWORD) == 403
