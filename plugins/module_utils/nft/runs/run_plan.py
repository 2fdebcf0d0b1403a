# Copyright: (c) 2026, the tidegate developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The plan of a run: its tables, its changes, its commands."""

from __future__ import annotations

from dataclasses import dataclass

from ansible_collections.tidegate.nftables.plugins.module_utils.netlink import sets as netlink
from ansible_collections.tidegate.nftables.plugins.module_utils.nft.changes.transaction import (
    ChangeRecord,
    Command,
    TablePlan,
)
from ansible_collections.tidegate.nftables.plugins.module_utils.nft.desired.spec import TableSpec
from ansible_collections.tidegate.nftables.plugins.module_utils.nft.live.model import NftTable
from ansible_collections.tidegate.nftables.plugins.module_utils.nft.netlink_path import direct, file_sets


@dataclass(frozen=True)
class PlannedTable:
    """A table of a run; None: there is none.

    spec: without the files that go by netlink. canon: the spec in nft's words. plan: leads from live to desired.
    """

    spec: TableSpec
    live: NftTable | None
    canon: NftTable | None
    desired: NftTable | None
    plan: TablePlan


@dataclass(frozen=True)
class RunPlan:
    """The changes of a run.

    deltas: changes of sets whose elements go by netlink. start: generation before the run. generation: the one that the
    tables were read at, None when another process wrote meanwhile.
    """

    tables: tuple[PlannedTable, ...]
    deltas: tuple[file_sets.SetDelta, ...]
    changes: tuple[ChangeRecord, ...]
    start: int | None
    generation: int | None
    commands: tuple[Command, ...] = ()

    def by_netlink(self) -> list[netlink.SetChange] | None:
        """Return the changes for netlink, None when nft has to make some of them."""
        netlink_changes = [delta.change() for delta in self.deltas if delta]
        created = {delta.info.name for delta in self.deltas if delta.recipe}
        for table in self.tables:
            plan = table.plan
            if plan.elements and table.live is not None:
                more = direct.changes(table.live, plan.elements)
                if more is None:
                    return None
                netlink_changes += more
            elif plan.commands and (
                table.live is None or len(plan.commands) != len(plan.made) or not created.issuperset(plan.made)
            ):
                return None
        return netlink_changes

    @property
    def carried(self) -> tuple[str, ...]:
        """Return the names of sets and chains that are created anew with what other processes put into them."""
        recreated = {
            dict(change.place)["name"]
            for change in self.changes
            if change.action == "recreate" and change.kind in ("set", "map", "chain", "table")
        }
        names: list[str] = []
        for table in self.tables:
            if table.desired is not None:
                shared = [nft_set.name for nft_set in table.desired.sets if not nft_set.managed]
                shared += [
                    chain.name for chain in table.desired.chains if any(rule.handle is not None for rule in chain.rules)
                ]
                names += [name for name in shared if name in recreated or table.desired.name in recreated]
        return tuple(names)
