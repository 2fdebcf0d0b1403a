# Copyright: (c) 2026, the tidegate developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Fed sets changed, shown and verified."""

from __future__ import annotations

from typing import Iterable, Sequence

from ansible_collections.tidegate.nftables.plugins.module_utils.netlink import sets as netlink
from ansible_collections.tidegate.nftables.plugins.module_utils.nft.changes.transaction import (
    SAMPLE,
    ChangeRecord,
    Command,
    change_record,
)
from ansible_collections.tidegate.nftables.plugins.module_utils.nft.live.model import NftElement, NftSet, NftTable

from . import file_sets

SHOWN = 200
"""Elements of a file that a diff and a transaction show; the file has them all."""

LOOKED_AT = 200
"""Elements that came or went of which each is looked up afterwards, spread over all."""


def changes(deltas: Sequence[file_sets.SetDelta]) -> list[ChangeRecord]:
    """Return what changes, as for any set."""
    return [
        change_record(
            action, "element", set=delta.info.name, count=len(elements), sample=_texts(delta.info, elements, SAMPLE)
        )
        for delta in deltas
        for action, elements in (("delete", delta.delete), ("add", delta.add))
        if elements
    ]


def commands(delta: file_sets.SetDelta, *, refill: bool) -> tuple[list[Command], list[Command]]:
    """Return nft's commands that take away and that add.

    refill: if it has intervals that go, empty the set and fill it again, for an nft that is slow to delete or does not
    see a deletion when it looks for overlaps in the same transaction.
    """
    target = f"{delta.info.family} {delta.info.table} {delta.info.name}"
    intervals = delta.info.layout is not netlink.Layout.HASH
    if delta.everything is not None or (refill and intervals and delta.delete):
        everything = file_sets.made(delta.info, delta.file, b"").add if delta.everything is None else delta.everything
        return [Command(f"flush set {target}", delta.file.where)], _command("add", target, delta, everything)
    return _command("delete", target, delta, delta.delete), _command("add", target, delta, delta.add)


def slow(delta: file_sets.SetDelta) -> bool:
    """Whether nft would delete so slowly that emptying and filling is faster."""
    from ansible_collections.tidegate.nftables.plugins.module_utils.nft.changes.elements_plan import SLOW

    return len(delta.delete) * delta.total > SLOW


def _command(verb: str, target: str, delta: file_sets.SetDelta, elements: Sequence[netlink.Element]) -> list[Command]:
    if not elements:
        return []
    info, start = delta.info, f"{verb} element {target} {{"
    shown = _texts(info, elements, SHOWN)
    rest = len(elements) - len(shown)

    def whole() -> str:
        return "\n".join([start, *(f"\t{netlink.show(info, one)}," for one in elements), "}"])

    if rest:
        lines = [start, *(f"\t{text}," for text in shown), f"\t# and {rest} more of {delta.file.path}", "}"]
        return [Command("\n".join(lines), delta.file.where, whole)]
    line = f"{start} {', '.join(shown)} }}"
    return [Command(line if len(line) <= 200 else whole(), delta.file.where)]


def shown(table: NftTable | None, deltas: Sequence[file_sets.SetDelta], *, after: bool) -> NftTable | None:
    """Return a table for a diff, with the elements of its fed sets that come (after) or go."""
    if table is None:
        return None
    found = {delta.info.name: delta for delta in deltas if (delta.info.family, delta.info.table) == _of(table)}
    sets = tuple(_shown(one, found[one.name], after=after) if one.name in found else one for one in table.sets)
    return NftTable(
        table.family, table.name, table.comment, table.flags, table.objects, sets, table.chains, table.where
    )


def alone(deltas: Sequence[file_sets.SetDelta], *, after: bool) -> str:
    """Return the fed sets for a diff, without what else is in their tables, which nobody listed."""
    lines = []
    for delta in deltas:
        texts, remarks = _lines(delta, after=after)
        lines += [f"table {delta.info.family} {delta.info.table} {{", f"\tset {delta.info.name} {{"]
        body = [*(f"{text}," for text in texts), *remarks]
        lines += ["\t\telements = {", *(f"\t\t\t{line}" for line in body), "\t\t}"] if body else []
        lines += ["\t}", "}"]
    return "".join(f"{line}\n" for line in lines)


def _of(table: NftTable) -> tuple[str, str]:
    return table.family, table.name


def _lines(delta: file_sets.SetDelta, *, after: bool) -> tuple[list[str], list[str]]:
    """Return the elements that come (after) or go, and remarks on the others."""
    elements = delta.add if after else delta.delete
    texts = _texts(delta.info, elements, SHOWN)
    staying, rest = delta.total - len(delta.add), len(elements) - len(texts)
    remarks = [f"# and {rest} more"] if rest else []
    remarks += [f"# and {staying} that stay"] if staying > 0 else []
    remarks = ["# all that there was"] if delta.blind and not after else remarks
    return texts, remarks


def _shown(one: NftSet, delta: file_sets.SetDelta, *, after: bool) -> NftSet:
    texts, remarks = _lines(delta, after=after)
    return NftSet(
        one.kind,
        one.name,
        one.declaration,
        one.text,
        tuple(NftElement(text, text, text) for text in texts),
        one.managed,
        one.implicit,
        one.where,
        tuple(remarks),
    )


def _texts(info: netlink.SetInfo, elements: Sequence[netlink.Element], most: int) -> list[str]:
    first = elements[:most] if isinstance(elements, netlink.Many) else sorted(elements)[:most]
    return [netlink.show(info, one) for one in first]


def residue(deltas: Sequence[file_sets.SetDelta]) -> list[ChangeRecord]:
    """Return what is not as it should be after a change.

    The kernel says of every message that it did it all, and nft's silent refusals do not happen here; so its own count
    and two hundred of the elements are looked at, not a set of a million.
    """
    found = []
    for delta in deltas:
        info = netlink.get_set(delta.info.family, delta.info.table, delta.info.name)
        missing = [one for one, there in _looked_up(info, delta.add) if not there]
        # what goes may come again without the comment that somebody gave it
        again = {one[:2] for one in delta.add} if delta.delete else set()
        left = [one for one, there in _looked_up(info, delta.delete) if there and one[:2] not in again]
        if missing or left or not _count_is_right(info, delta.total):
            for action, elements in (("add", missing), ("delete", left)):
                sample = _texts(info, elements, SAMPLE)
                found.append(change_record(action, "element", set=info.name, count=len(elements), sample=sample))
    return found


def _looked_up(info: netlink.SetInfo, elements: Sequence[netlink.Element]) -> Iterable[tuple[netlink.Element, bool]]:
    """Some of the elements, spread over all, and whether each is in the set."""
    some = elements[:: max(1, len(elements) // LOOKED_AT)]
    found = netlink.get_elements(info, [one.start for one in some])
    return [(one, had is not None and had[:2] == one[:2]) for one, had in zip(some, found)]


def _count_is_right(info: netlink.SetInfo, total: int) -> bool:
    if info.count in (None, total):
        return True
    # An interval without end is half an element to some kernels' count.
    top = [b"\xff" * info.key_len]
    return (
        info.layout is netlink.Layout.TREE and info.count == total - 1 and None not in netlink.get_elements(info, top)
    )
