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
  - Does not connect to the host, and keeps no copy of the prefix lists that it fetches.
  - Does not fail for a policy with errors; it returns the errors.
  - A failing test of C(egress_tests_*) is no error here. P(tidegate.nftables.egress_plan#module) judges the tests.
extends_documentation_fragment:
  - tidegate.nftables.egress.reads_only
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
  description: Whether the host has a tier. A host without a tier has no policy.
  returned: always
  type: bool
  sample: true
policy:
  description: The resolved policy as plain data. Null when it has errors or the host has no tier.
  returned: always
  type: dict
errors:
  description: A sentence with file, line, cause and fix for every error.
  returned: always
  type: list
  elements: str
"""
