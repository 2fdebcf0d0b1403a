# Copyright: (c) 2026, the tidegate developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What policies compile to, as a person would read it."""

from __future__ import annotations

import pytest

from ansible_collections.tidegate.nftables.tests.golden.cases import Case, cases
from ansible_collections.tidegate.nftables.tests.support.golden import Golden


@pytest.mark.parametrize("case", cases(), ids=str)
def test_table_is_the_golden_one(case: Case, golden: Golden) -> None:
    golden.check(case.golden, case.text())


@pytest.mark.parametrize("case", cases(), ids=str)
def test_same_policy_gives_the_same_bytes(case: Case) -> None:
    assert repr(case.spec()) == repr(case.spec())


def test_there_are_cases() -> None:
    assert len(cases()) >= 15
