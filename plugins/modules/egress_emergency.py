# Copyright: (c) 2026, the tidegate developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Documentation of the action egress_emergency, which does its work on the controller."""

from __future__ import annotations

DOCUMENTATION = r"""
module: egress_emergency
short_description: Let everything or almost nothing out of a host, for some minutes
version_added: 0.1.0
description:
  - Puts an accept in front of the policy, or leaves nothing but its floor. A guard on the host puts the policy back
    when the time is over, whatever becomes of Ansible or the network; so does a reboot.
  - While it lasts, a run of the role changes nothing and says so.
options:
  state:
    description: V(open) lets everything out, V(close) only the floor, V(end) ends either before its time.
    type: str
    choices: [open, close, end]
    required: true
  minutes:
    description: How long, at most a day. Needed unless O(state=end).
    type: int
  reason:
    description: Why, for the history on the host.
    type: str
    default: ""
attributes:
  check_mode:
    description: Says that it would change, and changes nothing.
    support: full
  diff_mode:
    description: There is nothing to show.
    support: none
seealso:
  - module: tidegate.nftables.egress_rollback
author:
  - The tidegate developers (@tidegate)
"""

EXAMPLES = r"""
- name: Let everything out for half an hour
  tidegate.nftables.egress_emergency:
    state: open
    minutes: 30
    reason: INC-7
  become: true
"""

RETURN = r"""
guard:
  description: What ends it, as P(tidegate.nftables.egress_guard#module) returns it.
  returned: success, unless O(state=end)
  type: dict
"""
