# Copyright: (c) 2026, the tidegate developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Change elements of several sets in one transaction, without nft.

The transaction is pinned to one generation of the ruleset (NFNL_BATCH_GENID): the kernel does it on exactly the ruleset
that it was planned from, or not at all. What the kernel would accept and do wrong is looked up first over the same
socket: it deletes the start of one interval with the end of another, and it adds an interval that reaches the highest
key around existing ones.
"""

from __future__ import annotations

import errno
from dataclasses import dataclass, field
from operator import itemgetter
from typing import Iterator, Sequence

from ansible_collections.tidegate.nftables.plugins.module_utils.intervals import first_overlap

from . import elements, errors, wire
from .batch import SetMessage, commit
from .connection import Connection
from .declaration import SetInfo, read_set, require_supported
from .elements import Element
from .garbage_collection import without_gc
from .plain_elements import PlainElements, encode_lists
from .read_elements import covering
from .ruleset import read_settled_generation
from .text import show_any

_START, _END, _KEYS = itemgetter(0), itemgetter(1), itemgetter(0, 1)


@dataclass(frozen=True)
class SetChange:
    """What changes in one set, in this order: make, flush (all elements go), delete, add.

    delete: elements that the set has with exactly these keys (timeout and comment do not matter). add: elements whose
    keys are not in the set after the deletions. recipe: makes a set that does not exist, as from
    declaration.get_recipe; only add may go with it.
    """

    target: SetInfo
    add: Sequence[Element] = field(default=())
    delete: Sequence[Element] = field(default=())
    flush: bool = False
    recipe: bytes = b""

    def __bool__(self) -> bool:
        return bool(self.recipe or self.flush or self.add or self.delete)


@without_gc
def change_elements(changes: Sequence[SetChange], generation: int | None = None, *, dry_run: bool = False) -> int:
    """Commit all changes or none; return the generation that this commit made.

    generation: that from which the caller planned; None: the current one. dry_run: change nothing, only ask the kernel.
    Raises StaleGeneration when another program committed since, or when a set is no longer the same. NoSuchObject and
    AlreadyExists name the element. BadElement for what must not be sent. MessageTooLong in a user namespace (or
    container) whose send buffer is too small. After BufferOverrun alone the change may be done or not.
    """
    for change in changes:
        require_supported(change.target)
        for part in (change.delete, change.add):
            elements.check_elements(change.target, part[:1] if isinstance(part, PlainElements) else part)
    with Connection() as kernel:
        # Settled, or the checks below would see elements that a commit under way is about to remove.
        current = read_settled_generation(kernel)
        pinned = current if generation is None else generation
        if pinned != current:
            raise errors.from_errno("changing elements", errors.ERESTART, f"generation {current}, not {pinned}")
        if not any(changes):
            return current
        prepared = [_prepare(kernel, change) for change in changes]
        # In this order sets change for packets: an element that moves to another set is never in neither.
        prepared.sort(key=lambda change: (bool(change.delete or change.flush), not change.add))
        messages = [message for change in prepared for message in _messages(change)]
        commit(kernel, pinned, messages, dry_run=dry_run)
    return current if dry_run else pinned + 1 & 0xFFFFFFFF or 1


@without_gc
def holds(info: SetInfo, expected: Sequence[Element], generation: int) -> bool:
    """Return whether a set has every one of these elements with exactly these keys; change nothing.

    A dry run asks the kernel to delete them all: a second for a million, where reading the set takes a minute.
    """
    require_supported(info)
    messages = [
        SetMessage(info, wire.NFT_MSG_DELSETELEM, 0, part) for part in _lists(info, _ordered(expected), keys_only=True)
    ]
    with Connection() as kernel:
        try:
            commit(kernel, generation, messages, dry_run=True)
        except errors.NoSuchObject:
            return False
    return True


def _prepare(kernel: Connection, change: SetChange) -> SetChange:
    """Return the change with its elements sorted, after all checks that need the kernel."""
    info = change.target
    add, delete = _ordered(change.add), _ordered(change.delete)
    _check_overlap(info, add)
    if change.recipe:
        return SetChange(info, add, recipe=change.recipe)
    _check_same(info, read_set(kernel, info.family, info.table, info.name))
    _check_overlap(info, delete)
    if change.flush:
        if delete:
            raise errors.BadElement(f"{info}: after a flush there are no elements to delete")
        return SetChange(info, add, flush=True)
    if info.is_interval:
        _check_present(kernel, info, delete)
        _check_highest(kernel, info, add, delete)
    return SetChange(info, add, delete)


def _check_same(info: SetInfo, live: SetInfo) -> None:
    """Raise StaleGeneration when a set is not the one that the change was planned for."""
    if (live.handle, live.key_type, live.key_len, live.is_interval) != (
        info.handle,
        info.key_type,
        info.key_len,
        info.is_interval,
    ):
        raise errors.from_errno(f"changing {info}", errors.ERESTART, "the set was deleted and made again")


def _messages(change: SetChange) -> Iterator[SetMessage]:
    """Yield the messages for one set, in the order of the transaction."""
    info = change.target
    if change.recipe:
        yield SetMessage(info, wire.NFT_MSG_NEWSET, wire.NLM_F_CREATE | wire.NLM_F_EXCL, change.recipe)
    if change.flush:
        yield SetMessage(info, wire.NFT_MSG_DELSETELEM, 0, b"")
    for part in _lists(info, change.delete, keys_only=True):
        yield SetMessage(info, wire.NFT_MSG_DELSETELEM, 0, part)
    for part in _lists(info, change.add):
        yield SetMessage(info, wire.NFT_MSG_NEWSETELEM, wire.NLM_F_CREATE | wire.NLM_F_EXCL, part)
    if info.is_interval and change.add and change.add[-1].end == info.highest_key:
        yield from _overlap_probe(info, change.add[-1])


def _ordered(unordered: Sequence[Element]) -> Sequence[Element]:
    return unordered if isinstance(unordered, PlainElements) else sorted(unordered, key=_KEYS)


def _lists(info: SetInfo, ordered: Sequence[Element], *, keys_only: bool = False) -> Iterator[bytes]:
    if isinstance(ordered, PlainElements):
        return encode_lists(info, ordered)
    return elements.list_attributes(elements.encode(info, ordered, keys_only=keys_only))


def _check_overlap(info: SetInfo, ordered: Sequence[Element]) -> None:
    """Raise BadElement when one of the sorted elements is there twice or overlaps another."""
    if isinstance(ordered, PlainElements):
        return
    index = first_overlap(list(map(_START, ordered)), list(map(_END, ordered)))
    if index is not None:
        first, second = ordered[index : index + 2]
        raise errors.BadElement(f"{info}: {show_any(info, first)} and {show_any(info, second)} overlap")


def _check_present(kernel: Connection, info: SetInfo, delete: Sequence[Element]) -> None:
    """Raise NoSuchObject when the set does not have an interval with exactly its start and end.

    The start that the kernel finds for the last key must be the interval's own: then nothing begins or ends between
    them. That an end follows the last key is what the deletion itself checks.
    """
    starts = covering(kernel, info, [element.start for element in delete])
    wide = iter(covering(kernel, info, [element.end for element in delete if element.start != element.end]))
    for element, start in zip(delete, starts):
        start_of_end = next(wide) if element.start != element.end else start
        if start is None or start_of_end is None or not start.key == start_of_end.key == element.start:
            raise errors.NoSuchObject(f"{info}: no element {show_any(info, element)} to delete", errno.ENOENT)


def _check_highest(kernel: Connection, info: SetInfo, add: Sequence[Element], delete: Sequence[Element]) -> None:
    """Raise AlreadyExists when an interval to add overlaps one that reaches the highest key.

    Such an interval has no end element, so the kernel does not compare it.
    """
    if not add:
        return
    highest = covering(kernel, info, [info.highest_key])[0]
    if highest is None or highest.key > add[-1].end or any(highest.key == element.start for element in delete):
        return
    raise errors.AlreadyExists(f"{info}: {show_any(info, add[-1])} overlaps an existing element", errno.EEXIST)


def _overlap_probe(info: SetInfo, last: Element) -> Iterator[SetMessage]:
    """Yield messages that make the kernel look for elements inside of an interval without an end element.

    The kernel notices an overlap from inside only when an end is added, so one is added and deleted again.
    """
    if last.start != last.end:
        (end,) = elements.list_attributes([elements.element_attribute(last.end, elements.INTERVAL_END)])
        yield SetMessage(info, wire.NFT_MSG_NEWSETELEM, wire.NLM_F_CREATE | wire.NLM_F_EXCL, end)
        yield SetMessage(info, wire.NFT_MSG_DELSETELEM, 0, end)
