# Copyright: (c) 2026, the tidegate developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Documentation that the nft modules share."""

from __future__ import annotations


class ModuleDocFragment:
    """What every nft module needs, promises and returns."""

    DOCUMENTATION = r"""
options: {}
requirements:
  - python >= 3.8
  - nft >= 0.9.8 (the package C(nftables))
notes:
  - C(become) is needed, or another way to have the capability NET_ADMIN.
  - Only the table that the task names is read or written. What other programs keep in tables of their own is safe.
  - Every change is one transaction. Only new sets of intervals are filled ahead of it in one of their own,
    while no rule looks into them, and taken back when the rest is refused.
  - Rules that stay keep their handles and counters, sets keep their elements.
    What nft cannot change in place (a chain's hook or priority, a set's type or flags, a limit's rate, a comment) is
    deleted and made again in the same transaction, together with the rules that refer to it, and takes counters,
    used quotas, elements and their remaining time along.
"""

    ATTRIBUTES = r"""
options: {}
attributes:
  check_mode:
    support: full
    description: Asks nft and the kernel whether they would accept the same transaction that the real run would send.
  diff_mode:
    support: full
    description: Shows the table before and after in nft syntax, without counters and handles.
  platform:
    support: full
    platforms: linux
    description: Where the module runs.
"""

    FAMILY = r"""
options:
  family:
    description: The address family of the table.
    type: str
    choices: [inet, ip, ip6, arp, bridge, netdev]
    default: inet
"""

    IN_TABLE = r"""
options:
  table:
    description:
      - The table. It must be there; M(tidegate.nftables.nft_table) makes tables.
    type: str
    required: true
  state:
    description: Whether it shall be there.
    type: str
    choices: [present, absent]
    default: present
"""
