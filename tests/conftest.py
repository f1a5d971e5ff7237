# SPDX-License-Identifier: Apache-2.0
"""Fixtures of the flow tests and of the tests with large peers."""

import shutil
import sys
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parent))

from harness import Daemon  # noqa: E402


@pytest.hookimpl(hookwrapper=True)
def pytest_runtest_makereport(item, call):
    report = (yield).get_result()
    if report.failed:
        item.failed = True


@pytest.fixture
def tmp_path(tmp_path, request):
    """pytest's own folder, kept only when the test failed: a thousand stores fill a disk."""
    yield tmp_path
    if not getattr(request.node, "failed", False):
        shutil.rmtree(tmp_path, ignore_errors=True)


@pytest.fixture
def make_daemon(tmp_path):
    """A maker of daemons; all are ended with the test, and none may have a sanitizer report."""
    made = []

    def make(settings=None, name=None):
        daemon = Daemon(tmp_path / (name or f"d{len(made)}"), settings)
        made.append(daemon)
        return daemon

    yield make
    for daemon in made:
        try:
            daemon.stop()
        finally:
            daemon.kill()
        if daemon.log_path.exists():
            assert "Sanitizer" not in daemon.log(), daemon.log()[-5000:]
            assert "runtime error:" not in daemon.log(), daemon.log()[-5000:]


@pytest.fixture
def daemon(make_daemon):
    """A running daemon with the default settings."""
    return make_daemon().start()
