# Copyright: (c) 2026, the tidegate developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Documentation of the action egress_policy, which does its work on the controller."""

from __future__ import annotations

DOCUMENTATION = r"""
module: egress_policy
short_description: Build a host's policy on the controller and return it as data
version_added: 0.1.0
description:
  - Builds what the role P(tidegate.nftables.egress#role) would apply, from the host's C(egress_*) variables.
  - Does not connect to the host, and keeps nothing of the prefix lists that it fetches.
  - Does not fail for a policy that is wrong; what is wrong with it is returned.
  - A test of C(egress_tests_*) that is not true of the policy is no error here.
    P(tidegate.nftables.egress_plan#module) judges them.
options:
  lists_of_run:
    description: The directory in which another run of ansible-playbook keeps what it fetched, to use the same.
    type: path
  lists_of_project:
    description: The directory of the other run's playbook, where a relative C(egress_prefix_list_cache) begins.
    type: path
attributes:
  check_mode:
    description: Does the same in check mode, since it changes nothing.
    support: full
  diff_mode:
    description: There is nothing to compare.
    support: none
seealso:
  - module: tidegate.nftables.egress_plan
author:
  - The tidegate developers (@tidegate)
"""

EXAMPLES = r"""
- name: Build the policies
  tidegate.nftables.egress_policy:
  register: plan_policy
"""

RETURN = r"""
managed:
  description: Whether the host has a tier. One without has no policy.
  returned: always
  type: bool
  sample: true
policy:
  description: The resolved policy as plain data; none where there are errors or no tier.
  returned: always
  type: dict
errors:
  description: A sentence with file, line, cause and mend for everything that is wrong.
  returned: always
  type: list
  elements: str
"""
