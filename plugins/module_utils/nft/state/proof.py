# Copyright: (c) 2026, the tidegate developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Prove without nft that a table is as it was when it was last verified.

Every commit of any process increments the kernel's generation, and nothing else does, so the same generation of the
same namespace means the same ruleset. It does not prove that a name still has the same meaning: a file that resolves
names may have changed, or a network device.
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

NAMES = (
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
"""Files that nft resolves names with."""

_UNSTABLE = re.compile(r"\b(?:[io]if\b(?! (?:!= )?0\b)|cgroupv2\b(?! level \d+ [@}])|timeout\b)")
"""Words whose meaning can change without a commit: index of a device or cgroup, elements with a timeout.

Not the cgroup that a packet is looked up by in a set, or entered with into one.
"""


def slot(specs: Sequence[TableSpec]) -> str:
    """Return the identity of a task: the network namespace, the tables and what it owns there."""
    parts = [str(nf_tables.namespace()), *owned(specs)]
    for spec in specs:
        parts += [str(item.edit) for item in spec.chains if item.edit]
        # Several tasks may own single elements of the same set.
        parts += [f"{item.mode} {item.elements}" for item in spec.sets if item.declaration is None]
    return "/".join(parts)


def owned(specs: Sequence[TableSpec]) -> list[str]:
    """Return what a task owns: "family table/" with kind and name of an object, or with "*" for all."""
    owned_names = []
    for spec in specs:
        table = f"{spec.family} {spec.name}/"
        parts = [f"{table}set {item.name} {part}" for item in spec.sets for part in _set_parts(item)]
        parts += [f"{table}chain {item.name} {part}" for item in spec.chains for part in _chain_parts(item)]
        parts += [f"{table}{item.kind} {item.name}" for item in spec.objects]
        owned_names += (
            parts if parts and spec.others == "stay" else [f"{table}{'table' if _only_itself(spec) else '*'}"]
        )
    return owned_names


def _set_parts(spec: SetSpec) -> list[str]:
    content = ["elements"] if spec.elements is not None or spec.file or not spec.present else []
    return content if spec.declaration is None else ["itself", *content]


def _chain_parts(spec: ChainSpec) -> list[str]:
    if spec.edit is not None:
        return ["rules"]
    return ["itself", "rules"] if spec.rules is not None or not spec.present else ["itself"]


def _only_itself(spec: TableSpec) -> bool:
    return spec.others == "stay" and spec.present


def overlap(left: Sequence[str], right: Sequence[str]) -> bool:
    """Whether two tasks own a common object."""
    return any(
        first == second or (first.partition("/")[0] == second.partition("/")[0] and "*" in (first[-1], second[-1]))
        for first in left
        for second in right
    )


def provable(specs: Sequence[TableSpec]) -> bool:
    """Whether an unchanged ruleset proves that there is nothing to do."""
    for spec in specs:
        texts = [rule.text for chain in spec.chains for rule in chain.rules or ()]
        texts += [chain.edit.rule.text for chain in spec.chains if chain.edit and chain.edit.rule]
        set_specs = [set_spec for set_spec in spec.sets if set_spec.elements or set_spec.file]
        texts += [element.text for set_spec in set_specs for element in set_spec.elements or ()]
        texts += [line for set_spec in set_specs for line in set_spec.declaration or ("timeout",)]
        if any(_UNSTABLE.search(text) for text in texts):
            return False
    return True


def current(specs: Sequence[TableSpec], binary: str, file: str) -> dict[str, Any]:
    """Return everything that is equal in two runs when nothing has changed, {} when nothing can be proven.

    binary: path of nft. file: identity of the saved file, "" for none. "files" in the result: checksums of element
    files by set; when only these differ, only elements of these sets have to change.
    """
    generation = nf_tables.generation()
    if generation is None:
        return {}
    # The limit of removals does not matter without a removal.
    canonical = repr([_without_content(replace(spec, max_removed=None)) for spec in specs])
    return {
        "generation": generation,
        "namespace": nf_tables.namespace() or _inode("/proc/self/ns/net"),
        "boot": boot_id(),
        "handles": [nf_tables.handle(spec.family, spec.name) for spec in specs],
        "spec": hashlib.sha256(canonical.encode("utf-8", "surrogateescape")).hexdigest(),
        "nft": [binary, *_stamp(binary)],
        "names": names(),
        "clock": time.localtime().tm_gmtoff,
        "file": file,
        "files": {
            f"{spec.family} {spec.name} {set_spec.name}": set_spec.file.digest
            for spec in specs
            for set_spec in spec.sets
            if set_spec.file
        },
    }


def names() -> list[list[int]]:
    """Return the stamps of the files that nft resolves names with."""
    return [_stamp(path) for path in NAMES]


def _without_content(spec: TableSpec) -> TableSpec:
    """Return the table without path and checksum of element files."""
    plain = ElementsFile("", "")
    return replace(
        spec, sets=tuple(replace(set_spec, file=plain) if set_spec.file else set_spec for set_spec in spec.sets)
    )


def _stamp(path: str) -> list[int]:
    try:
        status = Path(path).stat()
    except OSError:
        return []
    return [status.st_mtime_ns, status.st_size, status.st_ino]


def _inode(path: str) -> str:
    try:
        return os.readlink(path)  # Path.readlink came with Python 3.9
    except OSError:
        return ""


def boot_id() -> str:
    """Return the id of this boot, "" when it cannot be read."""
    try:
        return Path("/proc/sys/kernel/random/boot_id").read_text("ascii").strip()
    except OSError:
        return ""
