# Copyright: (c) 2026, the tidegate developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Documentation of the action egress_emergency, which does its work on the controller."""

from __future__ import annotations

DOCUMENTATION = r"""
module: egress_emergency
short_description: Allow all outbound traffic of a host, or almost none, for some minutes
version_added: 0.1.0
description:
  - Adds an accept in front of the policy, or leaves only its floor (baseline rules). A timer on the host restores the
    policy when the time is over, whatever happens to Ansible or the network. A reboot restores it, too.
  - While it lasts, a run of the role changes nothing and reports the emergency.
options:
  state:
    description: V(open) allows everything, V(close) only the floor, V(end) restores the policy early.
    type: str
    choices: [open, close, end]
    required: true
  minutes:
    description: How long, at most a day. Required unless O(state=end).
    type: int
extends_documentation_fragment:
  - tidegate.nftables.egress.reason
attributes:
  check_mode:
    description: Reports a change and changes nothing.
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
- name: Allow all outbound traffic for half an hour
  tidegate.nftables.egress_emergency:
    state: open
    minutes: 30
    reason: INC-7
  become: true
"""

RETURN = r"""
guard:
  description: The timer that ends it, as P(tidegate.nftables.egress_guard#module) returns it.
  returned: success, unless O(state=end)
  type: dict
"""
