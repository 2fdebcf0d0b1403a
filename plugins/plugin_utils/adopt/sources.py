# Copyright: (c) 2026, the tidegate developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a host said about its rules (module_utils/preflight/rules.py) as tables of the model, and which of it counts."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from . import read_iptables, read_nft
from .model import Table

Said = Mapping[str, Any]


@dataclass(frozen=True)
class Source:
    """The tables that a draft is made of. live: whether the kernel holds them; where: their names or files."""

    tables: tuple[Table, ...]
    live: bool
    where: tuple[str, ...]


def source(rules: Said) -> Source:
    """Return what the kernel holds about output, else what files would load."""
    for live, said in ((True, rules["live"]), (False, rules["stored"])):
        tables = [table for one in said for table in _tables(one)]
        filtering = [table for table in tables if _decides(table)]
        if filtering:
            return Source(tuple(filtering), live, tuple(table.where for table in filtering))
    return Source((), live=True, where=())


def _tables(said: Said) -> Sequence[Table]:
    if said["kind"] == "nft":
        return [read_nft.read(said["where"], said["family"], said["objects"])]
    if said["kind"] == "ufw":
        return read_iptables.ufw(said["where"], said["family"], said["text"], said["policy"])
    if said["kind"] == "direct":
        return read_iptables.direct(said["where"], said["text"])
    return read_iptables.read(said["where"], said["family"], said["text"], tuple(said["tables"]))


def _decides(table: Table) -> bool:
    """Whether a table says anything about output: a chain with rules, a policy, or something that cannot be read."""
    return bool(table.unread) or any(base.policy != "accept" or table.chains.get(base.chain) for base in table.bases)
