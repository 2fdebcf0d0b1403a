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

    SET_PROPERTIES = r"""
options:
  flags:
    description: The flags, an empty list for none. Networks and ranges need V(interval).
    type: list
    elements: str
    choices: [constant, interval, timeout, dynamic]
  timeout:
    description: The time after which an element is removed, in seconds or as in V(1d) or V(2h30m). V(0) for none.
    type: str
  gc_interval:
    description:
      - The interval at which the kernel removes elements that timed out, in seconds or as in V(1h). V(0) for the
        kernel's own.
    type: str
  size:
    description: The maximum number of elements. V(0) for no limit.
    type: int
  auto_merge:
    description: Whether nft merges elements that overlap or touch.
    type: bool
  counter:
    description: Whether each element counts the packets that match it.
    type: bool
  statements:
    description:
      - Instead of O(counter), the statements of each element in nft's language, such as V(limit rate 10/second counter)
        or V(ct count over 20).
    type: str
  policy:
    description: Whether the kernel stores the elements for speed or for little memory.
    type: str
    choices: [performance, memory]
  comment:
    description: A comment of at most 128 bytes; an empty one deletes it.
    type: str
"""
