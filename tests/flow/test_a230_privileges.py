# SPDX-License-Identifier: Apache-2.0
"""Started as root, cpmd serves as somebody else; secrets stay out of its output."""

import os
import pwd
import shutil
import tempfile
from pathlib import Path

import pytest

as_root = pytest.mark.skipif(os.geteuid() != 0, reason="only root can become somebody else")


def status_of(pid):
    with open(f"/proc/{pid}/status", encoding="ascii") as status:
        return dict(line.split(":\t", 1) for line in status if ":\t" in line)


@pytest.fixture
def open_folder():
    """One that anybody can get at. Not below pytest's: each run of pytest closes those again."""
    folder = Path(tempfile.mkdtemp(prefix="cpmd-test-", dir="/tmp"))
    folder.chmod(0o755)
    yield folder
    shutil.rmtree(folder)


@as_root
def test_root_is_given_up(make_daemon, open_folder):
    nobody = pwd.getpwnam("nobody")
    daemon = make_daemon({"server": {"user": "nobody"}}, name=open_folder / "d")
    daemon.folder.chmod(0o755)
    daemon.start()
    status = status_of(daemon.process.pid)
    assert set(status["Uid"].split()) == {str(nobody.pw_uid)}
    assert set(status["Gid"].split()) == {str(nobody.pw_gid)}
    assert int(status["CapEff"], 16) == 0
    assert status["NoNewPrivs"].strip() == "1"
    for entry in (daemon.folder / "store").rglob("*"):
        assert entry.stat().st_uid == nobody.pw_uid, entry
    assert daemon.stop() == 0
    daemon.start()  # what the first life wrote is found and readable again


@as_root
def test_unknown_user_is_named(make_daemon):
    daemon = make_daemon({"server": {"user": "no-such-user"}})
    daemon.spawn()
    assert daemon.process.wait(timeout=60) == 1
    assert 'no user "no-such-user"' in daemon.log()
    assert "adduser" in daemon.log()


@as_root
def test_serving_as_root_is_warned_of(make_daemon):
    daemon = make_daemon({"server": {"user": "root"}}).start()
    assert "serving as root" in daemon.log()
