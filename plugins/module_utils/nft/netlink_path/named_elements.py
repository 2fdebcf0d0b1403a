# Copyright: (c) 2026, the tidegate developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Change single elements of a set without nft and without listing the set.

To change one element, nft 1.0.6 reads all sets of a table and 1.1 reads the set, which takes seconds when it is large.
Here the kernel looks up the elements that the task names, and gets the difference. nft takes over for texts that only
it can read (service names, timeouts of elements, maps), for sets that merge, and for errors, which it explains better.
"""

from __future__ import annotations

from typing import NamedTuple, Sequence

from ansible_collections.tidegate.nftables.plugins.module_utils.netlink import sets as netlink
from ansible_collections.tidegate.nftables.plugins.module_utils.nft import nf_tables
from ansible_collections.tidegate.nftables.plugins.module_utils.nft.changes.result import RunResult, still_matches
from ansible_collections.tidegate.nftables.plugins.module_utils.nft.changes.transaction import (
    SAMPLE,
    Action,
    ChangeRecord,
    change_record,
)
from ansible_collections.tidegate.nftables.plugins.module_utils.nft.command import Nft
from ansible_collections.tidegate.nftables.plugins.module_utils.nft.desired.spec import ElementSpec, SetSpec, TableSpec
from ansible_collections.tidegate.nftables.plugins.module_utils.nft.state.last_run import LastRun

_COMMENT = ' comment "'


class _ElementEdits(NamedTuple):
    """The changes of a set. inside: (element to delete, the larger live element that holds it)."""

    info: netlink.SetInfo
    delete: list[netlink.Element]
    add: list[netlink.Element]
    inside: list[tuple[netlink.Element, netlink.Element]]


def run(specs: Sequence[TableSpec], nft: Nft, last_run: LastRun, *, check: bool) -> RunResult | None:
    """Add or delete elements; return None when nft has to do that, and nothing was changed."""
    spec, set_spec = specs[0], specs[0].sets[0]
    generation = nf_tables.settled()
    try:
        info = netlink.get_set(spec.family, spec.name, set_spec.name)
        work = _compared(info, set_spec) if generation and _plain(info) else None
        if work is None:
            return None
        version = nft.version()
        after = netlink.change_elements([netlink.SetChange(info, work.add, work.delete)], generation, dry_run=check)
        if not check and not _is_done(work):
            return None
    except netlink.NetlinkError:
        return None
    if not check or not (work.add or work.delete):
        last_run.walked(generation, after, changed=True)
        if "timeout" not in info.words:
            last_run.write(version, after, {})
    return _result(work, version)


def _plain(info: netlink.SetInfo) -> bool:
    merging = info.auto_merge and info.is_interval
    others = info.is_map or info.statements
    return not merging and not others and not {"dynamic", "constant"} & set(info.words)


def _compared(info: netlink.SetInfo, spec: SetSpec) -> _ElementEdits | None:
    read = netlink.reader(info)
    elements = [_element(read(_key(element.text)), element) for element in spec.elements or () if element.data is None]
    highest = b"\xff" * info.key_len
    odd = any(
        element.start == netlink.CATCH_ALL or (element.end == highest and element.start != highest)
        for element in elements
    )
    if odd or len({element[:2] for element in elements}) != len(spec.elements or ()):
        return None
    present = netlink.get_elements(info, [element.start for element in elements])
    pairs = list(zip(elements, present))
    if spec.mode == "remove":
        removed = [element for element, live in pairs if live is not None and live[:2] == element[:2]]
        larger = [(element, live) for element, live in pairs if live is not None and live[:2] != element[:2]]
        return _ElementEdits(
            info, removed, [], [(element, live) for element, live in larger if element.end <= live.end]
        )
    if any(live is not None and live[:2] != element[:2] for element, live in pairs):
        return None
    # In a set that others refresh, a live element is as desired unless the task also gives it a comment.
    lenient = "timeout" in info.words
    unchanged = {
        element
        for element, live in pairs
        if live and (element.comment == live.comment or (lenient and not element.comment))
    }
    changed = {element for element, live in pairs if live} - unchanged
    return _ElementEdits(
        info,
        [element for element in elements if element in changed],
        [element for element in elements if element not in unchanged],
        [],
    )


def _key(text: str) -> str:
    """Return the text of an element without its comment; the reader raises for other options."""
    key, _word, comment = text.partition(_COMMENT)
    return key if comment.endswith('"') and '"' not in comment[:-1] else text


def _element(key: netlink.Element, spec: ElementSpec) -> netlink.Element:
    comment = spec.text.partition(_COMMENT)[2][:-1]
    return key._replace(comment=comment) if comment else key


def _is_done(work: _ElementEdits) -> bool:
    """Whether the added elements exist and the deleted ones do not, also when another process wrote meanwhile."""
    added_keys = {element[:2]: element for element in work.add}
    elements = [*work.add, *(element for element in work.delete if element[:2] not in added_keys)]
    present = netlink.get_elements(work.info, [element.start for element in elements])
    for element, live in zip(elements, present):
        same = live is not None and live[:2] == element[:2]
        if same != (element[:2] in added_keys) or (live is not None and same and live.comment != element.comment):
            return False
    return True


def _result(work: _ElementEdits, version: str) -> RunResult:
    info = work.info
    place = f"{info.family} {info.table} {info.name}"
    changes: list[ChangeRecord] = []
    commands = []
    parts: tuple[tuple[Action, list[netlink.Element]], ...] = (("delete", work.delete), ("add", work.add))
    for verb, elements in parts:
        if elements:
            texts = _texts(info, elements, keys=verb == "delete")
            commands.append(f"{verb} element {place} {{ {', '.join(texts)} }}\n")
            changes.append(change_record(verb, "element", set=info.name, count=len(elements), sample=texts[:SAMPLE]))
    warnings = [
        still_matches(netlink.show(info, element), info.name, netlink.show(info, larger))
        for element, larger in work.inside
    ]
    return RunResult(
        changed=bool(changes),
        before=_shown(info, work.delete) if changes else "",
        after=_shown(info, work.add) if changes else "",
        transaction="".join(commands),
        changes=tuple(changes),
        nft_version=version,
        path="elements",
        warnings=tuple(warnings),
    )


def _texts(info: netlink.SetInfo, elements: Sequence[netlink.Element], *, keys: bool = False) -> list[str]:
    show = netlink.show if keys else netlink.element_text
    return [show(info, element) for element in sorted(elements, key=lambda element: element[:2])]


def _shown(info: netlink.SetInfo, elements: Sequence[netlink.Element]) -> str:
    """Return the set for a diff, with the changed elements only; the others were not read."""
    body = [f"\t\t\t{text}," for text in _texts(info, elements)]
    body = ["\t\telements = {", *body, "\t\t}"] if body else []
    lines = [f"table {info.family} {info.table} {{", f"\tset {info.name} {{", *body, "\t}", "}"]
    return "".join(f"{line}\n" for line in lines)
