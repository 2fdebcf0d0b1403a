# Copyright: (c) 2026, the tidegate developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Documentation of the action egress_plan, which does its work on the controller."""

from __future__ import annotations

DOCUMENTATION = r"""
module: egress_plan
short_description: Compare the policies of an inventory with those of another commit
version_added: 0.1.0
description:
  - Builds the policies of the same inventory from another commit of its repository, in a worktree that goes with it,
    and compares them with those of this run, for every address, port and user.
  - Lists that are fetched are the same on both sides.
  - Prints Markdown, and writes Markdown, JSON, JUnit, GitLab's code quality report and GitHub's workflow commands.
  - The playbook C(tidegate.nftables.plan) is made of it. No host is connected to.
options:
  policies:
    description: Name of the variable under which P(tidegate.nftables.egress_policy#module) was registered.
    type: str
    required: true
  base:
    description: The commit, branch or tag to compare with, such as V(origin/main).
    type: str
  hosts:
    description: The hosts of the play, as a pattern, so that those that only the other commit has are looked at, too.
    type: str
    default: all
  directory:
    description: Where to write C(plan.md), C(plan.json), C(plan-junit.xml), C(plan-codequality.json) and
      C(plan-github.txt). Nothing is written unless it is set.
    type: path
  fail_on:
    description:
      - What fails the task, and so ends ansible-playbook with 2.
      - V(errors) of policies that cannot be read.
      - V(tests) that are not true of what is proposed, too.
      - V(changes) of what hosts can reach, too.
    type: str
    choices: [errors, tests, changes]
    default: tests
  write_policies:
    description: Write the registered policies to this file and compare nothing. The run on the other commit does it.
    type: path
attributes:
  check_mode:
    description: Does the same in check mode, since it changes no host.
    support: full
  diff_mode:
    description: Its whole answer is a difference.
    support: none
seealso:
  - module: tidegate.nftables.egress_policy
author:
  - The tidegate developers (@tidegate)
"""

EXAMPLES = r"""
- name: Build the policies
  tidegate.nftables.egress_policy:
  register: plan_policy

- name: Compare them
  tidegate.nftables.egress_plan:
    policies: plan_policy
    base: origin/main
  run_once: true
"""

RETURN = r"""
outcome:
  description: V(same), V(different), V(tests) when one is not true of what is proposed, or V(errors).
  returned: when there is something to compare with
  type: str
  sample: different
files:
  description: What was written.
  returned: when there is something to compare with
  type: list
  elements: str
"""
