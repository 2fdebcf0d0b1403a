#!/usr/bin/python
# Copyright: (c) 2026, the tidegate developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Documentation of the action egress_apply, and the question that it asks a host before it sends the guard."""

from __future__ import annotations

DOCUMENTATION = r"""
module: egress_apply
short_description: Apply a host's egress policy
version_added: 0.1.0
description:
  - Builds the host's policy from its C(egress_*) variables on the controller and compiles it to one table.
  - Has P(tidegate.nftables.egress_guard#module) make the host's table equal to it. A host whose table is up to date
    only answers a question of a few kilobytes. A change is pending at first - a second run over a new connection
    sends the packets of the policy tests and confirms the change; otherwise the host rolls it back by itself.
  - The role P(tidegate.nftables.egress#role) runs this module and documents the variables.
options:
  tier:
    description:
      - Tier of the host, as the thin roles set it. Fails when C(egress_tier) of the host is another tier, or when
        another tier was applied to the host earlier in the run.
    type: str
  diff:
    description:
      - What C(--diff) shows. V(policy) is the policy before and after, a line for each entry with its addresses. Where
        that does not differ, such as after an edit by hand, the table is shown.
      - V(full) shows the table and the installed files, too.
    type: str
    choices: [policy, full]
    default: policy
  package:
    description:
      - The package that contains C(nft). On a host without C(nft), the task installs it and then applies the policy.
        So it does with C(unbound) and C(python3-unbound) where C(egress_names) is C(resolver).
      - Without this option the task fails on such a host.
    type: str
attributes:
  check_mode:
    description: Predicts the changes without making them.
    support: full
  diff_mode:
    description: Shows the policy before and after, with O(diff=full) also the table in nft syntax.
    support: full
seealso:
  - module: tidegate.nftables.egress_guard
author:
  - The tidegate developers (@tidegate)
"""

EXAMPLES = r"""
- name: Apply the policy of group_vars
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
    observe:
      description: What V(enforce) only observes, as C(egress_observe) says.
      type: list
      elements: str
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
    notices:
      description: What the authors of the policy should know.
      type: list
      elements: str
effects:
  description:
    - What the change does, as sentences - what opens and closes, for whom and why, which guards change, and which edits
      by hand are undone. Where only a guard changes, the task is not changed.
  returned: success
  type: list
  elements: str
  sample: ["opened for payd: to 203.0.113.0/24 with tcp/443 (by payments-api)"]
changes:
  description: The changes, one by one, with the keys that M(tidegate.nftables.nft_ruleset) returns.
  returned: success
  type: list
  elements: dict
transaction:
  description: The text that was sent to nft, in check mode that would be sent. Empty when nothing changes.
  returned: success
  type: str
missing_packages:
  description: Packages that C(egress_names) V(resolver) or C(egress_log_ulogd) needs and that the host does not have.
  returned: failure, where O(package) is empty, with reason V(unbound_missing) or V(ulogd_missing)
  type: list
  elements: str
missing_users:
  description: Users of entries that do not exist on the host. Their entries allow nothing there.
  returned: success
  type: list
  elements: str
missing_units:
  description: systemd units of entries that the host does not know by this name. Their entries allow nothing there.
  returned: success
  type: list
  elements: str
names_without_address:
  description:
    - Names of entries that the host's resolver found no address of, without wildcards. Nothing is open by them. A later
      run returns those that take more than 5 seconds.
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
nft_missing:
  description: Whether nft is not installed on the host, so that O(package) would be installed first.
  returned: in check mode, when nft is missing
  type: bool
"""

REQUEST = r"""<<INCLUDE_ANSIBLE_MODULE_JSON_ARGS>>"""
"""On a host, what the action asks: JSON, which never has three quotes in a row. Elsewhere the text as it is."""

# Assignments, since for everybody but a host this file is documentation alone. Python reads it from its standard input
# or from a folder of Ansible's, and would look for modules where it was started, or there.
PATH = __import__("sys").path.pop(0) if REQUEST.startswith("{") else None
ANSWER = (
    eval(compile(__import__("json").loads(REQUEST)["program"], "unchanged", "exec"), {"REQUEST": REQUEST})  # noqa: S307
    if REQUEST.startswith("{")
    else None
)
