# Copyright: (c) 2026, the tidegate developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What proves without nft that a table is as it was when it was last verified.

The kernel's generation moves with every commit of anybody and with nothing else, so the same generation of the same
namespace means the same ruleset. It does not prove that the same words still mean the same: a file that names are
looked up in may have changed, or a network device.
"""

from __future__ import annotations

import hashlib
import os
import re
import time
from dataclasses import replace
from pathlib import Path
from typing import Any, Sequence

from ansible_collections.tidegate.nftables.plugins.module_utils.nft import nf_tables
from ansible_collections.tidegate.nftables.plugins.module_utils.nft.desired.spec import (
    ChainSpec,
    ElementsFile,
    SetSpec,
    TableSpec,
)

_NAMES = (
    "/etc/services",
    "/etc/protocols",
    "/etc/hosts",
    "/etc/passwd",
    "/etc/group",
    "/etc/iproute2/rt_marks",
    "/etc/iproute2/rt_realms",
    "/etc/iproute2/group",
    "/etc/connlabel.conf",
)
"""Files in which nft looks names up."""

_MOVING = re.compile(r"\b(?:iif|oif|cgroupv2|timeout)\b")
"""Words whose meaning can change without a commit: an index of a device, of a cgroup, an element that goes."""


def slot(specs: Sequence[TableSpec]) -> str:
    """Return what tells one task from another: the network namespace, the tables and what it owns there."""
    parts = [str(nf_tables.namespace()), *owned(specs)]
    for spec in specs:
        parts += [str(found.edit) for found in spec.chains if found.edit]
        # Single elements of one set are what several tasks are about.
        parts += [f"{found.mode} {found.elements}" for found in spec.sets if found.declaration is None]
    return "/".join(parts)


def owned(specs: Sequence[TableSpec]) -> list[str]:
    """Return what a task can change and what its proof is about: "family table/" and kind and name, "*" for all."""
    found = []
    for spec in specs:
        table = f"{spec.family} {spec.name}/"
        parts = [f"{table}set {one.name} {part}" for one in spec.sets for part in _set_parts(one)]
        parts += [f"{table}chain {one.name} {part}" for one in spec.chains for part in _chain_parts(one)]
        found += parts if parts and spec.others == "stay" else [f"{table}{'table' if _only_itself(spec) else '*'}"]
    return found


def _set_parts(spec: SetSpec) -> list[str]:
    content = ["elements"] if spec.elements is not None or spec.file or not spec.present else []
    return content if spec.declaration is None else ["itself", *content]


def _chain_parts(spec: ChainSpec) -> list[str]:
    if spec.edit is not None:
        return ["rules"]
    return ["itself", "rules"] if spec.rules is not None or not spec.present else ["itself"]


def _only_itself(spec: TableSpec) -> bool:
    return spec.others == "stay" and spec.present


def meet(some: Sequence[str], others: Sequence[str]) -> bool:
    """Whether two tasks own anything in common."""
    return any(
        one == other or (one.partition("/")[0] == other.partition("/")[0] and "*" in (one[-1], other[-1]))
        for one in some
        for other in others
    )


def provable(specs: Sequence[TableSpec]) -> bool:
    """Whether an unchanged ruleset means that nothing is to be done."""
    for spec in specs:
        texts = [rule.text for chain in spec.chains for rule in chain.rules or ()]
        texts += [chain.edit.rule.text for chain in spec.chains if chain.edit and chain.edit.rule]
        given = [found for found in spec.sets if found.elements or found.file]
        texts += [element.text for found in given for element in found.elements or ()]
        texts += [line for found in given for line in found.declaration or ("timeout",)]
        if any(_MOVING.search(text) for text in texts):
            return False
    return True


def take(specs: Sequence[TableSpec], binary: str, file: str) -> dict[str, Any]:
    """Return everything that must be the same for nothing to have changed.

    binary: path of nft. file: seal of the saved file, if one is asked for. files: what the files of elements hold, by
    set; all else being the same, nothing but their elements is to be changed. {} when nothing can be proven.
    """
    generation = nf_tables.generation()
    if generation is None:
        return {}
    # What may be removed does not matter while nothing is.
    wanted = repr([_without_content(replace(spec, max_removed=None)) for spec in specs])
    return {
        "generation": generation,
        "namespace": nf_tables.namespace() or _inode("/proc/self/ns/net"),
        "boot": boot(),
        "handles": [nf_tables.handle(spec.family, spec.name) for spec in specs],
        "spec": hashlib.sha256(wanted.encode("utf-8", "surrogateescape")).hexdigest(),
        "nft": [binary, *_stamp(binary)],
        "names": [_stamp(path) for path in _NAMES],
        "clock": time.localtime().tm_gmtoff,
        "file": file,
        "files": {
            f"{spec.family} {spec.name} {found.name}": found.file.digest
            for spec in specs
            for found in spec.sets
            if found.file
        },
    }


def _without_content(spec: TableSpec) -> TableSpec:
    """Return the table without what files of elements hold, and where they are."""
    plain = ElementsFile("", "")
    return replace(spec, sets=tuple(replace(one, file=plain) if one.file else one for one in spec.sets))


def _stamp(path: str) -> list[int]:
    try:
        about = Path(path).stat()
    except OSError:
        return []
    return [about.st_mtime_ns, about.st_size, about.st_ino]


def _inode(path: str) -> str:
    try:
        return os.readlink(path)  # Path.readlink came with Python 3.9
    except OSError:
        return ""


def boot() -> str:
    """Return what tells one boot from another, "" when that cannot be read."""
    try:
        return Path("/proc/sys/kernel/random/boot_id").read_text("ascii").strip()
    except OSError:
        return ""
