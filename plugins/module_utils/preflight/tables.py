# Copyright: (c) 2026, the tidegate developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The tables of others, read one by one with nft: one that cannot be read must not hide the rest.

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
from ansible_collections.tidegate.nftables.plugins.module_utils.table_names import TABLE

FAMILIES = ("ip", "ip6", "inet")
"""Families whose hooks see what a host sends; those of arp, bridge and netdev refuse no destination."""


@dataclass(frozen=True)
class Foreign:
    """A table of somebody else. objects: what nft lists of it as JSON; dormant: it does nothing; unread: why not."""

    family: str
    name: str
    objects: tuple[dict[str, Any], ...] = ()
    dormant: bool = False
    unread: str = ""

    @property
    def extended(self) -> bool:
        """Whether something in it is an extension of iptables, which nft shows only in part."""
        return has_extension(self.objects)


def has_extension(value: Any) -> bool:
    """Whether something in a listing is an extension of iptables."""
    if isinstance(value, dict):
        return "xt" in value or any(has_extension(inner) for inner in value.values())
    return isinstance(value, (list, tuple)) and any(has_extension(inner) for inner in value)


def foreign(*, elements: bool, nft: Nft | None = None) -> tuple[Foreign, ...]:
    """Return every table but ours. elements: also those of sets. Raise EngineError without nft or the right to ask."""
    names = [
        name for name in nf_tables.tables() if name != TABLE and name[0] in FAMILIES and not name[1].startswith(PREFIX)
    ]
    nft = (nft or Nft()) if names else None
    return tuple(_read(nft, family, name, elements=elements) for family, name in names if nft is not None)


def _read(nft: Nft, family: str, name: str, *, elements: bool) -> Foreign:
    words = ("list", "table", family, name)
    try:
        listed = nft.run("-j", *([] if elements else ["-t"]), *words)
        if listed.code == 0:
            objects = tuple(json.loads(listed.out)["nftables"])
            # Which flags those are, nft says in text only: up to 1.0.6 its JSON has what happens to be in memory.
            flagged = any("flags" in item.get("table", {}) for item in objects)
            dormant = flagged and _as_text(nft.run, family, name, "").dormant
            return Foreign(family, name, () if dormant else objects, dormant)
        why = listed.err.strip().split("\n")[0]
    except EngineError as error:
        return Foreign(family, name, unread=error.message)
    except (ValueError, KeyError, TypeError):
        why = "nft's JSON of it is not valid"
    return _as_text(nft.run, family, name, why)


def _as_text(run: Callable[..., Any], family: str, name: str, why: str) -> Foreign:
    """Whether a table that JSON does not show is dormant; its text says so on its second line."""
    try:
        text = run("-t", "list", "table", family, name)
    except EngineError as error:
        return Foreign(family, name, unread=error.message)
    head = [line.strip() for line in text.out.split("\n")[1:3]]
    dormant = any(line.startswith("flags ") and "dormant" in line for line in head)
    return Foreign(family, name, dormant=dormant, unread="" if dormant else why)
