# SPDX-License-Identifier: Apache-2.0
"""The tour of messaging, with linphonec for phones: rules, a queue, two devices, a group."""

import shutil

import pytest

from harness import PATIENCE_S
from tour import demonstration, take_tour


@pytest.mark.skipif(not shutil.which("linphonec"), reason="linphonec is not installed")
def test_tour(tmp_path):
    with demonstration(tmp_path) as demo:
        take_tour(demo, "tour.md", 5 * PATIENCE_S)
