# Copyright: (c) 2026, the tidegate developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The golden cases: a policy in a folder's policy.yml, and beside it the table that it compiles to."""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any

import yaml

from ansible_collections.tidegate.nftables.plugins.plugin_utils import feeds, policy
from ansible_collections.tidegate.nftables.plugins.plugin_utils.policy.sets import addresses
from ansible_collections.tidegate.nftables.plugins.plugin_utils.targets.nftables.table import compile_table
from ansible_collections.tidegate.nftables.tests.golden.render import render
from ansible_collections.tidegate.nftables.tests.oracle.reader import Reader, Site

ROOT = Path(__file__).parent
TODAY = dt.date(2026, 11, 20)


@dataclass(frozen=True)
class FixedInventory:
    """An inventory of a few lines. Patterns are group and host names joined by `:`, with & and ! as in Ansible."""

    host: str = "app1"
    groups: Mapping[str, Sequence[str]] = field(default_factory=dict)
    known: Mapping[str, Sequence[str]] = field(default_factory=dict)
    lists: Mapping[str, feeds.PrefixListResult] = field(default_factory=dict)
    tiers: Mapping[str, Sequence[str]] = field(default_factory=dict)

    def hosts(self, pattern: str) -> list[str]:
        matching: set[str] = set()
        for part in pattern.split(":"):
            name = part.lstrip("&!")
            members = set(self.groups.get(name, [name] if name in self.known else []))
            if part.startswith("&"):
                matching &= members
            elif part.startswith("!"):
                matching -= members
            else:
                matching |= members
        return sorted(matching)

    def addresses(self, host: str) -> list[str]:
        return list(self.known.get(host, ()))

    def prefix_list(self, name: str) -> feeds.PrefixListResult:
        return self.lists[name]


@dataclass(frozen=True)
class Case:
    """One folder with a policy and its golden table."""

    folder: Path

    def __str__(self) -> str:
        return self.folder.name

    @property
    def golden(self) -> Path:
        return self.folder / "table.nft"

    @cached_property
    def written(self) -> Mapping[str, Any]:
        """The case as it is written."""
        written: Mapping[str, Any] = yaml.safe_load((self.folder / "policy.yml").read_text(encoding="utf-8"))
        return written

    def reader(self) -> Reader:
        """Return who decides about the policy by its page alone."""
        written, lists = self.written, self.written.get("lists", {})
        site = Site(
            written.get("host", "app1"),
            written.get("hosts", {}),
            written.get("groups", {}),
            lists={name: row.get("addresses", ()) for name, row in lists.items()},
            fetched=frozenset(name for name, row in lists.items() if row.get("fetched")),
            filled=frozenset(name for name, row in lists.items() if row.get("external")),
        )
        return Reader(written["variables"], site, written.get("today", TODAY))

    def resolved(self) -> policy.ResolvedPolicy:
        """Return the policy of the case."""
        written = self.written
        lists = {name: _prefix_list(name, row) for name, row in written.get("lists", {}).items()}
        inventory = FixedInventory(
            written.get("host", "app1"), written.get("groups", {}), written.get("hosts", {}), lists
        )
        return policy.build(written["variables"], inventory, today=written.get("today", TODAY))

    def spec(self) -> dict[str, Any]:
        """Return the table spec that the policy compiles to."""
        return compile_table(self.resolved())

    def text(self) -> str:
        """Return the table as an nft file with user names."""
        return render(self.spec())


def _prefix_list(name: str, row: Mapping[str, Any]) -> feeds.PrefixListResult:
    """Return a list as the feeds return it: addresses, and whether they are fetched, external or shared."""
    moment = dt.datetime(2026, 11, 20, tzinfo=dt.UTC) if row.get("fetched") else None
    networks = addresses.union(addresses.parse(text) for text in row.get("addresses", ()))
    return feeds.PrefixListResult(
        name, networks, external=row.get("external", False), shared=row.get("shared", False), fetched_at=moment
    )


def readable(several: Sequence[Case], binary: Path) -> list[Case]:
    """Return the cases whose table an nft loads and lists: 0.9.8 knows no matches of units."""
    return [case for case in several if "0.9.8" not in binary.parts or not case.resolved().units()]


def cases() -> list[Case]:
    """Return every folder with a policy."""
    return [Case(path.parent) for path in sorted(ROOT.glob("*/policy.yml"))]
