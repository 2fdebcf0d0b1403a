# Copyright: (c) 2026, the tidegate developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Keep the content of file sets as last verified, beside the proof: the lines of their files."""

from __future__ import annotations

import hashlib
import zlib
from typing import Any, Sequence

from ansible_collections.tidegate.nftables.plugins.module_utils.netlink import sets as netlink
from ansible_collections.tidegate.nftables.plugins.module_utils.nft import nf_tables
from ansible_collections.tidegate.nftables.plugins.module_utils.nft.state.run_directory import RunDirectory

from .file_sets import FileContent, SetDelta

_FASTEST = 1

_SMALL = 4 << 20
"""Bytes above which the lines are compressed, to a sixth of their size; that takes longer than writing them."""

_PLAIN, _PACKED = b"=", b"z"


def keep(state: RunDirectory, deltas: Sequence[SetDelta]) -> dict[str, Any]:
    """Store the content of the sets; return by set what recall needs to trust it."""
    by_set = {}
    for delta in deltas:
        known = delta.known
        packed = len(known.text) > _SMALL
        content = _PACKED + zlib.compress(known.text, _FASTEST) if packed else _PLAIN + known.text
        state.write_bytes(_slot(delta.info), content)
        try:
            info, recipe = netlink.get_recipe(delta.info.family, delta.info.table, delta.info.name)
        except netlink.NetlinkError:  # another process deleted the set
            continue
        by_set[_name(delta.info)] = {
            "sum": hashlib.sha256(content).hexdigest(),
            "handle": info.handle,
            "recipe": hashlib.sha256(recipe).hexdigest(),
            "size": known.size,
            "distinct": known.distinct,
        }
    return by_set


def recall(
    state: RunDirectory, last_verified: object, info: netlink.SetInfo, recipe: bytes | None = None
) -> FileContent | None:
    """Return the stored content of a set, None when it cannot be trusted; last_verified: what keep returned.

    recipe: None when the declaration is proven unchanged, else its live form.
    """
    details = last_verified.get(_name(info)) if isinstance(last_verified, dict) else None
    if not isinstance(details, dict) or details.get("handle") != info.handle:
        return None
    if recipe is not None and details.get("recipe") != hashlib.sha256(recipe).hexdigest():
        return None
    content = state.read_bytes(_slot(info))
    if not content or hashlib.sha256(content).hexdigest() != details.get("sum"):
        return None
    text = content[1:] if content[:1] == _PLAIN else zlib.decompress(content[1:])
    size = details.get("size")
    return FileContent(text, size, distinct=details.get("distinct") is True) if isinstance(size, int) else None


def _name(info: netlink.SetInfo) -> str:
    return f"{info.family} {info.table} {info.name}"


def _slot(info: netlink.SetInfo) -> str:
    return f"{nf_tables.namespace()} {_name(info)}"
