# Copyright: (c) 2026, the tidegate developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Which hooks of nf_tables what leaves the host goes through, and what is known about chains at the others."""

from __future__ import annotations

from collections.abc import Iterator

from ansible_collections.tidegate.nftables.plugins.module_utils.table_names import (
    FORWARD_CHAIN,
    INBOUND_CHAIN,
    OUTPUT_CHAIN,
    SOURCES_CHAIN,
)
from ansible_collections.tidegate.nftables.plugins.plugin_utils.nft_json.algebra import FAMILIES
from ansible_collections.tidegate.nftables.plugins.plugin_utils.nft_json.model import Table
from ansible_collections.tidegate.nftables.plugins.plugin_utils.policy import ResolvedPolicy

OUTPUT = ("output", "postrouting")
"""The way of what the host itself sends."""
FORWARDED = ("prerouting", "forward", "postrouting")
"""The way of what the host forwards."""
_COMES_IN = ("input",)
"""What is delivered on the host; it does not leave it."""


def unknown_hooks(table: Table) -> list[str]:
    """Return the hooks of another table's chains about which nothing is known here."""
    hooks = {chain.hook for chain in table.chains.values() if chain.hook and not table.dormant}
    walked = {*OUTPUT, *FORWARDED} if table.family in FAMILIES else set()
    return sorted(hooks - walked - {*_COMES_IN})


def unexpected_chains(table: Table, policy: ResolvedPolicy) -> Iterator[str]:
    """Yield each chain at a hook of our own table that the policy does not have there, as `NAME at the hook HOOK`."""
    expected = {OUTPUT_CHAIN: "output"}
    if policy.containers is not None:
        expected |= {FORWARD_CHAIN: "forward", SOURCES_CHAIN: "prerouting"}
    if policy.inbound is not None:
        expected[INBOUND_CHAIN] = "input"
    for chain in table.chains.values():
        # What another chain at output or forward does is calculated with the rest of the hook.
        if chain.hook and chain.hook not in ("output", "forward") and expected.get(chain.name) != chain.hook:
            yield f"{chain.name} at the hook {chain.hook}"
