# Copyright: (c) 2026, the tidegate developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Documentation of the action egress_render, which does its work on the controller."""

from __future__ import annotations

DOCUMENTATION = r"""
module: egress_render
short_description: Say a host's policy in the words of another enforcement point
version_added: 0.1.0
description:
  - Builds the host's policy from its C(egress_*) variables and says it in what a target understands, such as a
    Kubernetes NetworkPolicy or the rules of an AWS security group.
  - What the target cannot say is an error that names the entry, unless C(approximate) in the entry or
    C(egress_approximate) allows a wider or a narrower policy there.
  - Runs on the controller only and does not connect to the host. P(tidegate.nftables.egress_units#module) makes one
    thing of what the hosts of a unit have in common.
options:
  target:
    description: The enforcement point, see C(docs/targets.md) for those that there are.
    type: str
    required: true
  tier:
    description: The tier, for hosts whose C(egress_tier) is set by a role only.
    type: str
attributes:
  check_mode:
    description: Does the same in check mode, since it changes nothing.
    support: full
  diff_mode:
    description: There is nothing to compare.
    support: none
seealso:
  - module: tidegate.nftables.egress_units
author:
  - The tidegate developers (@tidegate)
"""

EXAMPLES = r"""
- name: Say the policy of application servers as network policies
  tidegate.nftables.egress_render:
    target: kubernetes
  register: rendered
"""

RETURN = r"""
rendered:
  description: The host's part, for P(tidegate.nftables.egress_units#module).
  returned: success
  type: dict
"""
