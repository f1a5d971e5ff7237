# SPDX-License-Identifier: Apache-2.0
"""A reload takes what may change, says what changed, and keeps the old where the new is faulty."""

import signal

from harness import wait_for


def reload_by_signal(daemon, pattern):
    daemon.signal(signal.SIGHUP)
    return daemon.wait_log(pattern)


def test_signal_reload_says_what_changed(daemon):
    daemon.configure({"log": {"level": "debug"}})
    reload_by_signal(daemon, r"setting changed .*name=log\.level old=info new=debug")


def test_command_reload_lists_what_changed(daemon):
    daemon.configure({"http": {"idle-time": "7 s"}})
    done = daemon.ctl("reload")
    assert done.returncode == 0, done.stderr
    assert "http.idle-time" in done.stdout
    assert "7 s" in done.stdout


def test_what_needs_a_restart_is_said_and_not_taken(daemon):
    daemon.configure({"server": {"workers": 3}})
    answer = daemon.ctl_json("reload")
    assert [change["name"] for change in answer["restart"]] == ["server.workers"]
    assert answer["changed"] == []
    workers = len(daemon.ctl_json("status")["workers"])
    assert workers != 3


def test_faulty_reload_changes_nothing(daemon):
    daemon.configure({"log": {"level": "debug"}})
    daemon.config.write_text(daemon.config.read_text(encoding="utf-8") + "  : [\n", encoding="utf-8")
    done = daemon.ctl("reload")
    assert done.returncode != 0
    assert f"{daemon.config}:" in done.stderr
    assert daemon.get("/livez").status_code == 200
    assert daemon.ctl_json("log", "level")["levels"]["http"] == "info"


def test_nothing_changed_is_said(daemon):
    done = daemon.ctl("reload")
    assert done.returncode == 0
    assert "nothing has changed" in done.stdout.lower()


def test_log_file_is_opened_again(make_daemon, tmp_path):
    path = tmp_path / "cpmd.log"
    daemon = make_daemon({"log": {"file": str(path), "format": "json"}}).start()
    path.rename(tmp_path / "cpmd.log.1")
    daemon.signal(signal.SIGUSR1)
    wait_for(path.exists, "the new log file")
    assert path.stat().st_mode & 0o007 == 0
