# Copyright: (c) 2026, the tidegate developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Which tables an older nft cannot list: asked of the kernel, for such an nft cannot say it."""

from __future__ import annotations

from functools import partial

from ansible_collections.tidegate.nftables.plugins.module_utils.netlink import typed_sets
from ansible_collections.tidegate.nftables.plugins.module_utils.nft import nf_tables


def names(version: str) -> list[tuple[str, str]]:
    """Return (family, name) of the tables with a set or map that a newer nft than this one wrote in its own way."""
    kinds = [typed_sets.VALUE, *([typed_sets.VERDICT] if version.startswith("0.") else [])]
    return nf_tables.answer(partial(typed_sets.tables, kinds)) or []
