# Copyright: (c) 2026, the tidegate developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What fed sets held when they were last verified, kept beside the proof: some bytes an element, compressed."""

from __future__ import annotations

import hashlib
import zlib
from typing import Any, Sequence

from ansible_collections.tidegate.nftables.plugins.module_utils.netlink import sets as netlink
from ansible_collections.tidegate.nftables.plugins.module_utils.nft import kernel
from ansible_collections.tidegate.nftables.plugins.module_utils.nft.fed import Delta
from ansible_collections.tidegate.nftables.plugins.module_utils.nft.run_directory import RunDirectory

_QUICK = 1


def keep(notes: RunDirectory, deltas: Sequence[Delta]) -> dict[str, Any]:
    """Write down what the sets hold; return what a proof remembers of it, by set."""
    found = {}
    for delta in deltas:
        content = zlib.compress("\n".join(delta.lines).encode(), _QUICK)
        notes.write_bytes(_slot(delta.info), content)
        handle = delta.info.handle or netlink.get_set(delta.info.family, delta.info.table, delta.info.name).handle
        found[_name(delta.info)] = {"sum": hashlib.sha256(content).hexdigest(), "handle": handle}
    return found


def recall(notes: RunDirectory, remembered: object, info: netlink.SetInfo) -> list[str] | None:
    """Return the lines that a set held, None when they are not known; remembered: what keep returned."""
    about = remembered.get(_name(info)) if isinstance(remembered, dict) else None
    if not isinstance(about, dict) or about.get("handle") != info.handle:
        return None
    content = notes.read_bytes(_slot(info))
    if not content or hashlib.sha256(content).hexdigest() != about.get("sum"):
        return None
    text = zlib.decompress(content).decode()
    return text.split("\n") if text else []


def _name(info: netlink.SetInfo) -> str:
    return f"{info.family} {info.table} {info.name}"


def _slot(info: netlink.SetInfo) -> str:
    return f"{kernel.namespace()} {_name(info)}"
