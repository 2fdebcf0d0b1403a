# Copyright: (c) 2026, the tidegate developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Documentation of the action egress_render, which does its work on the controller."""

from __future__ import annotations

DOCUMENTATION = r"""
module: egress_render
short_description: Render a host's policy for another enforcement point
version_added: 0.1.0
description:
  - Builds the host's policy from its C(egress_*) variables and renders it for a target, such as a Kubernetes
    NetworkPolicy or the rules of an AWS security group.
  - What the target cannot express is an error that names the entry, unless C(approximate) in the entry or
    C(egress_approximate) allows a wider or a narrower policy there.
  - Runs on the controller only and does not connect to the host. P(tidegate.nftables.egress_units#module) combines
    the hosts of a unit.
options:
  target:
    description: The enforcement point. C(docs/targets.md) lists them.
    type: str
    required: true
  tier:
    description: The tier, for hosts whose C(egress_tier) is set by a role only.
    type: str
extends_documentation_fragment:
  - tidegate.nftables.egress.reads_only
seealso:
  - module: tidegate.nftables.egress_units
author:
  - The tidegate developers (@tidegate)
"""

EXAMPLES = r"""
- name: Render the policy of application servers as network policies
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
