# SPDX-License-Identifier: Apache-2.0
"""The pages that show what to type are right."""

import pytest

from tour import demonstration, take_tour


@pytest.mark.parametrize("name", ["tour-xcap.md", "tour-documents.md"])
def test_tour(tmp_path, name):
    with demonstration(tmp_path) as demo:
        take_tour(demo, name)
