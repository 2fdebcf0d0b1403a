# Copyright: (c) 2026, the tidegate developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Documentation of the action egress_rollback, which does its work on the controller."""

from __future__ import annotations

DOCUMENTATION = r"""
module: egress_rollback
short_description: Roll a host back to an earlier egress policy
version_added: 0.1.0
description:
  - Every host keeps the ten policies that were confirmed before the current one. This module loads one of them and
    confirms it over a new connection like every change, see P(tidegate.nftables.egress_apply#module).
  - The variables stay as they are, so the next run of the role applies the newer policy again.
  - The playbook C(tidegate.nftables.rollback) runs it.
options:
  to:
    description:
      - The policy to return to, by its number, its name or the start of its time as C(tidegate status) on the host
        shows them. V(1) is the policy before the current one.
    type: str
    default: "1"
extends_documentation_fragment:
  - tidegate.nftables.egress.reason
attributes:
  check_mode:
    description: Predicts the changes without making them.
    support: full
  diff_mode:
    description: Shows the table before and after in nft syntax.
    support: full
seealso:
  - module: tidegate.nftables.egress_apply
author:
  - The tidegate developers (@tidegate)
"""

EXAMPLES = r"""
- name: Roll back to the previous policy
  tidegate.nftables.egress_rollback:
    reason: payments are down
  become: true
"""

RETURN = r"""
policy:
  description: Which policy the host has returned to.
  returned: success
  type: str
  sample: back to the policy of 2026-11-20T10:15:00Z (opened payments-api)
effects:
  description: What the change does, as sentences, see RV(tidegate.nftables.egress_apply#module:effects).
  returned: success
  type: list
  elements: str
confirmation:
  description: How the change was confirmed, null when no change was pending.
  returned: success
  type: dict
  contains:
    confirmed:
      description: Always V(true). A change that is not confirmed fails the task.
      type: bool
    connection:
      description: Name of the connection plugin.
      type: str
      sample: ssh
    proves:
      description: Whether that connection uses the host's network. C(podman), C(local) and similar plugins do not.
      type: bool
    tests:
      description: How many packets the policy tests have.
      type: int
    broken:
      description: The tests that fail, each with its packet. Only in mode V(observe), where they stop nothing.
      type: list
      elements: str
    broken_before:
      description: The tests that fail and failed before the change, so that they stop nothing.
      type: list
      elements: str
    unsent:
      description:
        - The tests without a packet that decides, each with the reason, such as a user or a systemd unit that is not
          there. They hold by calculation alone.
      type: list
      elements: str
"""
