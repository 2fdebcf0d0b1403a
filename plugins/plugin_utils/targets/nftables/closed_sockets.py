# Copyright: (c) 2026, the tidegate developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Packets that the kernel sends after a program closed its socket: what was written before, and the end of it.

They have no owner, so no entry with users or units matches them. Where every packet is compared with the policy, a
connection that such an entry accepted has a bit of its conntrack mark set, and by that these packets pass to what such
entries open at the time. Nobody can begin a connection so: its first packet has an owner.
"""

from __future__ import annotations

from collections.abc import Sequence

from ansible_collections.tidegate.nftables.plugins.module_utils import table_names
from ansible_collections.tidegate.nftables.plugins.plugin_utils.policy.resolved import ResolvedPolicy

from .matches import Spec

_MARK = f"0x{table_names.CONNECTION_MARK:08x}"
# A match on the owner of what has none ends the rule, whatever it is compared with, so this is every owner.
_HAS_SOCKET = "meta skuid 0-4294967294"
_ACCEPTED_BEFORE = f"ct state established ct mark & {_MARK} != 0x00000000"


def marking(resolved: ResolvedPolicy) -> str:
    """Return the statement for rules that accept by socket, with a space behind it; other bits of the mark stay."""
    return f"ct mark set ct mark | {_MARK} " if resolved.enforcement.recheck else ""


def chains(conditions: Sequence[tuple[str, str]]) -> list[Spec]:
    """Return CLOSED_SOCKETS_CHAIN. conditions: (match, name) of the entries for some sockets only."""
    rules = [f'{match} counter accept comment "{name}"' for match, name in conditions]
    return [{"name": table_names.CLOSED_SOCKETS_CHAIN, "rules": [f"{_HAS_SOCKET} return", *rules]}] if rules else []


def jumps(compiled: Sequence[Spec]) -> list[str]:
    """Return the rule that leads to the chain where there is one."""
    return [f"{_ACCEPTED_BEFORE} jump {spec['name']}" for spec in compiled]


def beside_excepted(resolved: ResolvedPolicy) -> list[str]:
    """Return the rules for a chain that lets excepted sockets return: their packets without a socket do so, too."""
    if not resolved.enforcement.recheck:
        return []
    return [f"{_HAS_SOCKET} goto {table_names.DENIED_CHAIN}", f"{_ACCEPTED_BEFORE} counter return"]
