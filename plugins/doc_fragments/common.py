# Copyright: (c) 2026, the tidegate developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Documentation that the nft modules share."""

from __future__ import annotations


class ModuleDocFragment:
    """Requirements, guarantees and options of the nft modules."""

    DOCUMENTATION = r"""
options: {}
requirements:
  - python >= 3.8
  - nft >= 0.9.8 (the package C(nftables))
notes:
  - The module needs C(become), or another way to have the capability NET_ADMIN.
  - The module reads and writes only the table that the task names. Tables of other programs are not touched.
  - Every change is one transaction. The exception are new interval sets, which are filled in a transaction of their own
    before it, while no rule uses them, and removed again when the rest is rejected.
  - A change counts until the next boot. O(tidegate.nftables.nft_ruleset#module:persist) saves whole tables.
  - Unchanged rules keep their handles and counters, sets keep their elements.
    What nft cannot change in place (a chain's hook or priority, a set's type or flags, a limit's rate, a comment) is
    deleted and created again in the same transaction, together with the rules that refer to it. Counters, used quotas,
    elements and their remaining time are kept.
"""

    ATTRIBUTES = r"""
options: {}
attributes:
  check_mode:
    support: full
    description: Has nft and the kernel check the transaction that the real run would send.
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
      - The table. It must exist; M(tidegate.nftables.nft_table) creates tables.
    type: str
    required: true
  state:
    description: Whether the object exists.
    type: str
    choices: [present, absent]
    default: present
"""
