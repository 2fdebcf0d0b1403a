# Copyright: (c) 2026, the tidegate developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Why the kernel refuses a rule in its chain, which it only calls "not supported"."""

from __future__ import annotations

import re
from typing import Iterator, Sequence

from ansible_collections.tidegate.nftables.plugins.module_utils.nft.desired import tokens
from ansible_collections.tidegate.nftables.plugins.module_utils.nft.live.model import NftTable

_PLACES = {
    "masquerade": ("nat", ("postrouting",)),
    "snat": ("nat", ("postrouting", "input")),
    "dnat": ("nat", ("prerouting", "output")),
    "redirect": ("nat", ("prerouting", "output")),
    "tproxy": ("filter", ("prerouting",)),
    "synproxy": ("filter", ("input", "forward")),
}
"""By statement, the type and the hooks of the base chains that it works in (nft(8))."""

_STATEMENT = re.compile(rf"(?:^|(?<! status)(?<! or)(?<! ==)(?<!=) )({'|'.join(_PLACES)})\b")
_TARGET = re.compile(r"\b(?:jump|goto) ([^\s,;}]+)")
_RULE = re.compile(r"(?:add|insert) rule (\S+) (\S+) (\S+) (.*)", re.DOTALL)


def reason(command: str, tables: Sequence[NftTable]) -> str:
    """Return why a command that adds a rule was rejected, "" when that is unknown. tables: the desired ones."""
    match = _RULE.match(command)
    table = next((table for table in tables if match and (table.family, table.name) == match.group(1, 2)), None)
    if match is None or table is None:
        return ""
    chain = table.chain(match.group(3))
    for target in _TARGET.findall(tokens.unquoted(match.group(4))):
        called = table.chain(target)
        if called is not None and called.hook is not None:
            return (
                f"{target} is a base chain, which only its hook calls. Fix: move its rules to a regular chain, and "
                "jump to that from both."
            )
    for statement, name in _statements(match.group(4), match.group(3), table, set()):
        kind, hooks = _PLACES[statement]
        if chain is not None and chain.hook is not None and (chain.hook.type, chain.hook.hook in hooks) != (kind, True):
            via = f" of chain {name}" if name != chain.name else ""
            return (
                f"The kernel allows {statement}{via} only in base chains of type {kind} with the hook "
                f"{' or '.join(hooks)}; {chain.name} has type {chain.hook.type} and hook {chain.hook.hook}. "
                "Fix: move the rule to such a chain."
            )
    return ""


def _statements(text: str, chain: str, table: NftTable, seen: set[str]) -> Iterator[tuple[str, str]]:
    """Yield (statement, chain) of what a rule does, in its own chain and where it jumps to."""
    blank = tokens.unquoted(text)
    yield from ((statement, chain) for statement in _STATEMENT.findall(blank))
    for target in _TARGET.findall(blank):
        called = table.chain(target)
        if called is not None and target not in seen:
            seen.add(target)
            for rule in called.rules:
                yield from _statements(rule.canon, target, table, seen)
