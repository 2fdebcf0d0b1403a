# Copyright: (c) 2026, the tidegate developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Documentation of the action egress_apply, which does its work on the controller."""

from __future__ import annotations

DOCUMENTATION = r"""
module: egress_apply
short_description: Make a host's kernel refuse what its egress policy does not allow
version_added: 0.1.0
description:
  - Collects the C(egress_*) variables of the host, builds its policy on the controller and compiles it to one table.
  - Has P(tidegate.nftables.egress_guard#module) make the host's table equal to it. A host that is right already costs
    that one run. A change is on trial - a second run over a new connection sends the packets of the policy's tests to
    machines that they name, and confirms it; otherwise the host puts the old policy back by itself.
  - The role P(tidegate.nftables.egress#role) calls it; the variables are documented there.
options:
  tier:
    description:
      - Tier of the host, as the thin roles name it. Refused where C(egress_tier) of the host says otherwise, or where
        another tier was applied to the host earlier in the run.
    type: str
attributes:
  check_mode:
    description: Predicts what a run would change, without changing it.
    support: full
  diff_mode:
    description: Shows the table before and after in nft syntax.
    support: full
seealso:
  - module: tidegate.nftables.egress_guard
author:
  - The tidegate developers (@tidegate)
"""

EXAMPLES = r"""
- name: Apply the policy that group_vars describe
  tidegate.nftables.egress_apply:
  become: true
"""

RETURN = r"""
egress:
  description: The policy in numbers.
  returned: success
  type: dict
  contains:
    mode:
      description: V(observe), V(enforce) or V(absent).
      type: str
      sample: enforce
    tier:
      description: The host's tier.
      type: str
      sample: app
    entries:
      description: How many entries the policy has.
      type: int
      sample: 7
    internet_entries:
      description: How many of them reach an address outside the internal networks.
      type: int
      sample: 1
changes:
  description: What changed in the table, as nft_ruleset returns it.
  returned: success
  type: list
  elements: dict
transaction:
  description: The text of the transaction that was sent, or in check mode would be.
  returned: success
  type: str
missing_users:
  description: Users named by entries that do not exist on the host. Those entries allow nothing there.
  returned: success
  type: list
  elements: str
confirmation:
  description: How the change was confirmed, null when nothing was on trial.
  returned: success
  type: dict
  contains:
    connection:
      description: Name of the connection plugin.
      type: str
      sample: ssh
    proves:
      description: Whether that connection passes the host's network. C(podman), C(local) and their like do not.
      type: bool
    tests:
      description: How many packets were sent to try the policy's tests.
      type: int
    broken:
      description: The tests that fail, in the mode V(observe) only, where they stop nothing.
      type: list
      elements: str
    broken_before:
      description: The tests that fail and failed before the change, so that they stop nothing.
      type: list
      elements: str
nft_missing:
  description: Whether nft is not installed on the host, so that the role installs it and applies again.
  returned: when it is not
  type: bool
errors:
  description: Every error of the policy, each with C(where), C(cause) and C(cure).
  returned: when the policy is refused
  type: list
  elements: dict
"""
