# SPDX-License-Identifier: Apache-2.0
"""cpmd starts, answers its probes, and says clearly why it does not start."""

import os
import subprocess

from harness import BUILD


def run_cpmd(*words):
    return subprocess.run(
        [BUILD / "cpmd", *map(str, words)], capture_output=True, text=True, timeout=60, check=False
    )


def fails_to_start(daemon):
    """Its exit status and what it said, of a daemon that must not come up."""
    daemon.spawn()
    status = daemon.process.wait(timeout=60)
    assert status != 0
    return status, daemon.log()


def test_probes(daemon):
    assert daemon.get("/livez").status_code == 200
    assert daemon.get("/readyz").status_code == 200
    assert daemon.metric("opencpm_kv_commits_total", '{result="done"}') >= 1  # readyz made a real round trip


def test_metrics_are_prometheus_text(daemon):
    answer = daemon.get("/metrics")
    assert answer.headers["Content-Type"].startswith("text/plain; version=0.0.4")
    assert "# TYPE opencpm_http_requests_total counter" in answer.text


def test_unknown_path_is_404(daemon):
    assert daemon.get("/nothing/here").status_code == 404


def test_admin_is_not_served_on_tcp(daemon):
    assert daemon.get("/v1/status").status_code == 404


def test_state_survives_a_restart(make_daemon):
    daemon = make_daemon().start()
    before = daemon.ctl_json("status")
    assert daemon.stop() == 0
    daemon.start()
    after = daemon.ctl_json("status")
    assert after["store"]["epoch"] == before["store"]["epoch"]
    assert after["store"]["seq"] >= before["store"]["seq"]


def test_version_and_help():
    assert run_cpmd("--version").stdout.startswith("cpmd ")
    assert "--check" in run_cpmd("--help").stdout


def test_unknown_option_names_it():
    done = run_cpmd("--frobnicate")
    assert done.returncode == 2
    assert "frobnicate" in done.stderr


def test_missing_configuration_names_the_file(tmp_path):
    done = run_cpmd("--config", tmp_path / "none.yaml")
    assert done.returncode == 78
    assert str(tmp_path / "none.yaml") in done.stderr


def test_faulty_configuration_names_the_line(make_daemon):
    daemon = make_daemon()
    daemon.config.write_text("http:\n  idle-tiem: 30 s\n", encoding="utf-8")
    status, said = fails_to_start(daemon)
    assert status == 78
    assert f"{daemon.config}:2:3:" in said
    assert "idle-time" in said  # what was probably meant


def test_second_daemon_on_one_store(make_daemon):
    first = make_daemon().start()
    second = make_daemon({"store": {"dir": str(first.folder / "store")}})
    _, said = fails_to_start(second)
    assert str(first.folder / "store") in said
    assert str(first.process.pid) in said


def test_port_in_use(make_daemon):
    first = make_daemon().start()
    second = make_daemon({"http": {"listen": [{"address": "127.0.0.1", "port": first.port}]}})
    _, said = fails_to_start(second)
    assert str(first.port) in said


def test_store_folder_that_cannot_be_made(make_daemon):
    daemon = make_daemon({"store": {"dir": "/proc/no-store"}})
    _, said = fails_to_start(daemon)
    assert "/proc/no-store" in said


def test_store_is_for_us_alone(daemon):
    store = daemon.folder / "store"
    assert store.stat().st_mode & 0o077 == 0
    for entry in store.rglob("*"):
        if entry.is_file():
            assert entry.stat().st_mode & 0o077 == 0, entry


def test_no_core_dumps(daemon):
    with open(f"/proc/{daemon.process.pid}/limits", encoding="ascii") as limits:
        core = next(line for line in limits if line.startswith("Max core file size"))
    assert core.split()[4:6] == ["0", "0"]


def test_admin_socket_is_not_for_all(daemon):
    assert os.stat(daemon.socket).st_mode & 0o007 == 0
