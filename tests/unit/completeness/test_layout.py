# Copyright: (c) 2026, the tidegate developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The test of a file is found without searching: plugins/a/b.py has its test in tests/unit/plugins/a/test_b.py.

So have the files of playbooks/lab and tests/tools, and pages: docs/a.md has tests/unit/docs/test_a.py.
"""

from __future__ import annotations

from pathlib import Path

import pytest

from ansible_collections.tidegate.nftables.tests.integration.conftest import LONGEST
from ansible_collections.tidegate.nftables.tests.support.paths import CHECKOUT

UNIT = CHECKOUT / "tests" / "unit"
CROSS_CUTTING = {
    "completeness": "whole lists: modules, playbooks, variables, reasons, files",
    "plugins/module_utils/guard/test_rooms.py": "which room of the guard imports which",
    "plugins/module_utils/nft/test_listing_fuzz.py": "damaged listings, from the parser to the plan",
    "plugins/module_utils/test_python38.py": "every file that runs on hosts, with the oldest Python",
    "plugins/plugin_utils/action/test_hostile_host.py": "every action against what a hostile host answers",
    "plugins/plugin_utils/test_growth.py": "how long everything takes for four times as much",
    "plugins/plugin_utils/flows/test_fuzz.py": "any bytes as any kind of log",
    "plugins/plugin_utils/flows/test_hostile.py": "names and contents of logs against SQL and other files",
    "plugins/plugin_utils/flows/test_logs.py": "logs of several programs about the same connections",
    "plugins/plugin_utils/feeds/test_published.py": "lists that are the published networks of bundles",
    "plugins/plugin_utils/policy/test_ceiling_regions.py": "ceilings against the algebra of all flows",
    "plugins/plugin_utils/policy/test_fixes.py": "fixes that messages of several files name",
    "plugins/plugin_utils/policy/test_fuzz.py": "random variables, through the whole policy",
    "plugins/plugin_utils/policy/test_names.py": "domain names as destinations, through the whole policy",
    "plugins/plugin_utils/policy/test_rooms.py": "which room of the policy imports which",
    "plugins/plugin_utils/targets/test_every_target.py": "every target against its evaluator",
    "plugins/plugin_utils/plan/test_every_variable.py": "every row of the table of variables",
    "plugins/plugin_utils/targets/test_golden.py": "every golden file",
    "plugins/plugin_utils/targets/test_property.py": "random policies, from the variables to the rules",
}
"""Tests of more than one file, and what they are about. Keep it short: most tests belong beside a file."""

TESTS = sorted(UNIT.rglob("test_*.py"))


def neighbours(test: Path) -> list[Path]:
    """Return the files one of which a test must be about."""
    folder, name = test.relative_to(UNIT).parent, test.stem.removeprefix("test_")
    source = (CHECKOUT / "tests" if folder.parts[0] == "tools" else CHECKOUT) / folder
    return [source / f"{name}.py", source / name / "__init__.py", source / f"{name}.md"]


def is_cross_cutting(test: Path) -> bool:
    path = test.relative_to(UNIT)
    return bool({path.as_posix(), path.parts[0]} & CROSS_CUTTING.keys())


@pytest.mark.parametrize("test", TESTS, ids=lambda test: test.relative_to(UNIT).as_posix())
def test_a_test_has_a_neighbour_or_is_listed(test: Path) -> None:
    has_neighbour = any(path.exists() for path in neighbours(test))
    assert has_neighbour != is_cross_cutting(test)


@pytest.mark.parametrize("name", CROSS_CUTTING)
def test_the_list_names_what_is_there(name: str) -> None:
    assert (UNIT / name).exists()


@pytest.mark.parametrize("name", LONGEST)
def test_a_file_that_begins_first_is_there(name: str) -> None:
    assert (CHECKOUT / "tests" / "integration" / name).exists()
