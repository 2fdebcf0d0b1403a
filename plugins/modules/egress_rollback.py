# Copyright: (c) 2026, the tidegate developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Documentation of the action egress_rollback, which does its work on the controller."""

from __future__ import annotations

DOCUMENTATION = r"""
module: egress_rollback
short_description: Return to an earlier egress policy of a host, on trial
version_added: 0.1.0
description:
  - Every host keeps the ten policies that were confirmed before the present one. This returns to one of them, on trial
    like every change (P(tidegate.nftables.egress_apply#module)), and confirms it over a new connection.
  - The variables still say otherwise, so the next run of the role brings the newer policy back.
  - The playbook C(tidegate.nftables.rollback) calls it.
options:
  to:
    description:
      - The policy to return to - its number, its name, or how its time begins, as C(tidegate status) on the host shows
        them. V(1) is the one before the present one.
    type: str
    default: "1"
  reason:
    description: Why, for the history on the host.
    type: str
    default: ""
attributes:
  check_mode:
    description: Predicts what would change.
    support: full
  diff_mode:
    description: Shows the table before and after.
    support: full
seealso:
  - module: tidegate.nftables.egress_apply
author:
  - The tidegate developers (@tidegate)
"""

EXAMPLES = r"""
- name: Return to the policy before this one
  tidegate.nftables.egress_rollback:
    reason: payments are down
  become: true
"""

RETURN = r"""
confirmation:
  description: As P(tidegate.nftables.egress_apply#module) returns it.
  returned: success
  type: dict
"""
