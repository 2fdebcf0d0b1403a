# Copyright: (c) 2026, the tidegate developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The smallest transaction from the table there is to the table that shall be.

What is equal is not touched: rules keep handles and counters, sets their elements. What nft cannot change in place is
deleted and made again in the same transaction together with everything that refers to it, and takes its values along.
nft answers 0 to several changes it does not make (comments, auto-merge, a limit's rate: measured on 0.9.8, 1.0.6 and
1.1.3), so all of them are made that way.
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


def make(live: NftTable | None, goal: NftTable | None, *, refill: bool = False) -> TablePlan:
    """Return what to do; an empty plan when both are the same. refill: as in elements_plan."""
    steps = Steps()
    if goal is None:
        if live is not None:
            steps.table.append(Command(f"delete table {live.family} {live.name}"))
            steps.changes.append(change_record("delete", "table", name=live.name))
        return steps.plan()
    target = f"{goal.family} {goal.name}"
    there = _table(steps, target, live, goal)
    if refill and live is not None and there is not live:
        for found in live.sets:
            empty(steps, target, found)
    before = live or there
    remade = _Remade.of(there, goal)
    rest = remade.rest(there)
    _delete(steps, target, there, goal, remade, refill=refill)
    _create(steps, target, before, rest, goal)
    for chain in goal.chains:
        way = ChainChange(target, rest.chain(chain.name), before.chain(chain.name), chain, remade.references)
        plan_rules(steps, way)
    return steps.plan()


def _table(steps: Steps, target: str, live: NftTable | None, goal: NftTable) -> NftTable:
    """Make the table itself right; return what is there afterwards."""
    empty = NftTable(goal.family, goal.name)
    about = [] if goal.comment is None else [f'comment "{goal.comment}"']
    about += [f"flags {goal.flags}"] if goal.flags else []
    add = Command(f"add table {target} {render.block(about)}" if about else f"add table {target}", goal.where)
    if live is None:
        steps.table.append(add)
        steps.changes.append(change_record("add", "table", name=goal.name))
        return empty
    if live.comment != goal.comment or (live.flags != goal.flags and _hooks(live) != _hooks(goal)):
        # nft cannot change a table's comment, nor the kernel its flags together with what is hooked (EINVAL, 6.18):
        # everything is made anew, with its state.
        steps.table += [Command(f"delete table {target}"), add]
        said = f"flags {goal.flags or 'none'}" if live.flags != goal.flags else ""
        steps.changes.append(change_record("recreate", "table", name=goal.name, comment=goal.comment, text=said))
        return empty
    if live.flags != goal.flags:
        steps.table.append(add)
        steps.changes.append(change_record("recreate", "table", name=goal.name, text=f"flags {goal.flags or 'none'}"))
    return live


def _hooks(table: NftTable) -> set[tuple[str, str | None, object]]:
    return {(chain.name, chain.comment, chain.hook) for chain in table.chains if chain.hook is not None}


@dataclass(frozen=True)
class _Remade:
    """What must be deleted: not wanted, or not to be changed in place. objects: (kind, name)."""

    chains: frozenset[str]
    sets: frozenset[str]
    objects: frozenset[tuple[str, str]]

    @classmethod
    def of(cls, live: NftTable, goal: NftTable) -> _Remade:
        return cls(
            frozenset(found.name for found in live.chains if not _stays(found, goal.chain(found.name))),
            frozenset(found.name for found in live.sets if not _keeps(found, goal.set(found.name))),
            frozenset(
                (found.kind, found.name)
                for found in live.objects
                if not _in_place(found, goal.object(found.kind, found.name))
            ),
        )

    @property
    def references(self) -> References:
        flowtables = {name for kind, name in self.objects if kind == "flowtable"}
        return References(self.chains, self.sets | flowtables, (name for _kind, name in self.objects))

    def rest(self, live: NftTable) -> NftTable:
        """Return what stays."""
        return replace(
            live,
            chains=tuple(found for found in live.chains if found.name not in self.chains),
            sets=tuple(found for found in live.sets if found.name not in self.sets),
            objects=tuple(found for found in live.objects if (found.kind, found.name) not in self.objects),
        )


def _stays(live: NftChain, goal: NftChain | None) -> bool:
    """Whether a chain can become the wanted one where it is: only its policy can be changed."""
    if goal is None or live.comment != goal.comment:
        return False
    if live.hook is None or goal.hook is None:
        return live.hook == goal.hook
    return replace(live.hook, policy=goal.hook.policy) == goal.hook


def _keeps(live: NftSet, goal: NftSet | None) -> bool:
    """Whether a set can stay.

    The elements of a constant one cannot be changed, and nft 1.0.6 crashes when a set of intervals with a catch-all
    element is changed.
    """
    if goal is None or (live.kind, set(live.declaration)) != (goal.kind, set(goal.declaration)):
        return False
    fixed = live.has("constant") or catches_all(live) or catches_all(goal)
    return not fixed or _canons(live) == _canons(goal)


def _canons(found: NftSet) -> set[str]:
    return {element.canon for element in found.elements}


def _in_place(live: NftObject, goal: NftObject | None) -> bool:
    return goal is not None and set(live.declaration) == set(goal.declaration)


def _delete(steps: Steps, target: str, live: NftTable, goal: NftTable, remade: _Remade, *, refill: bool) -> None:
    for chain in live.chains:
        if chain.name in remade.chains:
            steps.chains_emptied.append(Command(f"flush chain {target} {chain.name}"))
            steps.chains_out.append(Command(f"delete chain {target} {chain.name}"))
            _gone(steps, "chain", chain.name, goal.chain(chain.name))
    for found in live.sets:
        wanted = goal.set(found.name)
        if found.name in remade.sets:
            if refill:
                empty(steps, target, found)
            steps.sets_out.append(Command(f"delete {found.kind} {target} {found.name}"))
            _gone(steps, found.kind, found.name, wanted)
        elif wanted is not None:
            plan_elements(steps, target, found, wanted, remade.references, refill=refill)
    for thing in live.objects:
        if (thing.kind, thing.name) in remade.objects:
            steps.objects_out.append(Command(f"delete {thing.kind} {target} {thing.name}"))
            _gone(steps, thing.kind, thing.name, goal.object(thing.kind, thing.name))


def _gone(steps: Steps, kind: str, name: str, wanted: object) -> None:
    """Note a deletion, unless the thing comes back."""
    if wanted is None:
        steps.changes.append(change_record("delete", kind, name=name))


def _create(steps: Steps, target: str, live: NftTable, there: NftTable, goal: NftTable) -> None:
    """Make what is not there; live: the table as it was, from which values are carried."""
    for thing in goal.objects:
        if there.object(thing.kind, thing.name) is None:
            _add_object(steps, target, thing, live.object(thing.kind, thing.name))
    for wanted in goal.sets:
        if there.set(wanted.name) is None and not wanted.implicit:
            _add_set(steps, target, wanted, live.set(wanted.name))
    for chain in goal.chains:
        found = there.chain(chain.name)
        if found is None:
            _add_chain(steps, target, chain, new=live.chain(chain.name) is None)
        elif found.hook != chain.hook and chain.hook is not None:
            steps.chains_in.append(
                Command(f"add chain {target} {chain.name} {{ {render.hook(chain.hook)} }}", chain.where)
            )
            steps.changes.append(
                change_record("recreate", "chain", name=chain.name, text=f"policy {chain.hook.policy}")
            )


def _add_object(steps: Steps, target: str, wanted: NftObject, before: NftObject | None) -> None:
    lines = list(wanted.text)
    if before is not None:
        lines = _object_with_state(wanted, before)
    steps.objects_in.append(Command(f"add {wanted.kind} {target} {wanted.name} {render.block(lines)}", wanted.where))
    text = render.block(wanted.declaration)
    steps.changes.append(change_record("recreate" if before else "add", wanted.kind, name=wanted.name, text=text))


def _object_with_state(wanted: NftObject, before: NftObject) -> list[str]:
    """Return the lines that make an object with the values of the one it succeeds."""
    if wanted.kind == "counter":
        return [*wanted.declaration, *(line for line in before.text if line.startswith("packets "))]
    if wanted.kind == "quota":
        used = next((line.partition(" used ")[2] for line in before.text if " used " in line), "")
        return [
            f"{line} used {used}" if used and "bytes" in line and " used " not in line else line for line in wanted.text
        ]
    return list(wanted.text)


def _add_set(steps: Steps, target: str, wanted: NftSet, before: NftSet | None) -> None:
    steps.made.append(wanted.name)
    text = render.block(wanted.declaration)
    steps.changes.append(change_record("recreate" if before else "add", wanted.kind, name=wanted.name, text=text))
    fill(steps, target, wanted, before)


def _add_chain(steps: Steps, target: str, wanted: NftChain, *, new: bool) -> None:
    lines = [] if wanted.comment is None else [f'comment "{wanted.comment}"']
    if wanted.hook is not None:
        lines.append(render.hook(wanted.hook))
    body = f" {render.block(lines)}" if lines else ""
    steps.chains_in.append(Command(f"add chain {target} {wanted.name}{body}", wanted.where))
    text = render.hook(wanted.hook) if wanted.hook else ""
    steps.changes.append(change_record("add" if new else "recreate", "chain", name=wanted.name, text=text))
