# Copyright: (c) 2026, the tidegate developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""How the tests are shared out among processes (pytest-xdist): by file, and what shares machines stays together."""

from __future__ import annotations

import pytest

TOGETHER = {"lockout"}
"""Directories whose files use the same containers, which are slow to start."""


@pytest.hookimpl(tryfirst=True)  # before xdist reads the groups
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Name the group of each test: most of the time they wait, for timers, machines and Ansible."""
    for item in items:
        room = item.path.parent.name
        group = room if room in TOGETHER else f"{room}/{item.path.stem}"
        item.add_marker(pytest.mark.xdist_group(group))
