# Copyright: (c) 2026, the tidegate developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Sets fed by a file: which there are, what their files say, and what has to change in the kernel.

Their elements never become nft's text nor pass its listings, and what was applied last is kept: so a change of a
hundred in a million costs what reading the file costs.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import Collection, Sequence

from ansible_collections.tidegate.nftables.plugins.module_utils.netlink import sets as netlink
from ansible_collections.tidegate.nftables.plugins.module_utils.nft import element_files
from ansible_collections.tidegate.nftables.plugins.module_utils.nft.errors import bad_spec
from ansible_collections.tidegate.nftables.plugins.module_utils.nft.spec import ElementsFile, SetSpec, TableSpec

DUMP_MOST = 200_000
"""Elements above which a set is not read: the kernel's own work grows with their square (2.7 s here, a minute for a
million, measured on Linux 6.18)."""

PIECEMEAL = 20_000
"""New and gone lines above which whole files are compared instead of lines."""

PIECE = 1000
"""Elements of a set that is emptied and filled when more than half of them go."""

_STATEFUL = ("timeout ", "counter", "limit ", "quota ", "last", "ct count")


class NotPlain(Exception):
    """A file has an element that only nft can read; name: (family, table, set)."""

    def __init__(self, name: tuple[str, str, str]) -> None:
        super().__init__(" ".join(name))
        self.name = name


@dataclass(frozen=True)
class Delta:
    """What changes in one set. lines: what the file says, one line an element, kept when that is what the kernel has.

    total: elements afterwards. add, delete: what comes and what goes. everything: not None to empty the set and fill it
    with this. blind: what was there is not known, so add is everything. recipe: as in netlink.Change.
    """

    info: netlink.SetInfo
    file: ElementsFile
    lines: list[str]
    total: int
    add: list[netlink.Element] = field(default_factory=list)
    delete: list[netlink.Element] = field(default_factory=list)
    everything: list[netlink.Element] | None = None
    blind: bool = False
    recipe: bytes = b""

    def __bool__(self) -> bool:
        return bool(self.add or self.delete or self.blind or self.recipe)

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
    return element_files.expanded(replace(table, sets=tuple(sets)))


def made(info: netlink.SetInfo, file: ElementsFile, recipe: bytes) -> Delta:
    """Return what fills a set that is not there."""
    lines, elements = _read(info, file, element_files.lines(file))
    return Delta(info, file, lines, len(elements), add=elements, recipe=recipe)


def from_known(info: netlink.SetInfo, file: ElementsFile, known: list[str]) -> Delta:
    """Return what changes when the kernel has exactly the elements of the known lines, each once."""
    lines = element_files.lines(file)
    before, now = set(known), set(lines)
    fresh_lines, gone_lines = now - before, before - now
    new = [line for line in dict.fromkeys(lines) if line in fresh_lines] if fresh_lines else []
    gone = [line for line in known if line in gone_lines] if gone_lines else []
    if not new and not gone:
        return Delta(info, file, known, len(known))
    if info.auto_merge or len(new) + len(gone) > PIECEMEAL:
        return _compared(info, file, _read(info, file, known)[1])
    _same, old = _read(info, file, gone)
    new, fresh = _read(info, file, new)
    leaving, coming = {one[:2] for one in old}, {one[:2] for one in fresh}
    delete = [one for one in old if one[:2] not in coming]
    # A new line may be another spelling of one that stays: the kernel is asked.
    found = netlink.get_elements(info, [one.start for one in fresh])
    there = [one[:2] not in leaving and had is not None and had[:2] == one[:2] for one, had in zip(fresh, found)]
    add = [one for one, is_there in zip(fresh, there) if not is_there and one[:2] not in leaving]
    staying = [line for line in known if line in now] if gone else known
    kept = staying + [line for line, is_there in zip(new, there) if not is_there]
    return Delta(info, file, kept, len(kept), add=add, delete=delete)


def from_kernel(info: netlink.SetInfo, file: ElementsFile, known: list[str] | None, generation: int) -> Delta:
    """Return what changes in a set that anybody may have changed. known: lines of our last run, if there was one.

    A set that is small enough is read. A larger one of which the kernel tells the count (Linux 6.15) is what it should
    be when it has as many elements, and every one wanted: that takes no reading (the comments that others may have
    given them are not seen then). Else it is the one of our last run, proven alike; else nothing is known about it, and
    emptying and filling it in one transaction is exact and ten times as fast as reading it. On an older kernel it is
    read, however long that takes, since otherwise every run would be a change.
    """
    if info.count is None or info.count <= DUMP_MOST:
        return _compared(info, file, netlink.dump_elements(info))
    lines, elements = _read(info, file, element_files.lines(file))
    if _is(info, elements, generation):
        return Delta(info, file, lines, len(elements))
    if known is not None:
        had = _read(info, file, known)[1]
        if _is(info, had, generation):
            return _compared(info, file, had)
    return Delta(info, file, lines, len(elements), add=elements, everything=elements, blind=True)


def _is(info: netlink.SetInfo, elements: Sequence[netlink.Element], generation: int) -> bool:
    """Whether a set holds exactly these elements, without reading it."""
    # An interval without end is half an element to some kernels' count.
    open_end = any(one.end == b"\xff" * info.key_len for one in elements)
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


def _compared(info: netlink.SetInfo, file: ElementsFile, have: Sequence[netlink.Element]) -> Delta:
    lines, elements = _read(info, file, element_files.lines(file))
    add, delete = netlink.difference(info, have, elements)
    everything = elements if len(delete) > PIECEMEAL or len(delete) * 2 > len(have) > PIECE else None
    return Delta(info, file, lines, len(elements), add=add, delete=delete, everything=everything)


def _read(info: netlink.SetInfo, file: ElementsFile, lines: list[str]) -> tuple[list[str], list[netlink.Element]]:
    """Return the elements of some lines, and a line for each; where nft merges, all lines and the merged elements."""
    try:
        elements = netlink.read_all(info, lines)
    except (netlink.UnknownLiteral, netlink.UnsupportedSet) as error:
        raise NotPlain((info.family, info.table, info.name)) from error
    if info.layout is netlink.Layout.TREE and netlink.CATCH_ALL in (one.start for one in elements):
        raise NotPlain((info.family, info.table, info.name))  # some versions of nft crash on those, and nft's way knows
    if info.auto_merge and info.layout is netlink.Layout.TREE:
        return lines, netlink.merge(elements)
    once = dict(zip(elements, lines))
    if len(once) < len(lines):
        lines, elements = list(once.values()), list(once)
    if info.layout is netlink.Layout.TREE:
        elements = _apart(info, file, elements, once)
        lines = [once[one] for one in elements]
    return lines, elements


def _apart(
    info: netlink.SetInfo, file: ElementsFile, elements: list[netlink.Element], lines: dict[netlink.Element, str]
) -> list[netlink.Element]:
    """Return intervals sorted; raise when two overlap, which nft refuses without saying which two."""
    ordered = sorted(elements)
    ends = [one.end for one in ordered]
    if any(map(bytes.__le__, [one.start for one in ordered[1:]], ends)):
        one, other = next(pair for pair in zip(ordered, ordered[1:]) if pair[1].start <= pair[0].end)
        raise bad_spec(
            element_files.place(file, lines[other]),
            f"{netlink.show(info, other)} overlaps {netlink.show(info, one)} "
            f"({element_files.place(file, lines[one])}). Leave one out, or give the set auto_merge: true.",
        )
    return ordered
