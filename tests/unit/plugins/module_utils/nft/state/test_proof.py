# Copyright: (c) 2026, the tidegate developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What the generation of the ruleset can prove unchanged."""

from __future__ import annotations

import pytest

from ansible_collections.tidegate.nftables.plugins.module_utils.nft.desired.spec import (
    ChainSpec,
    ElementSpec,
    RuleSpec,
    SetSpec,
    TableSpec,
)
from ansible_collections.tidegate.nftables.plugins.module_utils.nft.state import proof


def _table(*rules: RuleSpec) -> TableSpec:
    return TableSpec("inet", "t", chains=(ChainSpec("c", rules=rules),))


@pytest.mark.parametrize(
    ("spec", "provable"),
    [
        (_table(RuleSpec("accept")), True),
        (_table(RuleSpec('iifname "lo" accept')), True),
        (_table(RuleSpec("iif lo accept")), False),
        (_table(RuleSpec("socket cgroupv2 level 1 user.slice accept")), False),
        (_table(RuleSpec("socket cgroupv2 level 2 @units_a.service accept")), True),
        (_table(RuleSpec("add @denied_unit4 { ip daddr . meta skuid . socket cgroupv2 level 3 }")), True),
        (_table(RuleSpec('ip daddr . socket cgroupv2 level 2 { 192.0.2.1 . "user.slice" } accept')), False),
        (TableSpec("inet", "t", sets=(SetSpec("set", "s", ("type mark", "timeout 1d")),)), True),
        (
            TableSpec(
                "inet", "t", sets=(SetSpec("set", "s", ("type mark", "timeout 1d"), elements=(ElementSpec("1"),)),)
            ),
            False,
        ),
        (
            TableSpec(
                "inet", "t", sets=(SetSpec("set", "s", ("type mark",), elements=(ElementSpec("1 timeout 5s"),)),)
            ),
            False,
        ),
        (TableSpec("inet", "t", sets=(SetSpec("set", "s", ("type mark",), elements=(ElementSpec("1"),)),)), True),
    ],
)
def test_what_a_generation_can_prove(spec: TableSpec, provable: bool) -> None:
    assert proof.provable([spec]) == provable
