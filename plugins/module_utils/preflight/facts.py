# Copyright: (c) 2026, the tidegate developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Everything that findings are made of, as plain values."""

from __future__ import annotations

import fnmatch
import socket
from dataclasses import asdict
from typing import Any

from ansible_collections.tidegate.nftables.plugins.module_utils.nft.errors import EngineError

from . import loaders, tables, xtables
from .effects import effect
from .host import Host

BRIDGES = ("docker0", "br-*", "podman*", "cni*", "cbr0", "lxcbr*", "lxdbr*", "virbr*", "flannel*", "cali*")
"""Interfaces that engines of containers make (Docker, Podman, CNI, LXC, LXD, Kubernetes' networks)."""

_CONNTRACK = "/proc/sys/net/netfilter/nf_conntrack_"


def gather(host: Host) -> dict[str, Any]:
    """Return what is there.

    tables: foreign tables with their effect. iptables: rules that nft does not show, or only in part. loaders.
    conntrack: count and max, None where the kernel does not say. bridges: interfaces that containers are behind.
    unread: what could not be looked at.
    """
    unread: list[str] = []
    found: list[dict[str, Any]] = []
    families: set[str] = set()
    try:
        for table in tables.foreign(elements=False):
            found.append(
                {"family": table.family, "name": table.name, "dormant": table.dormant, **asdict(effect(table))}
            )
            if table.unread:
                unread.append(f"table {table.family} {table.name}: {table.unread}")
            if table.extended:
                families.add(table.family)
    except EngineError as error:
        if error.reason != "nft_missing":
            unread.append(f"tables of nft: {error.message}")
    # Extensions of iptables are in nft's tables without what they are about, CT --notrack among them.
    old = [*xtables.legacy(host), *(xtables.translated(family) for family in sorted(families))]
    unread += [f"iptables ({saved.backend}, {saved.family}): {saved.unread}" for saved in old if saved.unread]
    return {
        "tables": found,
        "iptables": [
            {
                "family": saved.family,
                "backend": saved.backend,
                "refuses": xtables.refuses(saved),
                "notrack": list(xtables.notrack(saved)),
            }
            for saved in old
        ],
        "loaders": [asdict(loader) for loader in loaders.loaders(host)],
        "conntrack": {"count": _number(host, "count"), "max": _number(host, "max")},
        "bridges": bridges(),
        "unread": unread,
    }


def bridges() -> list[str]:
    """Return the interfaces that containers are behind."""
    try:
        names = sorted(name for _index, name in socket.if_nameindex())
    except OSError:
        return []
    return [name for name in names if any(fnmatch.fnmatchcase(name, pattern) for pattern in BRIDGES)]


def _number(host: Host, name: str) -> int | None:
    text = host.text(_CONNTRACK + name).strip()
    return int(text) if text.isdigit() else None
