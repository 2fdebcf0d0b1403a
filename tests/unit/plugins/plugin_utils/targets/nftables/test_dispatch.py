# Copyright: (c) 2026, the tidegate developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The tree of networks, where its size is what matters; what it lets through is in test_property.py."""

from __future__ import annotations

import re
from typing import Any

from ansible_collections.tidegate.nftables.plugins.plugin_utils.targets.nftables.table import compile_table
from ansible_collections.tidegate.nftables.tests.unit.plugins.plugin_utils.policy.support import build, entry

KERNEL_LIMIT = 16
"""NFT_JUMP_STACK_SIZE of Linux: chains above each other, from a hook to the last jump or goto."""


def depth(spec: dict[str, Any], name: str) -> int:
    """Return how many chains are above each other below a chain, itself included."""
    (chain,) = (chain for chain in spec["chains"] if chain["name"] == name)
    rules = (rule["rule"] if isinstance(rule, dict) else rule for rule in chain["rules"])
    below = {target for rule in rules for target in re.findall(r"\b(?:jump|goto) (\S+)", rule)}
    return 1 + max((depth(spec, target) for target in below), default=0)


def test_networks_within_each_other_need_no_more_chains_than_the_kernel_takes() -> None:
    nested = [entry(name=f"n{length}", to=[f"2001:db8::/{length}"]) for length in range(64, 129, 4)]
    spec = compile_table(build(egress_tier="build", egress_allow_app=nested), in_a_row=0)
    assert 8 < depth(spec, "egress_output") <= KERNEL_LIMIT
