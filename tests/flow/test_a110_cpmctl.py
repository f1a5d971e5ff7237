# SPDX-License-Identifier: Apache-2.0
"""cpmctl against a real cpmd: every verb, as a person and as a script sees it; exit statuses."""

import base64
import json
import os
import pty
import re
import shutil
import subprocess

import pytest

from harness import BUILD, TOP
from rest import rest
from test_a100_admin_rest import fill, value_of

CTL = BUILD / "cpmctl"


def ctl(*words, **options):
    return subprocess.run(
        [CTL, *map(str, words)], capture_output=True, text=True, timeout=60, check=False, **options
    )


def on_terminal(words, answer=""):
    """Run cpmctl on a terminal that says ANSWER; gives exit status and what the terminal showed."""
    pid, master = pty.fork()
    if pid == 0:
        os.execv(CTL, ["cpmctl", *map(str, words)])
    os.write(master, answer.encode())
    shown = b""
    while True:
        try:
            piece = os.read(master, 65536)
        except OSError:
            break
        if not piece:
            break
        shown += piece
    os.close(master)
    return os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]), shown.decode()


def one_json_line(done):
    assert done.stdout.count("\n") == 1, done.stdout
    return json.loads(done.stdout)


# ---- usage ----


def verbs_of_help():
    done = ctl("--help")
    assert done.returncode == 0
    return re.findall(r"^  ([a-z]+) ", done.stdout, re.MULTILINE)


def test_help_of_each_verb():
    verbs = verbs_of_help()
    assert {"status", "stats", "reload", "log", "backup", "restore", "verify", "export", "erase"} <= set(verbs)
    for verb in verbs:
        for words in ([verb, "--help"], ["--help", verb]):
            done = ctl(*words)
            assert done.returncode == 0
            assert done.stdout.startswith("usage: cpmctl ") and f" {verb} " in done.stdout


def test_version():
    assert re.fullmatch(r"cpmctl \d+\.\d+\.\d+\n", ctl("--version").stdout)


@pytest.mark.parametrize(
    "words, message",
    [
        ([], "a verb is missing"),
        (["frobnicate"], 'no verb "frobnicate"'),
        (["status", "x"], "cpmctl status"),
        (["restore", "x"], "cpmctl restore BACKUP DIR"),
        (["export"], "cpmctl export OWNER [FILE]"),
        (["log"], "cpmctl log level"),
        (["log", "levels"], "cpmctl log level"),
        (["log", "level", "nothing"], "categories: daemon"),
        (["log", "level", "http", "loud"], "levels: error warn info debug"),
        (["log", "level", "http", "debug", "x"], "cpmctl log level"),
        (["jobs", "x"], "cpmctl jobs [ID | cancel ID]"),
        (["jobs", "drop", "1"], "cpmctl jobs [ID | cancel ID]"),
        (["export", ""], "1 to 255 octets"),
        (["erase", "a" * 256, "--yes"], "1 to 255 octets"),
        (["--frobnicate"], "frobnicate"),
    ],
)
def test_wrong_usage(words, message):
    done = ctl("--socket", "/nonexistent", *words)
    assert done.returncode == 2
    assert message in done.stderr
    assert done.stdout == ""
    if "--frobnicate" not in words:
        body = one_json_line(ctl("--json", "--socket", "/nonexistent", *words))
        assert body["error"] == "usage" and message in body["message"] + "; " + body.get("remedy", "")


# ---- no server ----


def test_nobody_there(tmp_path):
    path = tmp_path / "admin.sock"
    done = ctl("--socket", path, "status")
    assert done.returncode == 3
    assert done.stderr == (
        f"cpmctl: cannot reach cpmd at {path}: No such file or directory; "
        "is it running? systemctl status cpmd\n"
    )
    body = one_json_line(ctl("--socket", path, "--json", "status"))
    assert body["error"] == "unreachable" and str(path) in body["message"] and body["remedy"]


def test_socket_that_nobody_listens_on(make_daemon):
    daemon = make_daemon().start()
    daemon.kill()
    done = daemon.ctl("status")
    assert done.returncode == 3
    assert "Connection refused" in done.stderr or "No such file" in done.stderr


def test_not_a_socket_and_too_long(tmp_path):
    plain = tmp_path / "file"
    plain.write_text("")
    for path, word in [(plain, "cannot reach"), ("/" + "x" * 200, "too long")]:
        done = ctl("--socket", path, "jobs")
        assert done.returncode == 3
        assert word in done.stderr


def test_socket_from_the_environment(daemon):
    env = dict(os.environ, OPENCPM_ADMIN_SOCKET=str(daemon.socket))
    assert ctl("--json", "status", env=env).returncode == 0
    assert ctl("--socket", "/nonexistent", "status", env=env).returncode == 3


# ---- asking ----


def test_status(daemon):
    shown = daemon.ctl("status").stdout
    assert re.search(rf"^process +{daemon.process.pid}$", shown, re.MULTILINE)
    assert re.search(r"^state +serving$", shown, re.MULTILINE)
    assert re.search(r"^store +bdb, format \d+$", shown, re.MULTILINE)
    assert re.search(r"^space +[0-9.]+ [kMG]?B used, [0-9.]+ [kMGT]?B free$", shown, re.MULTILINE)
    status = daemon.ctl_json("status")
    assert status["pid"] == daemon.process.pid
    assert set(status) == set(rest(daemon, "GET", "/v1/status").json())


def test_stats(daemon):
    shown = daemon.ctl("stats").stdout
    assert re.search(r"^opencpm_workers +\d+$", shown, re.MULTILINE)
    assert "_bucket" not in shown
    one = daemon.ctl("stats", "opencpm_workers").stdout
    assert re.fullmatch(r"opencpm_workers +\d+\n", one)
    some = daemon.ctl("stats", "*_bucket").stdout.splitlines()
    assert some and all("_bucket{" in line for line in some)
    assert all(m["name"] == "opencpm_workers" for m in daemon.ctl_json("stats", "opencpm_workers")["metrics"])
    none = daemon.ctl("stats", "nothing_like_it")
    assert none.returncode == 1 and "no metric fits" in none.stderr


def test_log_level(daemon):
    assert re.search(r"^http +info$", daemon.ctl("log", "level").stdout, re.MULTILINE)
    assert daemon.ctl("log", "level", "http", "debug").stdout.split() == ["http", "debug"]
    assert daemon.ctl("log", "level", "http").stdout.split() == ["http", "debug"]
    assert set(daemon.ctl_json("log", "level", "warn")["levels"].values()) == {"warn"}


def test_reload(daemon):
    assert daemon.ctl("reload").stdout == "reloaded, nothing has changed\n"
    daemon.configure({"server": {"drain-time": "7 s", "workers": 9}})
    shown = daemon.ctl("reload").stdout
    assert re.search(r"changed:\n  server\.drain-time: .* -> .*\nwaits for a restart:\n  server\.workers: .* -> 9\n", shown)
    daemon.config.write_text("server:\n  wokers: 3\n")
    done = daemon.ctl("reload")
    assert done.returncode == 1
    assert "cpmd --check" in done.stderr
    assert f"{daemon.config}:2:" in done.stderr and "wokers" in done.stderr
    body = one_json_line(daemon.ctl("--json", "reload"))
    assert body["faults"][0]["line"] == 2


def test_owners(make_daemon):
    daemon = make_daemon()
    fill(daemon, "sip:a@x", "1", "1", b"\xff", "1", "1", "evil\x1b[2J", "1", "1")
    daemon.start()
    assert daemon.ctl("owners").stdout.splitlines() == ["evil\\x1b[2J", "sip:a@x", "base64:/w=="]
    assert len(daemon.ctl_json("owners")["owners"]) == 3


# ---- work ----


def test_backup_verify_restore(make_daemon):
    daemon = make_daemon()
    fill(daemon, "sip:a@x", "50", "1000")
    daemon.start()
    folder = daemon.folder / "backups" / "one"
    done = daemon.ctl("backup", "one")
    assert done.returncode == 0, done.stderr
    assert done.stdout.startswith(f"backup in {folder}, verified, took ")
    assert re.search(r"\d+ owners, \d+ records, \d+ journal entries: 0 faults", daemon.ctl("verify").stdout)
    assert daemon.ctl_json("verify")["result"]["faults"] == 0

    offline = ctl("verify", folder)
    assert offline.returncode == 0 and ": 0 faults" in offline.stdout
    assert one_json_line(ctl("--json", "verify", folder))["records"] >= 50

    before = daemon.ctl_json("status")["store"]
    running = ctl("restore", folder, daemon.folder / "store")
    assert running.returncode == 1
    assert "stop" in running.stderr
    assert daemon.ctl("verify").returncode == 0, "the refused restore did no harm"
    assert ctl("verify", daemon.folder / "store").returncode == 1, "the daemon holds it"

    assert daemon.ctl("erase", "sip:a@x", "--yes").returncode == 0
    daemon.stop()
    still = ctl("restore", folder, daemon.folder / "store")
    assert still.returncode == 1 and str(daemon.folder / "store") in still.stderr
    shutil.move(daemon.folder / "store", daemon.folder / "store.old")
    restored = ctl("restore", folder, daemon.folder / "store")
    assert restored.returncode == 0, restored.stderr
    assert restored.stdout.startswith(f"restored and verified in {daemon.folder / 'store'}")
    daemon.start()
    assert daemon.ctl_json("status")["store"]["epoch"] > before["epoch"]
    assert rest(daemon, "GET", "/v1/export/sip:a@x").status == 200


def test_restore_of_what_is_no_backup(tmp_path):
    for backup in (tmp_path / "nothing", tmp_path):
        done = ctl("restore", backup, tmp_path / "store")
        assert done.returncode == 1
        assert str(backup) in done.stderr and "; " in done.stderr
        assert not (tmp_path / "store").exists()
        body = one_json_line(ctl("--json", "restore", backup, tmp_path / "store"))
        assert body["error"] and body["message"] and body["remedy"]


def test_damaged_backup_is_found(make_daemon):
    daemon = make_daemon()
    fill(daemon, "sip:a@x", "200", "3000")
    daemon.start()
    assert daemon.ctl("backup", "one").returncode == 0
    folder = daemon.folder / "backups" / "one"
    table = folder / "records.db"
    data = bytearray(table.read_bytes())
    for at in range(len(data) // 2, len(data) // 2 + 4096):
        data[at] ^= 0x55
    table.write_bytes(data)
    done = ctl("verify", folder)
    assert done.returncode in (1, 4), done.stdout
    # Not the last line under a sanitizer: Berkeley DB gives nothing back after such a fault.
    assert any(line.startswith(f"cpmctl: {folder}") for line in done.stderr.splitlines())
    restored = ctl("restore", folder, daemon.folder / "new")
    assert restored.returncode == 1
    assert not (daemon.folder / "new").exists()


def test_backup_that_cannot_be(daemon):
    done = daemon.ctl("backup", "/nowhere/at/all")
    assert done.returncode == 1
    assert "/nowhere/at/all" in done.stderr and "; " in done.stderr
    assert done.stdout == ""
    job = one_json_line(daemon.ctl("--json", "backup", "/nowhere/at/all"))
    assert job["state"] == "failed" and job["failure"]["remedy"]


def test_export(make_daemon):
    daemon = make_daemon()
    fill(daemon, "sip:a@x", "9", "100")
    daemon.start()
    file = daemon.folder / "out.ndjson"
    done = daemon.ctl("export", "sip:a@x", file)
    assert done.returncode == 0 and done.stdout.startswith("9 records, ")
    lines = [json.loads(line) for line in file.read_text().splitlines()]
    assert base64.b64decode(lines[4]["value64"]) == value_of(3, 100)
    assert lines[-1]["end"] is True
    assert file.stat().st_mode & 0o777 == 0o600
    assert daemon.ctl_json("jobs") == {"jobs": []}, "what was fetched is forgotten"

    streamed = daemon.ctl("export", "sip:a@x")
    assert [json.loads(line) for line in streamed.stdout.splitlines()][1:] == lines[1:]

    again = daemon.ctl("export", "sip:a@x", file)
    assert again.returncode == 1 and "exists" in again.stderr
    nobody = daemon.ctl("export", "sip:nobody@x", daemon.folder / "none")
    assert nobody.returncode == 1 and "sip:nobody@x" in nobody.stderr
    assert not (daemon.folder / "none").exists()
    unwritable = daemon.ctl("export", "sip:a@x", "/nowhere/at/all")
    assert unwritable.returncode == 1 and "/nowhere/at/all" in unwritable.stderr
    with open("/dev/full", "w", encoding="ascii") as full:
        broken = subprocess.run(
            [CTL, "--socket", daemon.socket, "export", "sip:a@x"], stdout=full, stderr=subprocess.PIPE, timeout=60, check=False
        )
    assert broken.returncode == 1 and b"No space left" in broken.stderr


def test_erase_asks(make_daemon):
    daemon = make_daemon()
    fill(daemon, "sip:a@x", "2", "10", "sip:b@x", "2", "10")
    daemon.start()
    unasked = daemon.ctl("erase", "sip:a@x", stdin="y\n")
    assert unasked.returncode == 2 and "--yes" in unasked.stderr
    status, shown = on_terminal(["--socket", daemon.socket, "erase", "sip:a@x"], "n\n")
    assert status == 130 and "cannot be undone" in shown and "nothing was erased" in shown
    assert rest(daemon, "GET", "/v1/export/sip:a@x").status == 200
    status, shown = on_terminal(["--socket", daemon.socket, "erase", "sip:a@x"], "y\n")
    assert status == 0 and "erased by commit" in shown
    assert rest(daemon, "GET", "/v1/export/sip:a@x").status == 404
    assert daemon.ctl_json("erase", "sip:b@x", "--yes")["result"]["seq"] > 0


def test_jobs(daemon):
    assert daemon.ctl("jobs").stdout == "no jobs\n"
    daemon.ctl("verify")
    assert daemon.ctl("backup", "/nowhere/at/all").returncode == 1
    lines = daemon.ctl("jobs").stdout.splitlines()
    assert re.match(r" +1  [-0-9]+ [:0-9]+  verify +done ", lines[1])
    assert re.match(r" +2  [-0-9]+ [:0-9]+  backup +failed .*/nowhere/at/all", lines[2])
    assert daemon.ctl_json("jobs", "1")["state"] == "done"
    assert daemon.ctl("jobs", "cancel", "1").stdout == "job 1 had ended (done) and is forgotten\n"
    missing = daemon.ctl("jobs", "1")
    assert missing.returncode == 1 and "no job 1" in missing.stderr


# ---- what comes with it ----


def complete(*words):
    """What the completion offers for the last of WORDS."""
    script = (
        f'source "{TOP}/doc/cpmctl.bash"; COMP_WORDS=(cpmctl "$@"); COMP_CWORD=$#; '
        '_cpmctl; printf "%s\\n" "${COMPREPLY[@]}"'
    )
    done = subprocess.run(
        ["bash", "-c", script, "-", *words], capture_output=True, text=True, timeout=60, check=True
    )
    return done.stdout.split()


def test_completion(tmp_path, daemon):
    assert sorted(complete("")) == sorted(verbs_of_help())
    assert complete("--json", "ba") == ["backup"]
    assert complete("--socket", "/x", "ba") == ["backup"]
    assert {"--socket", "--json", "--yes"} <= set(complete("-"))
    assert complete("log", "") == ["level"]
    categories = set(rest(daemon, "GET", "/v1/log").json()["levels"])
    assert set(complete("log", "level", "")) == categories | {"error", "warn", "info", "debug"}
    assert set(complete("log", "level", "http", "")) == {"error", "warn", "info", "debug"}
    (tmp_path / "one").mkdir()
    assert complete("restore", f"{tmp_path}/o") == [f"{tmp_path}/one"]
    assert complete("jobs", "c") == ["cancel"]
    assert complete("user", "") == ["add", "del", "list", "show", "passwd"]
    assert {"--alias", "--generate", "--no-password"} <= set(complete("user", "add", "alice", "--"))
    assert "--disable" in complete("user", "passwd", "--")
    assert "--disable" not in complete("user", "add", "--")
    assert complete("user", "--alias", "tel:1", "a") == ["add"]


def test_manual_names_every_verb_and_path():
    text = (TOP / "doc/cpmctl.1").read_text(encoding="utf-8").replace("\\-", "-")
    for verb in verbs_of_help():
        assert re.search(rf'^\.BR? "?{verb}\b', text, re.MULTILINE), verb
    source = (TOP / "admin/admin_http.c").read_text(encoding="utf-8")
    routes = re.findall(r'^\t\{ "([A-Z]+)", "(/v1/[^"]*)"', source, re.MULTILINE)
    assert len(routes) >= 15
    for method, path in routes:
        named = path.replace("docs/*", "docs/DOC").replace("export/*", "export/OWNER")
        named = named.replace("erase/*", "erase/OWNER").replace("*", "ID")
        assert re.search(rf"^{method} +{re.escape(named)}( |$)", text, re.MULTILINE), (method, path)


def test_manual_formats_without_complaint():
    if not shutil.which("man"):
        pytest.skip("man is not installed")
    done = subprocess.run(
        ["man", "-l", "--warnings", TOP / "doc/cpmctl.1"],
        capture_output=True, text=True, timeout=60, check=False, env=dict(os.environ, MANWIDTH="80"),
    )
    assert done.returncode == 0 and done.stderr == ""

