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
  - Builds the policies of the same inventory from another commit of its repository, in a temporary worktree, and
    compares them with those of this run, for every address, port and user, with everything that guards them.
  - Fetched prefix lists are the same on both sides.
  - Prints Markdown, and writes Markdown, JSON, JUnit, GitLab's code quality report and GitHub's workflow commands.
  - The playbook C(tidegate.nftables.plan) runs it. No host is connected to.
options:
  base:
    description: The commit, branch or tag to compare with, such as V(origin/main).
    type: str
  hosts:
    description: The hosts of the play as a pattern, so that hosts which only the other commit has are compared, too.
    type: str
    default: all
  directory:
    description: Directory for C(plan.md), C(plan.json), C(plan-junit.xml), C(plan-codequality.json) and
      C(plan-github.txt). Nothing is written by default.
    type: path
  fail_on:
    description:
      - What fails the task, so that ansible-playbook ends with 2.
      - V(errors) - policies with errors.
      - V(tests) - also policy tests that fail.
      - V(guards) - also a weaker guard, such as a policy test or an element of C(egress_never) that goes.
      - V(changes) - also any change of what hosts can reach, and of a guard.
    type: str
    choices: [errors, tests, guards, changes]
    default: tests
  write_policies:
    description: Write the policies to this file and compare nothing. The run on the other commit uses it.
    type: path
  lists_of_run:
    description: Directory of another run whose fetched prefix lists are used. The run on the other commit uses it.
    type: path
  lists_of_project:
    description: Directory of the project whose last good copies of prefix lists are used. The run on the other commit
      uses it.
    type: path
attributes:
  check_mode:
    description: Does the same in check mode, because it changes nothing on any host.
    support: full
  diff_mode:
    description: The answer itself is a difference.
    support: none
seealso:
  - module: tidegate.nftables.egress_policy
author:
  - The tidegate developers (@tidegate)
"""

EXAMPLES = r"""
- name: Compare the policies
  tidegate.nftables.egress_plan:
    base: origin/main
  run_once: true
"""

RETURN = r"""
outcome:
  description:
    - V(same); V(entries) when only names, owners, reasons and dates of entries change, V(guards) when only what guards
      the policies does, V(different) when other packets pass.
    - V(tests) when a policy test fails, V(errors) when a policy has errors.
  returned: when policies were compared
  type: str
  sample: different
files:
  description: Files that were written on the controller.
  returned: when policies were compared
  type: list
  elements: str
"""
