# Copyright: (c) 2026, the tidegate developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""File sets, whose elements are exactly those of a file: read the file and find what changes in the kernel.

Their elements are neither sent nor listed as nft's text, and the last content is kept. So a change of a hundred in a
million elements costs as much as reading the file.
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
"""Number of elements above which a set is not read: the time of the kernel grows with their square (2.7 s here, a
minute for a million, measured on Linux 6.18)."""

MOST_DELETED = 20_000
"""Number of elements to delete above which the set is emptied and filled again."""

EDITS = 5000
"""Number of changed lines above which the lines are compared as sets, in any order."""

SMALL = 1000
"""Size of a set above which it is emptied and filled again when more than half of its elements are deleted."""

_STATEFUL = ("timeout ", "counter", "limit ", "quota ", "last", "ct count")

_ADDRESSES = ("type ipv4_addr", "type ipv6_addr")


class NeedsNft(Exception):
    """A file has an element that only nft can read; name: (family, table, set)."""

    def __init__(self, name: tuple[str, str, str]) -> None:
        super().__init__(" ".join(name))
        self.name = name


class FileContent(NamedTuple):
    """A file. text: its lines without remarks; size: number of elements; distinct: each line is one element."""

    text: bytes
    size: int
    distinct: bool


@dataclass(frozen=True)
class SetDelta:
    """The changes of a set. known: the content of its file, kept when the kernel has it.

    add, delete: elements. refill: all elements, when the set is emptied and filled again, else None. blind: the live
    elements are unknown, so add has all. recipe: as in netlink.SetChange.
    """

    info: netlink.SetInfo
    file: ElementsFile
    known: FileContent
    add: Sequence[netlink.Element] = field(default=())
    delete: Sequence[netlink.Element] = field(default=())
    refill: Sequence[netlink.Element] | None = None
    blind: bool = False
    recipe: bytes = b""

    def __bool__(self) -> bool:
        return bool(self.add or self.delete or self.blind or self.recipe)

    @property
    def total(self) -> int:
        """The number of elements afterwards."""
        return self.known.size

    def change(self) -> netlink.SetChange:
        """Return the change for netlink."""
        if self.refill is not None:
            return netlink.SetChange(self.info, self.refill, flush=True)
        return netlink.SetChange(self.info, self.add, self.delete, recipe=self.recipe)


def takes(table: TableSpec, spec: SetSpec) -> bool:
    """Whether a set can go by netlink: it holds exactly the elements of a file, which are only keys.

    Not with max_removed of the table, which counts elements as text in a single place.
    """
    return spec.file is not None and table.max_removed is None and _plain_keys(spec)


def _plain_keys(spec: SetSpec) -> bool:
    return (
        spec.present
        and (spec.kind, spec.mode, spec.elements) == ("set", "exact", None)
        and not spec.volatile
        and spec.declaration is not None
        and _may_be_addresses(spec.declaration[0])
        and not any(line.startswith(_STATEFUL) or "constant" in line for line in spec.declaration)
    )


def check_plain(specs: Sequence[TableSpec], set_names: Collection[tuple[str, str, str]]) -> None:
    """Raise NeedsNft for a file set whose declaration, with what its task leaves out, nft has to handle."""
    for table in specs:
        for spec in table.sets:
            name = (table.family, table.name, spec.name)
            if name in set_names and not _plain_keys(spec):
                raise NeedsNft(name)


def _may_be_addresses(declared_type: str) -> bool:
    """Return whether the keys may be addresses: of typeof, only the kernel's declaration says it."""
    return declared_type in _ADDRESSES or (declared_type.startswith("typeof ") and " . " not in declared_type)


def _require_addresses(info: netlink.SetInfo) -> None:
    if not info.version:
        raise NeedsNft((info.family, info.table, info.name))


def names(
    specs: Sequence[TableSpec], excluded: Collection[tuple[str, str, str]]
) -> dict[tuple[str, str, str], SetSpec]:
    """Return the file sets by (family, table, name), without the excluded ones."""
    file_sets = {
        (table.family, table.name, set_spec.name): set_spec
        for table in specs
        if table.present
        for set_spec in table.sets
        if takes(table, set_spec)
    }
    return {name: set_spec for name, set_spec in file_sets.items() if name not in excluded}


def without_files(table: TableSpec, file_set_names: Collection[tuple[str, str, str]]) -> TableSpec:
    """Return the table for nft: without elements of file sets, with the elements of other files."""
    sets = (
        replace(set_spec, file=None) if (table.family, table.name, set_spec.name) in file_set_names else set_spec
        for set_spec in table.sets
    )
    return expand_files.expanded(replace(table, sets=tuple(sets)))


def made(info: netlink.SetInfo, file: ElementsFile, recipe: bytes) -> SetDelta:
    """Return the changes that fill a new set."""
    _require_addresses(info)
    known, elements = _read(info, file, element_files.text(file))
    return SetDelta(info, file, known, add=elements, recipe=recipe)


def from_known(info: netlink.SetInfo, file: ElementsFile, known: FileContent) -> SetDelta:
    """Return the changes of a set whose live elements are exactly those of a known content."""
    _require_addresses(info)
    text = element_files.text(file)
    changed = edits(known.text, text, EDITS) if known.distinct else None
    if changed is not None:
        delta = _edited(info, file, known, text, changed)
        if delta is not None:
            return delta
    return _by_lines(info, file, known, text)


def _edited(
    info: netlink.SetInfo, file: ElementsFile, known: FileContent, text: bytes, changed: tuple[list[bytes], list[bytes]]
) -> SetDelta | None:
    """Return the changes, None when not every line of the text is an element of its own."""
    gone_lines, new_lines = changed
    _same, going = _read(info, file, b"\n".join(gone_lines))
    new_content, coming = _read(info, file, b"\n".join(new_lines))
    leaving_keys, coming_keys = {element[:2] for element in going}, {element[:2] for element in coming}
    add = [element for element in coming if element[:2] not in leaving_keys]
    present = netlink.get_elements(info, [element.start for element in add])
    # A new line may be another spelling of an element that stays; the kernel knows.
    again = any(live is not None and live[:2] == element[:2] for element, live in zip(add, present))
    if not new_content.distinct or again:
        return None
    delete = [element for element in going if element[:2] not in coming_keys]
    return SetDelta(
        info, file, FileContent(text, known.size + len(coming) - len(going), distinct=True), add=add, delete=delete
    )


def _by_lines(info: netlink.SetInfo, file: ElementsFile, known: FileContent, text: bytes) -> SetDelta:
    """Return the changes when lines changed their order, or when some lines share an element."""
    if set(_lines(text)) == set(_lines(known.text)):
        return SetDelta(info, file, known)
    return _compared(info, file, _read(info, file, known.text)[1])


def from_kernel(info: netlink.SetInfo, file: ElementsFile, known: FileContent | None, generation: int) -> SetDelta:
    """Return the changes of a set that other processes may have changed. known: the content of the last run, if any.

    A small set is read. A larger one whose count the kernel reports (Linux 6.15) is as desired when the counts are
    equal and every desired element is in it, which needs no reading (comments of other processes go unnoticed).
    Otherwise it may be as the last run left it, proven in the same way. Otherwise its elements are unknown: emptying
    and filling it in one transaction is exact and ten times as fast as reading it. An older kernel reports no count,
    so the set is read, however long that takes; otherwise every run would report a change.
    """
    _require_addresses(info)
    if info.count is None or info.count <= DUMP_MOST:
        return _compared(info, file, netlink.dump_elements(info))
    content, elements = _read(info, file, element_files.text(file))
    if _is(info, elements, generation):
        return SetDelta(info, file, content)
    if known is not None:
        elements_before = _read(info, file, known.text)[1]
        if _is(info, elements_before, generation):
            return _compared(info, file, elements_before)
    return SetDelta(info, file, content, add=elements, refill=elements, blind=True)


def _is(info: netlink.SetInfo, elements: Sequence[netlink.Element], generation: int) -> bool:
    """Whether a set holds exactly these elements, without reading it."""
    # Some kernels count an interval without end as half an element.
    open_end = len(elements) > 0 and elements[-1].end == b"\xff" * info.key_len
    if info.count != len(elements) or open_end:
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


def _compared(info: netlink.SetInfo, file: ElementsFile, present: Sequence[netlink.Element]) -> SetDelta:
    content, elements = _read(info, file, element_files.text(file))
    add, delete = netlink.difference(info, present, elements)
    refill = elements if len(delete) > MOST_DELETED or len(delete) * 2 > len(present) > SMALL else None
    return SetDelta(info, file, content, add=add, delete=delete, refill=refill)


def _lines(text: bytes) -> list[str]:
    return text.decode().split("\n") if text else []


def _read(info: netlink.SetInfo, file: ElementsFile, text: bytes) -> tuple[FileContent, Sequence[netlink.Element]]:
    """Return elements and content of some lines: sorted in a tree; of several lines for one element the last."""
    merging = info.auto_merge and info.is_interval
    many = netlink.read_plain(info, text)
    if many is not None:
        return FileContent(text, len(many), distinct=not merging), many
    lines = _lines(text)
    try:
        elements = netlink.read_all(info, lines)
    except netlink.UnknownLiteral as error:
        raise NeedsNft((info.family, info.table, info.name)) from error
    if info.is_interval and netlink.CATCH_ALL in (element.start for element in elements):
        raise NeedsNft(
            (info.family, info.table, info.name)
        )  # some versions of nft crash on it; the text path knows them
    if merging:
        elements = netlink.merge(elements, info.key_len)
        return FileContent(text, len(elements), distinct=False), elements
    line_of = dict(zip(elements, lines))
    if len(line_of) < len(lines):
        text, elements = "\n".join(line_of.values()).encode(), list(line_of)
    if info.is_interval:
        elements = _apart(info, file, elements, line_of)
    return FileContent(text, len(elements), distinct=True), elements


def _apart(
    info: netlink.SetInfo, file: ElementsFile, elements: list[netlink.Element], lines: dict[netlink.Element, str]
) -> list[netlink.Element]:
    """Return intervals sorted; raise when two overlap, which nft rejects without naming the two."""
    ordered = sorted(elements)
    index = first_overlap([element.start for element in ordered], [element.end for element in ordered])
    if index is not None:
        previous, element = ordered[index : index + 2]
        raise bad_spec(
            element_files.place(file, lines[element]),
            f"{netlink.show(info, element)} overlaps {netlink.show(info, previous)} "
            f"({element_files.place(file, lines[previous])}). Fix: remove one of them, or set auto_merge: true for "
            "the set.",
        )
    return ordered
