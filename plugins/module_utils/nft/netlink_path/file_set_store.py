# Copyright: (c) 2026, the tidegate developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What fed sets held when they were last verified, kept beside the proof: their files' lines."""

from __future__ import annotations

import hashlib
import zlib
from typing import Any, Sequence

from ansible_collections.tidegate.nftables.plugins.module_utils.netlink import sets as netlink
from ansible_collections.tidegate.nftables.plugins.module_utils.nft import nf_tables
from ansible_collections.tidegate.nftables.plugins.module_utils.nft.state.run_directory import RunDirectory

from .file_sets import FileContent, SetDelta

_QUICK = 1

_SMALL = 4 << 20
"""Bytes above which the lines are compressed, to a sixth of what they are, which takes longer than writing them."""

_PLAIN, _PACKED = b"=", b"z"


def keep(state: RunDirectory, deltas: Sequence[SetDelta]) -> dict[str, Any]:
    """Write down what the sets hold; return what a proof remembers of it, by set."""
    found = {}
    for delta in deltas:
        known = delta.known
        packed = len(known.text) > _SMALL
        content = _PACKED + zlib.compress(known.text, _QUICK) if packed else _PLAIN + known.text
        state.write_bytes(_slot(delta.info), content)
        try:
            info, recipe = netlink.get_recipe(delta.info.family, delta.info.table, delta.info.name)
        except netlink.NetlinkError:  # somebody took it away, and with it what is worth knowing about it
            continue
        found[_name(delta.info)] = {
            "sum": hashlib.sha256(content).hexdigest(),
            "handle": info.handle,
            "recipe": hashlib.sha256(recipe).hexdigest(),
            "size": known.size,
            "distinct": known.distinct,
        }
    return found


def recall(
    state: RunDirectory, remembered: object, info: netlink.SetInfo, recipe: bytes | None = None
) -> FileContent | None:
    """Return what a set held, None when it is not known; remembered: what keep returned.

    recipe: None when its declaration is the same for sure, else what the kernel tells of it now.
    """
    about = remembered.get(_name(info)) if isinstance(remembered, dict) else None
    if not isinstance(about, dict) or about.get("handle") != info.handle:
        return None
    if recipe is not None and about.get("recipe") != hashlib.sha256(recipe).hexdigest():
        return None
    content = state.read_bytes(_slot(info))
    if not content or hashlib.sha256(content).hexdigest() != about.get("sum"):
        return None
    text = content[1:] if content[:1] == _PLAIN else zlib.decompress(content[1:])
    size = about.get("size")
    return FileContent(text, size, distinct=about.get("distinct") is True) if isinstance(size, int) else None


def _name(info: netlink.SetInfo) -> str:
    return f"{info.family} {info.table} {info.name}"


def _slot(info: netlink.SetInfo) -> str:
    return f"{nf_tables.namespace()} {_name(info)}"
