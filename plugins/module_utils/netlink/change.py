# Copyright: (c) 2026, the tidegate developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Elements of several sets changed in one transaction, without nft.

The transaction is pinned to one generation of the ruleset (NFNL_BATCH_GENID): what was looked at to make it is what it
meets, or nothing is done. What the kernel would accept and get wrong is looked up first over the same socket: it
deletes a concatenated interval by its start alone, the start of one interval with the end of another, and adds an
interval that reaches the highest key around those that are there.
"""

from __future__ import annotations

import errno
from dataclasses import dataclass, field
from operator import itemgetter
from typing import Iterator, Sequence

from ansible_collections.tidegate.nftables.plugins.module_utils.intervals import first_overlap

from . import elements, errors, wire
from .batch import Step, commit
from .collector import paused
from .connection import Connection
from .declaration import Layout, SetInfo, read_set, require_plain
from .elements import Element
from .literals import show_any
from .many import Many, lists
from .query import covering
from .ruleset import read_settled_generation

_START, _END, _KEYS = itemgetter(0), itemgetter(1), itemgetter(0, 1)


@dataclass(frozen=True)
class Change:
    """What is to change in one set, in this order: make, flush (everything goes), delete, add.

    delete: elements that are in the set with exactly these keys (timeout and comment do not matter). add: elements
    none of whose keys is in the set after the deletions. recipe: the set is not there yet; what makes it, as from
    declaration.get_recipe, and then only add makes sense.
    """

    target: SetInfo
    add: Sequence[Element] = field(default=())
    delete: Sequence[Element] = field(default=())
    flush: bool = False
    recipe: bytes = b""


@paused
def change_elements(changes: Sequence[Change], generation: int | None = None, *, trial: bool = False) -> int:
    """Commits all changes or none; returns the generation that this commit made. trial: change nothing, only ask.

    generation: the one at which the caller read what the changes are made from; None: the current one. StaleGeneration
    when somebody committed since, or when a set is no longer the one that was read. NoSuchObject and AlreadyExists name
    the element. BadElement for what no kernel should be asked. MessageTooLong in a user namespace (or container) whose
    send buffer is too small. BufferOverrun is the only error after which it is not known whether it was done.
    """
    for change in changes:
        require_plain(change.target)
        for given in (change.delete, change.add):
            elements.check(change.target, given[:1] if isinstance(given, Many) else given)
    with Connection() as kernel:
        # complete, or the checks below would look at what a commit under way is about to take away
        current = read_settled_generation(kernel)
        pinned = current if generation is None else generation
        if pinned != current:
            raise errors.from_errno("changing elements", errors.ERESTART, f"generation {current}, not {pinned}")
        if not any(change.recipe or change.flush or change.add or change.delete for change in changes):
            return current
        prepared = [_prepare(kernel, change) for change in changes]
        # In this order sets change for packets: what moves from one to another is never in neither.
        prepared.sort(key=lambda one: (bool(one.delete or one.flush), not one.add))
        steps = [step for one in prepared for step in _steps(one)]
        commit(kernel, pinned, steps, trial=trial)
    return current if trial else pinned + 1 & 0xFFFFFFFF or 1


@paused
def holds(info: SetInfo, elements_: Sequence[Element], generation: int) -> bool:
    """Whether every one of these elements is in the set with exactly these keys; nothing is changed.

    One trial transaction asks the kernel to delete them all, a second for a million, where reading the set would take a
    minute. Not for concatenated intervals, of which the kernel compares only the start.
    """
    require_plain(info)
    if info.layout is Layout.RANGES:
        raise errors.UnsupportedSet(f"{info}: a deletion of concatenated intervals tells nothing about their ends")
    steps = [Step(info, wire.NFT_MSG_DELSETELEM, 0, one) for one in _lists(info, _ordered(elements_), bare=True)]
    with Connection() as kernel:
        try:
            commit(kernel, generation, steps, trial=True)
        except errors.NoSuchObject:
            return False
    return True


def _prepare(kernel: Connection, change: Change) -> Change:
    """The change with its elements sorted, after all checks that need the kernel."""
    info = change.target
    if change.recipe:
        add = _ordered(change.add)
        _check_apart(info, add)
        return Change(info, add, (), recipe=change.recipe)
    found = read_set(kernel, info.family, info.table, info.name)
    if (found.handle, found.key_type, found.key_len, found.layout) != (
        info.handle,
        info.key_type,
        info.key_len,
        info.layout,
    ):
        raise errors.from_errno(f"changing {info}", errors.ERESTART, "the set was deleted and made again")
    add, delete = _ordered(change.add), _ordered(change.delete)
    _check_apart(info, add)
    _check_apart(info, delete)
    if change.flush:
        if delete:
            raise errors.BadElement(f"{info}: a flush leaves no elements to delete")
        return Change(info, add, (), flush=True)
    _check_present(kernel, info, delete)
    _check_highest(kernel, info, add, delete)
    return Change(info, add, delete)


def _steps(change: Change) -> Iterator[Step]:
    """The messages for one set, in the order of the transaction."""
    info = change.target
    if change.recipe:
        yield Step(info, wire.NFT_MSG_NEWSET, wire.NLM_F_CREATE | wire.NLM_F_EXCL, change.recipe)
    if change.flush:
        yield Step(info, wire.NFT_MSG_DELSETELEM, 0, b"")
    for one in _lists(info, change.delete, bare=True):
        yield Step(info, wire.NFT_MSG_DELSETELEM, 0, one)
    for one in _lists(info, change.add):
        yield Step(info, wire.NFT_MSG_NEWSETELEM, wire.NLM_F_CREATE | wire.NLM_F_EXCL, one)
    if _reaches_highest(info, change.add):
        yield from _closing_steps(info, change.add[-1])


def _ordered(given: Sequence[Element]) -> Sequence[Element]:
    return given if isinstance(given, Many) else sorted(given, key=_KEYS)


def _lists(info: SetInfo, ordered: Sequence[Element], *, bare: bool = False) -> Iterator[bytes]:
    if isinstance(ordered, Many):
        return lists(info, ordered)
    return elements.lists(elements.encode(info, ordered, bare=bare))


def _check_apart(info: SetInfo, ordered: Sequence[Element]) -> None:
    """No element twice and, in plain intervals, none that overlaps another; the elements are sorted."""
    if isinstance(ordered, Many):
        return
    if info.layout is Layout.TREE:
        starts, ends = list(map(_START, ordered)), list(map(_END, ordered))
    else:
        starts = ends = list(map(_KEYS, ordered))
    index = first_overlap(starts, ends)
    if index is not None:
        first, second = ordered[index : index + 2]
        raise errors.BadElement(f"{info}: {show_any(info, first)} and {show_any(info, second)} overlap")


def _check_present(kernel: Connection, info: SetInfo, delete: Sequence[Element]) -> None:
    """Every element to delete is there with exactly its start and end.

    In a tree the start that the kernel finds for the last key must be the start of the interval: then nothing begins or
    ends between them. That the end follows is the deletion's own condition.
    """
    if info.layout is Layout.HASH:
        return
    keys = [element.start for element in delete]
    firsts = covering(kernel, info, keys)
    lasts = firsts
    if info.layout is Layout.TREE:
        wide = iter(covering(kernel, info, [element.end for element in delete if element.start != element.end]))
        lasts = [next(wide) if element.start != element.end else first for element, first in zip(delete, firsts)]
    for element, first, last in zip(delete, firsts, lasts):
        if first is None or last is None or first.key != element.start or last.key != element.start:
            raise _absent(info, element)
        if info.layout is Layout.RANGES and (first.key_end or first.key) != element.end:
            raise _absent(info, element)


def _check_highest(kernel: Connection, info: SetInfo, add: Sequence[Element], delete: Sequence[Element]) -> None:
    """No element to add meets the one that reaches the highest key: having no end, it is not compared by the kernel."""
    if info.layout is not Layout.TREE or not add:
        return
    met = covering(kernel, info, [b"\xff" * info.key_len])[0]
    if met is None or met.key > add[-1].end or any(met.key == element.start for element in delete):
        return
    raise errors.AlreadyExists(f"{info}: {show_any(info, add[-1])} overlaps an element that is there", errno.EEXIST)


def _reaches_highest(info: SetInfo, ordered: Sequence[Element]) -> bool:
    return info.layout is Layout.TREE and bool(ordered) and ordered[-1].end == b"\xff" * info.key_len


def _closing_steps(info: SetInfo, last: Element) -> Iterator[Step]:
    """Makes the kernel look for elements inside an interval that has no end because it reaches the highest key.

    The kernel notices an overlap from inside only when an end is added, so one is added and taken away again.
    """
    if last.start != last.end:
        edge = next(elements.lists([elements.element_attribute(last.end, elements.INTERVAL_END)]))
        yield Step(info, wire.NFT_MSG_NEWSETELEM, wire.NLM_F_CREATE | wire.NLM_F_EXCL, edge)
        yield Step(info, wire.NFT_MSG_DELSETELEM, 0, edge)


def _absent(info: SetInfo, element: Element) -> errors.NetlinkError:
    return errors.NoSuchObject(f"{info}: no element {show_any(info, element)} to delete", errno.ENOENT)
