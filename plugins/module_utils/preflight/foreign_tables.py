# Copyright: (c) 2026, the tidegate developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Read the tables of other programs with nft, one by one: one that cannot be read must not hide the rest.

A dormant or owned table makes `nft -j list ruleset` invalid JSON up to 1.0.6, and some tables end 0.9.8 by a signal.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Any, Callable

from ansible_collections.tidegate.nftables.plugins.module_utils.nft import nf_tables
from ansible_collections.tidegate.nftables.plugins.module_utils.nft.canonical.scratch import PREFIX
from ansible_collections.tidegate.nftables.plugins.module_utils.nft.command import Nft
from ansible_collections.tidegate.nftables.plugins.module_utils.nft.errors import EngineError
from ansible_collections.tidegate.nftables.plugins.module_utils.nft.live import typed_tables
from ansible_collections.tidegate.nftables.plugins.module_utils.table_names import TABLE

FAMILIES = ("ip", "ip6", "inet")
"""Families whose hooks see what a host sends; those of arp, bridge and netdev reject no destination."""

_WRITERS = {
    "crowdsec": "CrowdSec",
    "docker": "Docker",
    "f2b-": "fail2ban",
    "firewalld": "firewalld",
    "kube-": "Kubernetes",
    "libvirt": "libvirt",
    "netavark": "Podman",
    "sshguard": "sshguard",
}
"""How the tables of some programs begin."""


@dataclass(frozen=True)
class ForeignTable:
    """A table of another program. objects: its nft JSON; dormant: it does nothing; unread: why there are no objects."""

    family: str
    name: str
    objects: tuple[dict[str, Any], ...] = ()
    dormant: bool = False
    unread: str = ""

    @property
    def has_extension(self) -> bool:
        """Whether it has an extension of iptables, which nft shows only in part."""
        return _has_extension(self.objects)


def _has_extension(value: Any) -> bool:
    if isinstance(value, dict):
        return "xt" in value or any(_has_extension(inner) for inner in value.values())
    return isinstance(value, (list, tuple)) and any(_has_extension(inner) for inner in value)


def read_all(*, elements: bool) -> tuple[ForeignTable, ...]:
    """Return every table of the families but ours. elements: whether to read those of sets.

    Raises EngineError when nft is missing or the right to ask.
    """
    names = [
        name for name in nf_tables.tables() if name != TABLE and name[0] in FAMILIES and not name[1].startswith(PREFIX)
    ]
    if not names:
        return ()
    nft = Nft()
    return tuple(_read(nft, family, name, elements=elements) for family, name in names)


def crash() -> str:
    """Return what ends this nft on every listing and who wrote it, as far as that is known; "" for nothing.

    Raises EngineError when nft is missing or the right to ask.
    """
    nft = Nft()
    try:
        nft.run("list", "tables")
    except EngineError as error:
        if error.reason != "nft_crashed":
            raise
    else:
        return ""
    newer = [f"table {family} {name}{_writer(name)}" for family, name in typed_tables.names(nft.version())]
    cause = f": a newer nft wrote {', '.join(newer)}" if newer else ", for another program's table"
    return f"nft {nft.version()} crashes on every listing{cause}"


def _writer(table: str) -> str:
    """Return the program that names its tables so, in brackets, "" where none is known."""
    return next((f" ({program})" for start, program in _WRITERS.items() if table.startswith(start)), "")


def _read(nft: Nft, family: str, name: str, *, elements: bool) -> ForeignTable:
    try:
        listing = nft.run("-j", *([] if elements else ["-t"]), "list", "table", family, name)
        if listing.code == 0:
            objects = tuple(json.loads(listing.out)["nftables"])
            # Up to nft 1.0.6, flags in JSON are what happens to be in memory: only the text is right.
            has_flags = any("flags" in item.get("table", {}) for item in objects)
            dormant = has_flags and _read_text(nft.run, family, name, "").dormant
            return ForeignTable(family, name, () if dormant else objects, dormant)
        reason = listing.err.strip().split("\n")[0]
    except EngineError as error:
        return ForeignTable(family, name, unread=error.message)
    except (ValueError, KeyError, TypeError):
        reason = "nft's JSON of it is not valid"
    return _read_text(nft.run, family, name, reason)


def _read_text(run: Callable[..., Any], family: str, name: str, unread: str) -> ForeignTable:
    """Return whether a table is dormant, which its text says on the second line; if not, unread is why it is unread."""
    try:
        text = run("-t", "list", "table", family, name)
    except EngineError as error:
        return ForeignTable(family, name, unread=error.message)
    head = [line.strip() for line in text.out.split("\n")[1:3]]
    dormant = any(line.startswith("flags ") and "dormant" in line for line in head)
    return ForeignTable(family, name, dormant=dormant, unread="" if dormant else unread)
