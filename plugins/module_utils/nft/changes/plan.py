# Copyright: (c) 2026, the tidegate developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Plan the smallest transaction from a live table to the desired one.

Equal objects are not touched: rules keep handles and counters, sets their elements. What nft cannot change in place is
deleted and created again in the same transaction, with everything that refers to it, and keeps its values. nft exits
with 0 for several changes that it does not make (comments, auto-merge, rate of a limit: measured on 0.9.8, 1.0.6 and
1.1.3), so all of these are made that way.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

from ansible_collections.tidegate.nftables.plugins.module_utils.nft.live import render
from ansible_collections.tidegate.nftables.plugins.module_utils.nft.live.model import (
    NftChain,
    NftObject,
    NftSet,
    NftTable,
)
from ansible_collections.tidegate.nftables.plugins.module_utils.nft.live.references import References

from .elements_plan import catches_all, empty, fill, plan_elements
from .rules_plan import ChainChange, plan_rules
from .transaction import Command, Steps, TablePlan, change_record


def plan_table(live: NftTable | None, desired: NftTable | None, *, refill: bool = False) -> TablePlan:
    """Return the plan, which is empty when both tables are equal. refill: as in elements_plan."""
    steps = Steps()
    if desired is None:
        if live is not None:
            steps.table.append(Command(f"delete table {live.family} {live.name}"))
            steps.changes.append(change_record("delete", "table", name=live.name))
        return steps.plan()
    target = f"{desired.family} {desired.name}"
    kept = _table(steps, target, live, desired)
    if refill and live is not None and kept is not live:
        for live_set in live.sets:
            empty(steps, target, live_set)
    before = live or kept
    remade = _Deleted.of(kept, desired)
    rest = remade.rest(kept)
    _delete(steps, target, kept, desired, remade, refill=refill)
    _create(steps, target, before, rest, desired)
    for chain in desired.chains:
        chain_change = ChainChange(target, rest.chain(chain.name), before.chain(chain.name), chain, remade.references)
        plan_rules(steps, chain_change)
    return steps.plan()


def _table(steps: Steps, target: str, live: NftTable | None, desired: NftTable) -> NftTable:
    """Plan the changes of the table itself; return what is left of the live table afterwards."""
    empty = NftTable(desired.family, desired.name)
    declaration = [] if desired.comment is None else [f'comment "{desired.comment}"']
    declaration += [f"flags {desired.flags}"] if desired.flags else []
    add = Command(
        f"add table {target} {render.block(declaration)}" if declaration else f"add table {target}", desired.where
    )
    if live is None:
        steps.table.append(add)
        steps.changes.append(change_record("add", "table", name=desired.name))
        return empty
    if live.comment != desired.comment or (live.flags != desired.flags and _hooks(live) != _hooks(desired)):
        # nft cannot change a table's comment, nor the kernel its flags together with what is hooked (EINVAL, 6.18):
        # the whole table is created anew, with its state.
        steps.table += [Command(f"delete table {target}"), add]
        text = f"flags {desired.flags or 'none'}" if live.flags != desired.flags else ""
        steps.changes.append(change_record("recreate", "table", name=desired.name, comment=desired.comment, text=text))
        return empty
    if live.flags != desired.flags:
        steps.table.append(add)
        steps.changes.append(
            change_record("recreate", "table", name=desired.name, text=f"flags {desired.flags or 'none'}")
        )
    return live


def _hooks(table: NftTable) -> set[tuple[str, str | None, object]]:
    return {(chain.name, chain.comment, chain.hook) for chain in table.chains if chain.hook is not None}


@dataclass(frozen=True)
class _Deleted:
    """Objects to delete, because they are not desired or cannot be changed in place. objects: (kind, name)."""

    chains: frozenset[str]
    sets: frozenset[str]
    objects: frozenset[tuple[str, str]]

    @classmethod
    def of(cls, live: NftTable, desired: NftTable) -> _Deleted:
        return cls(
            frozenset(item.name for item in live.chains if not _stays(item, desired.chain(item.name))),
            frozenset(item.name for item in live.sets if not _keeps(item, desired.set(item.name))),
            frozenset(
                (item.kind, item.name)
                for item in live.objects
                if not _in_place(item, desired.object(item.kind, item.name))
            ),
        )

    @property
    def references(self) -> References:
        flowtables = {name for kind, name in self.objects if kind == "flowtable"}
        return References(self.chains, self.sets | flowtables, (name for _kind, name in self.objects))

    def rest(self, live: NftTable) -> NftTable:
        """Return the live table without them."""
        return replace(
            live,
            chains=tuple(item for item in live.chains if item.name not in self.chains),
            sets=tuple(item for item in live.sets if item.name not in self.sets),
            objects=tuple(item for item in live.objects if (item.kind, item.name) not in self.objects),
        )


def _stays(live: NftChain, desired: NftChain | None) -> bool:
    """Whether a chain can be changed in place: only its policy can."""
    if desired is None or live.comment != desired.comment:
        return False
    if live.hook is None or desired.hook is None:
        return live.hook == desired.hook
    return replace(live.hook, policy=desired.hook.policy) == desired.hook


def _keeps(live: NftSet, desired: NftSet | None) -> bool:
    """Whether a set can be changed in place.

    The elements of a constant set cannot be changed, and nft 1.0.6 crashes when a set of intervals with a catch-all
    element is changed.
    """
    if desired is None or (live.kind, set(live.declaration)) != (desired.kind, set(desired.declaration)):
        return False
    fixed = live.has("constant") or catches_all(live) or catches_all(desired)
    return not fixed or _canons(live) == _canons(desired)


def _canons(nft_set: NftSet) -> set[str]:
    return {element.canon for element in nft_set.elements}


def _in_place(live: NftObject, desired: NftObject | None) -> bool:
    return desired is not None and set(live.declaration) == set(desired.declaration)


def _delete(steps: Steps, target: str, live: NftTable, desired: NftTable, remade: _Deleted, *, refill: bool) -> None:
    for chain in live.chains:
        if chain.name in remade.chains:
            steps.chains_emptied.append(Command(f"flush chain {target} {chain.name}"))
            steps.chains_out.append(Command(f"delete chain {target} {chain.name}"))
            _gone(steps, "chain", chain.name, desired.chain(chain.name))
    for live_set in live.sets:
        desired_set = desired.set(live_set.name)
        if live_set.name in remade.sets:
            if refill:
                empty(steps, target, live_set)
            steps.sets_out.append(Command(f"delete {live_set.kind} {target} {live_set.name}"))
            _gone(steps, live_set.kind, live_set.name, desired_set)
        elif desired_set is not None:
            plan_elements(steps, target, live_set, desired_set, remade.references, refill=refill)
    for live_object in live.objects:
        if (live_object.kind, live_object.name) in remade.objects:
            steps.objects_out.append(Command(f"delete {live_object.kind} {target} {live_object.name}"))
            _gone(steps, live_object.kind, live_object.name, desired.object(live_object.kind, live_object.name))


def _gone(steps: Steps, kind: str, name: str, desired: object) -> None:
    """Report a deletion, unless the object is created again."""
    if desired is None:
        steps.changes.append(change_record("delete", kind, name=name))


def _create(steps: Steps, target: str, live: NftTable, kept: NftTable, desired: NftTable) -> None:
    """Plan the objects to create; live: the table with the values that they keep."""
    for desired_object in desired.objects:
        if kept.object(desired_object.kind, desired_object.name) is None:
            _add_object(steps, target, desired_object, live.object(desired_object.kind, desired_object.name))
    for desired_set in desired.sets:
        if kept.set(desired_set.name) is None and not desired_set.implicit:
            _add_set(steps, target, desired_set, live.set(desired_set.name))
    for chain in desired.chains:
        kept_chain = kept.chain(chain.name)
        if kept_chain is None:
            _add_chain(steps, target, chain, new=live.chain(chain.name) is None)
        elif kept_chain.hook != chain.hook and chain.hook is not None:
            steps.chains_in.append(
                Command(f"add chain {target} {chain.name} {{ {render.hook(chain.hook)} }}", chain.where)
            )
            steps.changes.append(
                change_record("recreate", "chain", name=chain.name, text=f"policy {chain.hook.policy}")
            )


def _add_object(steps: Steps, target: str, desired: NftObject, before: NftObject | None) -> None:
    lines = list(desired.text)
    if before is not None:
        lines = _object_with_state(desired, before)
    steps.objects_in.append(Command(f"add {desired.kind} {target} {desired.name} {render.block(lines)}", desired.where))
    text = render.block(desired.declaration)
    steps.changes.append(change_record("recreate" if before else "add", desired.kind, name=desired.name, text=text))


def _object_with_state(desired: NftObject, before: NftObject) -> list[str]:
    """Return the lines that create an object with the values of its predecessor."""
    if desired.kind == "counter":
        return [*desired.declaration, *(line for line in before.text if line.startswith("packets "))]
    if desired.kind == "quota":
        used = next((line.partition(" used ")[2] for line in before.text if " used " in line), "")
        return [
            f"{line} used {used}" if used and "bytes" in line and " used " not in line else line
            for line in desired.text
        ]
    return list(desired.text)


def _add_set(steps: Steps, target: str, desired: NftSet, before: NftSet | None) -> None:
    steps.made.append(desired.name)
    text = render.block(desired.declaration)
    steps.changes.append(change_record("recreate" if before else "add", desired.kind, name=desired.name, text=text))
    fill(steps, target, desired, before)


def _add_chain(steps: Steps, target: str, desired: NftChain, *, new: bool) -> None:
    lines = [] if desired.comment is None else [f'comment "{desired.comment}"']
    if desired.hook is not None:
        lines.append(render.hook(desired.hook))
    body = f" {render.block(lines)}" if lines else ""
    steps.chains_in.append(Command(f"add chain {target} {desired.name}{body}", desired.where))
    text = render.hook(desired.hook) if desired.hook else ""
    steps.changes.append(change_record("add" if new else "recreate", "chain", name=desired.name, text=text))
