# Copyright: (c) 2026, the tidegate developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Documentation of the action egress_matrix, which does its work on the controller."""

from __future__ import annotations

DOCUMENTATION = r"""
module: egress_matrix
short_description: Print what the hosts of a play reached, and fail when it differs from their policies
version_added: 0.1.0
description:
  - Reads what P(tidegate.nftables.egress_prove#module) returned for every host of the play and prints one table of it.
  - Fails when a packet was treated differently from what the policy says, when one of the C(egress_tests_*) fails or
    was not tested, when a host was not tested, and when no packet was sent at all.
  - Runs on the controller only. Use it with C(run_once).
options:
  proofs:
    description: Name of the variable under which P(tidegate.nftables.egress_prove#module) was registered.
    type: str
    required: true
extends_documentation_fragment:
  - tidegate.nftables.egress.reads_only
seealso:
  - module: tidegate.nftables.egress_prove
author:
  - The tidegate developers (@tidegate)
"""

EXAMPLES = r"""
- name: Print what was reached, and fail when it differs from the policies
  tidegate.nftables.egress_matrix:
    proofs: proof
  run_once: true
"""

RETURN = r"""
lines:
  description: The lines that were printed.
  returned: success
  type: list
  elements: str
"""
