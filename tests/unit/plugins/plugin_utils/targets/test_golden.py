# Copyright: (c) 2026, the tidegate developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What policies compile to, as a person would read it."""

from __future__ import annotations

import pytest

from ansible_collections.tidegate.nftables.tests.golden.cases import Case, cases


@pytest.mark.parametrize("case", cases(), ids=str)
def test_table_is_the_golden_one(case: Case, request: pytest.FixtureRequest) -> None:
    if request.config.getoption("--regenerate", default=False):
        case.golden.write_text(case.text(), encoding="utf-8")
    assert case.text() == case.golden.read_text(encoding="utf-8")


@pytest.mark.parametrize("case", cases(), ids=str)
def test_same_policy_gives_the_same_bytes(case: Case) -> None:
    assert repr(case.spec()) == repr(case.spec())


def test_there_are_cases() -> None:
    assert len(cases()) >= 15
