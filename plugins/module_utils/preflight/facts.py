# Copyright: (c) 2026, the tidegate developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Gather everything that findings are made of, as plain values."""

from __future__ import annotations

import fnmatch
import socket
from dataclasses import asdict
from typing import Any

from ansible_collections.tidegate.nftables.plugins.module_utils import connection_tracking
from ansible_collections.tidegate.nftables.plugins.module_utils.bridges import BRIDGES
from ansible_collections.tidegate.nftables.plugins.module_utils.nft.errors import EngineError

from . import foreign_tables, forwarding, iptables, loaders
from .effects import effect
from .foreign_tables import ForeignTable
from .host_files import HostFiles


def gather(host: HostFiles) -> dict[str, Any]:
    """Return the facts of a host.

    tables: foreign tables with their effect. iptables: rules that nft does not show, or only in part. loaders:
    programs that load rules. nft: whether it is installed. conntrack: see connection_tracking.usage. bridges:
    interfaces of containers, by their names. forwarding: see forwarding.interfaces. crash: what ends nft on every
    listing, "" for nothing. unread: what could not be read, and why.
    """
    unread: list[str] = []
    installed, crash, tables = _foreign_tables(unread)
    # In nft's tables, an extension of iptables lacks its parameters, CT --notrack among them.
    families = sorted({table.family for table in tables if table.has_extension})
    old_rules = [*iptables.legacy_rules(host), *map(iptables.nft_rules, families)]
    unread += [f"iptables ({rules.backend}, {rules.family}): {rules.unread}" for rules in old_rules if rules.unread]
    return {
        "tables": [
            {"family": table.family, "name": table.name, "dormant": table.dormant, **asdict(effect(table))}
            for table in tables
        ],
        "iptables": [
            {
                "family": rules.family,
                "backend": rules.backend,
                "rejects": iptables.rejects(rules),
                "notrack": list(iptables.notrack(rules)),
            }
            for rules in old_rules
        ],
        "loaders": [asdict(loader) for loader in loaders.loaders(host)],
        "nft": installed,
        "conntrack": connection_tracking.usage(host.root),
        "bridges": bridges(),
        "forwarding": forwarding.interfaces(),
        "crash": crash,
        "unread": unread,
    }


def _foreign_tables(unread: list[str]) -> tuple[bool, str, tuple[ForeignTable, ...]]:
    """Return whether there is nft, what ends it, and the foreign tables where nothing does.

    Add to unread those that cannot be read.
    """
    try:
        crash = foreign_tables.crash()
        tables = () if crash else foreign_tables.read_all(elements=False)
    except EngineError as error:
        installed = error.reason != "nft_missing"
        if installed:
            unread.append(f"tables of nft: {error.message}")
        return installed, "", ()
    unread += [f"table {table.family} {table.name}: {table.unread}" for table in tables if table.unread]
    return True, crash, tables


def bridges() -> list[str]:
    """Return the interfaces that containers are behind."""
    try:
        names = sorted(name for _index, name in socket.if_nameindex())
    except OSError:
        return []
    return [name for name in names if any(fnmatch.fnmatchcase(name, pattern) for pattern in BRIDGES)]
