# Copyright: (c) 2026, the tidegate developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Single elements of a set, looked up and changed without nft and without listing anything.

nft 1.0.6 reads all sets of a table to change one element, 1.1 the set: seconds where it is a large one. The kernel is
asked for the elements that are named, and told what is missing or too much. What nft has to read (names of services,
timeouts of elements, maps), what merges, and what the kernel refuses is left to nft, which says it better.
"""

from __future__ import annotations

from typing import NamedTuple, Sequence

from ansible_collections.tidegate.nftables.plugins.module_utils.netlink import sets as netlink
from ansible_collections.tidegate.nftables.plugins.module_utils.nft import nf_tables
from ansible_collections.tidegate.nftables.plugins.module_utils.nft.changes.result import RunResult
from ansible_collections.tidegate.nftables.plugins.module_utils.nft.changes.transaction import (
    SAMPLE,
    ChangeRecord,
    change_record,
)
from ansible_collections.tidegate.nftables.plugins.module_utils.nft.command import Nft
from ansible_collections.tidegate.nftables.plugins.module_utils.nft.desired.spec import ElementSpec, SetSpec, TableSpec
from ansible_collections.tidegate.nftables.plugins.module_utils.nft.state.last_run import LastRun

_COMMENT = ' comment "'


class _ElementEdits(NamedTuple):
    """What is to be done. inside: (element, the larger one that holds it) of those to go that are part of another."""

    info: netlink.SetInfo
    delete: list[netlink.Element]
    add: list[netlink.Element]
    inside: list[tuple[netlink.Element, netlink.Element]]


def run(specs: Sequence[TableSpec], nft: Nft, last_run: LastRun, *, check: bool) -> RunResult | None:
    """Put elements in or take them out; None when that is nft's business, and nothing was done."""
    spec, wanted = specs[0], specs[0].sets[0]
    generation = nf_tables.settled()
    try:
        info = netlink.get_set(spec.family, spec.name, wanted.name)
        work = _compared(info, wanted) if generation and _plain(info) else None
        if work is None:
            return None
        version = nft.version()
        after = netlink.change_elements([netlink.Change(info, work.add, work.delete)], generation, trial=check)
        if not check and not _is_done(work):
            return None
    except netlink.NetlinkError:
        return None
    if not check:
        last_run.walked(generation, after, changed=True)
        if "timeout" not in info.words:
            last_run.write(version, after, {})
    return _result(work, version)


def _plain(info: netlink.SetInfo) -> bool:
    merging = info.auto_merge and info.layout is netlink.Layout.TREE
    others = info.is_map or info.statements or info.layout is netlink.Layout.RANGES
    return not merging and not others and not {"dynamic", "constant"} & set(info.words)


def _compared(info: netlink.SetInfo, wanted: SetSpec) -> _ElementEdits | None:
    read = netlink.reader(info)
    named = [_element(read(_key(one.text)), one) for one in wanted.elements or () if one.data is None]
    highest = b"\xff" * info.key_len
    odd = any(one.start == netlink.CATCH_ALL or (one.end == highest and one.start != highest) for one in named)
    if odd or len({one[:2] for one in named}) != len(wanted.elements or ()):
        return None
    had = netlink.get_elements(info, [one.start for one in named])
    pairs = list(zip(named, had))
    if wanted.mode == "remove":
        gone = [one for one, there in pairs if there is not None and there[:2] == one[:2]]
        larger = [(one, there) for one, there in pairs if there is not None and there[:2] != one[:2]]
        return _ElementEdits(info, gone, [], [(one, there) for one, there in larger if one.end <= there.end])
    if any(there is not None and there[:2] != one[:2] for one, there in pairs):
        return None
    # In a set that others refresh, an element that is there is as asked for, unless more than its key was asked for.
    lenient = "timeout" in info.words
    right = {one for one, there in pairs if there and (one.comment == there.comment or (lenient and not one.comment))}
    other = {one for one, there in pairs if there} - right
    return _ElementEdits(info, [one for one in named if one in other], [one for one in named if one not in right], [])


def _key(text: str) -> str:
    """Return an element's text without a comment; other options are left for the reader to refuse."""
    key, _word, comment = text.partition(_COMMENT)
    return key if comment.endswith('"') and '"' not in comment[:-1] else text


def _element(key: netlink.Element, spec: ElementSpec) -> netlink.Element:
    comment = spec.text.partition(_COMMENT)[2][:-1]
    return key._replace(comment=comment) if comment else key


def _is_done(work: _ElementEdits) -> bool:
    """Whether what came is there and what went is not, also when somebody else was at it."""
    coming = {one[:2]: one for one in work.add}
    named = [*work.add, *(one for one in work.delete if one[:2] not in coming)]
    found = netlink.get_elements(work.info, [one.start for one in named])
    for one, there in zip(named, found):
        same = there is not None and there[:2] == one[:2]
        if same != (one[:2] in coming) or (there is not None and same and there.comment != one.comment):
            return False
    return True


def _result(work: _ElementEdits, version: str) -> RunResult:
    info = work.info
    place = f"{info.family} {info.table} {info.name}"
    changes: list[ChangeRecord] = []
    commands = []
    for verb, elements in (("delete", work.delete), ("add", work.add)):
        if elements:
            texts = _texts(info, elements, keys=verb == "delete")
            commands.append(f"{verb} element {place} {{ {', '.join(texts)} }}\n")
            changes.append(change_record(verb, "element", set=info.name, count=len(elements), sample=texts[:SAMPLE]))
    said = [
        f"{netlink.show(info, one)} still matches set {info.name}: it is inside of {netlink.show(info, larger)}, which "
        "was not named."
        for one, larger in work.inside
    ]
    return RunResult(
        changed=bool(changes),
        before=_shown(info, work.delete) if changes else "",
        after=_shown(info, work.add) if changes else "",
        transaction="".join(commands),
        changes=tuple(changes),
        nft_version=version,
        path="elements",
        warnings=tuple(said),
    )


def _texts(info: netlink.SetInfo, elements: Sequence[netlink.Element], *, keys: bool = False) -> list[str]:
    show = netlink.show if keys else netlink.element_text
    return [show(info, one) for one in sorted(elements, key=lambda one: one[:2])]


def _shown(info: netlink.SetInfo, elements: Sequence[netlink.Element]) -> str:
    """Return the set for a diff with the elements that come or go; the others are not looked at."""
    body = [f"\t\t\t{text}," for text in _texts(info, elements)]
    body = ["\t\telements = {", *body, "\t\t}"] if body else []
    lines = [f"table {info.family} {info.table} {{", f"\tset {info.name} {{", *body, "\t}", "}"]
    return "".join(f"{line}\n" for line in lines)
