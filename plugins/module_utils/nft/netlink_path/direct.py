# Copyright: (c) 2026, the tidegate developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A plan about nothing but elements, for netlink in the place of nft.

nft 1.0.6 takes 17 to 44 s to delete 100 of 100,000 intervals, netlink 30 ms (measured). Only sets whose elements are
nothing but keys: what a timeout, a counter, a comment or a map needs beside them stays nft's.
"""

from __future__ import annotations

from typing import Sequence

from ansible_collections.tidegate.nftables.plugins.module_utils.netlink import sets as netlink
from ansible_collections.tidegate.nftables.plugins.module_utils.nft.changes.transaction import ElementsChange
from ansible_collections.tidegate.nftables.plugins.module_utils.nft.live.model import NftTable


def changes(live: NftTable, wanted: Sequence[ElementsChange]) -> list[netlink.Change] | None:
    """Return what netlink is to do, None when that is left to nft."""
    found = []
    for one in wanted:
        there = live.set(one.name)
        if there is None or there.kind != "set" or any(key != whole for key, whole in one.new):
            return None
        try:
            info = netlink.get_set(live.family, live.name, one.name)
            if not _plain(info):
                return None
            read = netlink.reader(info)
            found.append(
                netlink.Change(info, [read(key) for key, _whole in one.new], [read(key) for key, _whole in one.out])
            )
        except netlink.NetlinkError:
            return None
    return found


def _plain(info: netlink.SetInfo) -> bool:
    return not (info.is_map or info.statements or {"timeout", "dynamic", "constant"} & set(info.words))
