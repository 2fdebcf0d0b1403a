# Copyright: (c) 2026, the tidegate developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Sets fed by a file: which there are, what their files say, and what has to change in the kernel.

Their elements never become nft's text nor pass its listings, and what was applied last is kept: so a change of a
hundred in a million costs what reading the file costs.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import Collection, NamedTuple, Sequence

from ansible_collections.tidegate.nftables.plugins.module_utils.intervals import first_overlap
from ansible_collections.tidegate.nftables.plugins.module_utils.netlink import sets as netlink
from ansible_collections.tidegate.nftables.plugins.module_utils.nft.desired import element_files, expand_files
from ansible_collections.tidegate.nftables.plugins.module_utils.nft.desired.spec import ElementsFile, SetSpec, TableSpec
from ansible_collections.tidegate.nftables.plugins.module_utils.nft.errors import bad_spec

from .edits import edits

DUMP_MOST = 200_000
"""Elements above which a set is not read: the kernel's own work grows with their square (2.7 s here, a minute for a
million, measured on Linux 6.18)."""

PIECEMEAL = 20_000
"""New and gone lines above which whole files are compared instead of lines."""

EDITS = 5000
"""New and gone lines above which the lines are compared as sets, whose order does not matter."""

PIECE = 1000
"""Elements of a set that is emptied and filled when more than half of them go."""

_STATEFUL = ("timeout ", "counter", "limit ", "quota ", "last", "ct count")


class NeedsNft(Exception):
    """A file has an element that only nft can read; name: (family, table, set)."""

    def __init__(self, name: tuple[str, str, str]) -> None:
        super().__init__(" ".join(name))
        self.name = name


class FileContent(NamedTuple):
    """What a file says. text: its lines without remarks; size: elements; distinct: each line is one of its own."""

    text: bytes
    size: int
    distinct: bool


@dataclass(frozen=True)
class SetDelta:
    """What changes in one set. known: what the file says, kept when that is what the kernel has.

    add, delete: what comes and what goes. everything: not None to empty the set and fill it
    with this. blind: what was there is not known, so add is everything. recipe: as in netlink.Change.
    """

    info: netlink.SetInfo
    file: ElementsFile
    known: FileContent
    add: Sequence[netlink.Element] = field(default=())
    delete: Sequence[netlink.Element] = field(default=())
    everything: Sequence[netlink.Element] | None = None
    blind: bool = False
    recipe: bytes = b""

    def __bool__(self) -> bool:
        return bool(self.add or self.delete or self.blind or self.recipe)

    @property
    def total(self) -> int:
        """How many elements there are afterwards."""
        return self.known.size

    def change(self) -> netlink.Change:
        """Return what netlink is to do."""
        if self.everything is not None:
            return netlink.Change(self.info, self.everything, flush=True)
        return netlink.Change(self.info, self.add, self.delete, recipe=self.recipe)


def takes(table: TableSpec, spec: SetSpec) -> bool:
    """Whether a set can be fed past nft: exactly the elements of a file, without anything beside their keys.

    What a table's max_removed counts is compared as text, so that one place counts.
    """
    return (
        spec.file is not None
        and spec.present
        and (spec.kind, spec.mode, spec.elements) == ("set", "exact", None)
        and table.max_removed is None
        and not spec.volatile
        and not any(line.startswith(_STATEFUL) or "constant" in line for line in spec.declaration or ("counter",))
    )


def names(specs: Sequence[TableSpec], without: Collection[tuple[str, str, str]]) -> dict[tuple[str, str, str], SetSpec]:
    """Return the fed sets by (family, table, name), without those named."""
    found = {
        (table.family, table.name, one.name): one
        for table in specs
        if table.present
        for one in table.sets
        if takes(table, one)
    }
    return {name: one for name, one in found.items() if name not in without}


def without_files(table: TableSpec, fed: Collection[tuple[str, str, str]]) -> TableSpec:
    """Return the table for nft: elements of fed sets are not its business, those of other files are read."""
    sets = (replace(one, file=None) if (table.family, table.name, one.name) in fed else one for one in table.sets)
    return expand_files.expanded(replace(table, sets=tuple(sets)))


def made(info: netlink.SetInfo, file: ElementsFile, recipe: bytes) -> SetDelta:
    """Return what fills a set that is not there."""
    known, elements = _read(info, file, element_files.text(file))
    return SetDelta(info, file, known, add=elements, recipe=recipe)


def from_known(info: netlink.SetInfo, file: ElementsFile, known: FileContent) -> SetDelta:
    """Return what changes when the kernel has exactly the elements of what is known."""
    text = element_files.text(file)
    found = edits(known.text, text, EDITS) if known.distinct else None
    if found is not None:
        delta = _edited(info, file, known, text, found)
        if delta is not None:
            return delta
    return _by_lines(info, file, known, text)


def _edited(
    info: netlink.SetInfo, file: ElementsFile, known: FileContent, text: bytes, changed: tuple[list[bytes], list[bytes]]
) -> SetDelta | None:
    """Return what changes, None when the lines of the text are not all distinct elements."""
    gone, new = changed
    _same, old = _read(info, file, b"\n".join(gone))
    said, fresh = _read(info, file, b"\n".join(new))
    leaving, coming = {one[:2] for one in old}, {one[:2] for one in fresh}
    add = [one for one in fresh if one[:2] not in leaving]
    found = netlink.get_elements(info, [one.start for one in add])
    # A new line may be another spelling of one that stays: the kernel is asked.
    again = any(had is not None and had[:2] == one[:2] for one, had in zip(add, found))
    if not said.distinct or again:
        return None
    delete = [one for one in old if one[:2] not in coming]
    return SetDelta(
        info, file, FileContent(text, known.size + len(fresh) - len(old), distinct=True), add=add, delete=delete
    )


def _by_lines(info: netlink.SetInfo, file: ElementsFile, known: FileContent, text: bytes) -> SetDelta:
    """Return what changes where the order of the lines is another, or one line is not one element."""
    if set(_lines(text)) == set(_lines(known.text)):
        return SetDelta(info, file, known)
    return _compared(info, file, _read(info, file, known.text)[1])


def from_kernel(info: netlink.SetInfo, file: ElementsFile, known: FileContent | None, generation: int) -> SetDelta:
    """Return what changes in a set that anybody may have changed. known: what our last run left, if there was one.

    A set that is small enough is read. A larger one of which the kernel tells the count (Linux 6.15) is what it should
    be when it has as many elements, and every one wanted: that takes no reading (the comments that others may have
    given them are not seen then). Else it is the one of our last run, proven alike; else nothing is known about it, and
    emptying and filling it in one transaction is exact and ten times as fast as reading it. On an older kernel it is
    read, however long that takes, since otherwise every run would be a change.
    """
    if info.count is None or info.count <= DUMP_MOST:
        return _compared(info, file, netlink.dump_elements(info))
    wanted, elements = _read(info, file, element_files.text(file))
    if _is(info, elements, generation):
        return SetDelta(info, file, wanted)
    if known is not None:
        had = _read(info, file, known.text)[1]
        if _is(info, had, generation):
            return _compared(info, file, had)
    return SetDelta(info, file, wanted, add=elements, everything=elements, blind=True)


def _is(info: netlink.SetInfo, elements: Sequence[netlink.Element], generation: int) -> bool:
    """Whether a set holds exactly these elements, without reading it."""
    # An interval without end is half an element to some kernels' count.
    open_end = len(elements) > 0 and elements[-1].end == b"\xff" * info.key_len
    if info.count != len(elements) or info.layout is netlink.Layout.RANGES or open_end:
        return False
    return _holds(info, elements, generation)


def _holds(info: netlink.SetInfo, elements: Sequence[netlink.Element], generation: int) -> bool:
    try:
        return netlink.holds(info, elements, generation)
    except netlink.MessageTooLong:
        half = len(elements) // 2
        if not half:
            raise
        return _holds(info, elements[:half], generation) and _holds(info, elements[half:], generation)


def _compared(info: netlink.SetInfo, file: ElementsFile, have: Sequence[netlink.Element]) -> SetDelta:
    wanted, elements = _read(info, file, element_files.text(file))
    add, delete = netlink.difference(info, have, elements)
    everything = elements if len(delete) > PIECEMEAL or len(delete) * 2 > len(have) > PIECE else None
    return SetDelta(info, file, wanted, add=add, delete=delete, everything=everything)


def _lines(text: bytes) -> list[str]:
    return text.decode().split("\n") if text else []


def _read(info: netlink.SetInfo, file: ElementsFile, text: bytes) -> tuple[FileContent, Sequence[netlink.Element]]:
    """Return the elements of some lines, in a tree sorted, and those lines, of several for one element the last."""
    merging = info.auto_merge and info.layout is netlink.Layout.TREE
    many = netlink.read_many(info, text)
    if many is not None:
        return FileContent(text, len(many), distinct=not merging), many
    lines = _lines(text)
    try:
        elements = netlink.read_all(info, lines)
    except (netlink.UnknownLiteral, netlink.UnsupportedSet) as error:
        raise NeedsNft((info.family, info.table, info.name)) from error
    if info.layout is netlink.Layout.TREE and netlink.CATCH_ALL in (one.start for one in elements):
        raise NeedsNft((info.family, info.table, info.name))  # some versions of nft crash on those, and nft's way knows
    if merging:
        elements = netlink.merge(elements, info.key_len)
        return FileContent(text, len(elements), distinct=False), elements
    once = dict(zip(elements, lines))
    if len(once) < len(lines):
        text, elements = "\n".join(once.values()).encode(), list(once)
    if info.layout is netlink.Layout.TREE:
        elements = _apart(info, file, elements, once)
    return FileContent(text, len(elements), distinct=True), elements


def _apart(
    info: netlink.SetInfo, file: ElementsFile, elements: list[netlink.Element], lines: dict[netlink.Element, str]
) -> list[netlink.Element]:
    """Return intervals sorted; raise when two overlap, which nft rejects without saying which two."""
    ordered = sorted(elements)
    index = first_overlap([element.start for element in ordered], [element.end for element in ordered])
    if index is not None:
        previous, element = ordered[index : index + 2]
        raise bad_spec(
            element_files.place(file, lines[element]),
            f"{netlink.show(info, element)} overlaps {netlink.show(info, previous)} "
            f"({element_files.place(file, lines[previous])}). Leave one out, or give the set auto_merge: true.",
        )
    return ordered
