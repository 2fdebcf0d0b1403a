# Copyright: (c) 2026, the tidegate developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Show and verify the changes of file sets."""

from __future__ import annotations

from typing import Iterable, Sequence

from ansible_collections.tidegate.nftables.plugins.module_utils.netlink import sets as netlink
from ansible_collections.tidegate.nftables.plugins.module_utils.nft.changes.transaction import (
    SAMPLE,
    Action,
    ChangeRecord,
    Command,
    change_record,
)
from ansible_collections.tidegate.nftables.plugins.module_utils.nft.live.model import NftElement, NftSet, NftTable

from . import file_sets

SHOWN = 200
"""Number of elements that a diff and a transaction show; the file has all."""

VERIFIED = 200
"""Number of changed elements that are looked up afterwards, spread over all."""


def changes(deltas: Sequence[file_sets.SetDelta]) -> list[ChangeRecord]:
    """Return the entries of the result for the changes."""
    records = []
    for delta in deltas:
        records += [_record("delete", delta.info, delta.delete)] if delta.delete else []
        records += [_record("add", delta.info, delta.add)] if delta.add else []
    return records


def _record(action: Action, info: netlink.SetInfo, elements: Sequence[netlink.Element]) -> ChangeRecord:
    sample = _texts(info, elements, SAMPLE)
    return change_record(action, "element", set=info.name, count=len(elements), sample=sample)


def commands(delta: file_sets.SetDelta, *, refill: bool) -> tuple[list[Command], list[Command]]:
    """Return nft's commands that remove and that add elements.

    refill: instead of deleting intervals, empty the set and fill it again, for an nft that is slow to delete or that
    ignores a deletion when it searches for overlaps in the same transaction.
    """
    target = f"{delta.info.family} {delta.info.table} {delta.info.name}"
    has_intervals = delta.info.is_interval
    if delta.refill is not None or (refill and has_intervals and delta.delete):
        elements = file_sets.made(delta.info, delta.file, b"").add if delta.refill is None else delta.refill
        return [Command(f"flush set {target}", delta.file.where)], _command("add", target, delta, elements)
    return _command("delete", target, delta, delta.delete), _command("add", target, delta, delta.add)


def slow(delta: file_sets.SetDelta) -> bool:
    """Whether nft deletes so slowly that emptying and filling the set is faster."""
    from ansible_collections.tidegate.nftables.plugins.module_utils.nft.changes.elements_plan import SLOW

    return len(delta.delete) * delta.total > SLOW


def _command(verb: str, target: str, delta: file_sets.SetDelta, elements: Sequence[netlink.Element]) -> list[Command]:
    if not elements:
        return []
    info, start = delta.info, f"{verb} element {target} {{"
    shown = _texts(info, elements, SHOWN)
    rest = len(elements) - len(shown)

    def whole() -> str:
        return "\n".join([start, *(f"\t{netlink.show(info, element)}," for element in elements), "}"])

    if rest:
        lines = [start, *(f"\t{text}," for text in shown), f"\t# and {rest} more of {delta.file.path}", "}"]
        return [Command("\n".join(lines), delta.file.where, whole)]
    line = f"{start} {', '.join(shown)} }}"
    return [Command(line if len(line) <= 200 else whole(), delta.file.where)]


def shown(table: NftTable | None, deltas: Sequence[file_sets.SetDelta], *, after: bool) -> NftTable | None:
    """Return a table for a diff, with the elements of its file sets that were added (after) or deleted."""
    if table is None:
        return None
    by_name = {delta.info.name: delta for delta in deltas if (delta.info.family, delta.info.table) == _of(table)}
    sets = tuple(
        _shown(nft_set, by_name[nft_set.name], after=after) if nft_set.name in by_name else nft_set
        for nft_set in table.sets
    )
    return NftTable(
        table.family, table.name, table.comment, table.flags, table.objects, sets, table.chains, table.where
    )


def alone(deltas: Sequence[file_sets.SetDelta], *, after: bool) -> str:
    """Return the file sets for a diff, without the rest of their tables, which was not listed."""
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
    """Return the elements that were added (after) or deleted, and remarks on the others."""
    elements = delta.add if after else delta.delete
    texts = _texts(delta.info, elements, SHOWN)
    staying, rest = delta.total - len(delta.add), len(elements) - len(texts)
    remarks = [f"# and {rest} more"] if rest else []
    remarks += [f"# and {staying} that stay"] if staying > 0 else []
    remarks = ["# all elements"] if delta.blind and not after else remarks
    return texts, remarks


def _shown(nft_set: NftSet, delta: file_sets.SetDelta, *, after: bool) -> NftSet:
    texts, remarks = _lines(delta, after=after)
    return NftSet(
        nft_set.kind,
        nft_set.name,
        nft_set.declaration,
        nft_set.text,
        tuple(NftElement(text, text, text) for text in texts),
        nft_set.managed,
        nft_set.implicit,
        nft_set.where,
        tuple(remarks),
    )


def _texts(info: netlink.SetInfo, elements: Sequence[netlink.Element], limit: int) -> list[str]:
    first = elements[:limit] if isinstance(elements, netlink.PlainElements) else sorted(elements)[:limit]
    return [netlink.show(info, element) for element in first]


def residue(deltas: Sequence[file_sets.SetDelta]) -> list[ChangeRecord]:
    """Return the changes that are missing after a run.

    The kernel confirms every message as a whole, and nft's silent rejections cannot happen here. So its count and two
    hundred of the elements are verified, not a set of a million.
    """
    changes = []
    for delta in deltas:
        info = netlink.get_set(delta.info.family, delta.info.table, delta.info.name)
        missing = [element for element, present in _looked_up(info, delta.add) if not present]
        # A deleted element may be added again, without the comment that it had.
        added_keys = {element[:2] for element in delta.add} if delta.delete else set()
        remaining = [
            element for element, present in _looked_up(info, delta.delete) if present and element[:2] not in added_keys
        ]
        if missing or remaining or not _count_is_right(info, delta.total):
            changes += [_record("add", info, missing), _record("delete", info, remaining)]
    return changes


def _looked_up(info: netlink.SetInfo, elements: Sequence[netlink.Element]) -> Iterable[tuple[netlink.Element, bool]]:
    """Return some of the elements, spread over all, and whether each is in the set."""
    sample = elements[:: max(1, len(elements) // VERIFIED)]
    present = netlink.get_elements(info, [element.start for element in sample])
    return [(element, live is not None and live[:2] == element[:2]) for element, live in zip(sample, present)]


def _count_is_right(info: netlink.SetInfo, total: int) -> bool:
    if info.count in (None, total):
        return True
    # An interval without end is half an element to some kernels' count.
    highest = [b"\xff" * info.key_len]
    return info.is_interval and info.count == total - 1 and None not in netlink.get_elements(info, highest)
