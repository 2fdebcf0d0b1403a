# Copyright: (c) 2026, the tidegate developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Chains that decide nothing: whatever enters them comes back or is accepted, as from the ledgers."""

from __future__ import annotations

from ansible_collections.tidegate.nftables.plugins.plugin_utils.nft_json.model import (
    MARKING,
    Match,
    OtherStatement,
    Statement,
    Table,
    Verdict,
)

HARMLESS = ("counter", "log", "last", MARKING)
"""Statements that let every packet go on."""
MAY_END = ("limit", "quota", "set", "map", "meter", "ct count")
"""Statements that may end their rule for some packets."""
SOURCE_NAT = ("masquerade", "snat")
"""Statements that change where a packet comes from, and let it go where it goes."""
DEEPEST = 32
"""Chains that may call each other."""


def is_inert(table: Table, name: str, depth: int = 0) -> bool:
    """Return whether everything that enters a chain comes back, whatever its matches say."""
    chain = table.chains.get(name)
    if chain is None or depth > DEEPEST:
        return False
    return all(_goes_on(table, statement, depth) for rule in chain.rules for statement in rule.statements)


def accepts_all(table: Table, name: str) -> bool:
    """Return whether everything that enters a chain is accepted, whatever its matches say."""
    chain = table.chains.get(name)
    if chain is None or not chain.rules:
        return False
    *_others, last = chain.rules
    named = [statement for statement in last.statements if not _is_harmless(statement)]
    return named == [Verdict("accept")] and all(
        _goes_on(table, statement, DEEPEST) or statement == Verdict("accept")
        for rule in chain.rules
        for statement in rule.statements
    )


def _is_harmless(statement: Statement) -> bool:
    return isinstance(statement, OtherStatement) and statement.name in HARMLESS


def _goes_on(table: Table, statement: Statement, depth: int) -> bool:
    if isinstance(statement, Verdict):
        leads_on = statement.kind in ("jump", "goto")
        return statement.kind == "return" or (leads_on and is_inert(table, statement.target, depth + 1))
    return isinstance(statement, Match) or (
        isinstance(statement, OtherStatement) and statement.name in (*HARMLESS, *MAY_END)
    )
