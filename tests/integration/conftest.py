# Copyright: (c) 2026, the tidegate developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The longest files first: a file runs in one process, so a long one that began late would run alone at the end."""

from __future__ import annotations

import pytest

LONGEST = (
    "guard/test_systemd.py",
    "docs/test_pages.py",
    "docs/test_site_example.py",
    "lockout/test_controller.py",
    "adopt/test_rollout.py",
    "guard/test_names.py",
    "lockout/test_policies.py",
    "attack/test_playbooks.py",
    "generated/test_generated.py",
    "guard/test_name_services.py",
    "adopt/test_suggest.py",
    "guard/test_module.py",
    "docs/test_module_examples.py",
    "adopt/test_playbooks.py",
    "lab/test_lab.py",
    "faults/test_killed.py",
)
"""By the seconds that they took on two cores, waiting included: 600 to 150."""


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Put the longest files first; the others stay in the order of their folders."""
    places = {f"tests/integration/{name}": place for place, name in enumerate(LONGEST)}
    items.sort(key=lambda item: places.get(item.nodeid.partition("::")[0], len(places)))
