# Copyright: (c) 2026, the tidegate developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A plan about nothing but elements, for netlink in the place of nft.

nft 1.0.6 takes 17 to 44 s to delete 100 of 100,000 intervals, netlink 30 ms (measured). Only for sets whose elements
are nothing but keys: nft changes maps, and elements with a timeout, a counter or a comment.
"""

from __future__ import annotations

from typing import Sequence

from ansible_collections.tidegate.nftables.plugins.module_utils.netlink import sets as netlink
from ansible_collections.tidegate.nftables.plugins.module_utils.nft.changes.transaction import ElementsChange
from ansible_collections.tidegate.nftables.plugins.module_utils.nft.live.model import NftTable


def changes(live: NftTable, element_changes: Sequence[ElementsChange]) -> list[netlink.SetChange] | None:
    """Return the changes for netlink, None when nft has to make some of them."""
    netlink_changes = []
    for element_change in element_changes:
        live_set = live.set(element_change.name)
        if live_set is None or live_set.kind != "set" or any(key != whole for key, whole in element_change.new):
            return None
        try:
            info = netlink.get_set(live.family, live.name, element_change.name)
            if not _plain(info):
                return None
            read = netlink.reader(info)
            netlink_changes.append(
                netlink.SetChange(
                    info,
                    [read(key) for key, _whole in element_change.new],
                    [read(key) for key, _whole in element_change.out],
                )
            )
        except netlink.NetlinkError:
            return None
    return netlink_changes


def _plain(info: netlink.SetInfo) -> bool:
    return not (info.is_map or info.statements or {"timeout", "dynamic", "constant"} & set(info.words))
