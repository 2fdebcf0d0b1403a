# Copyright: (c) 2026, the tidegate developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Documentation of the action egress_summary, which does its work on the controller."""

from __future__ import annotations

DOCUMENTATION = r"""
module: egress_summary
short_description: Print what the egress role did, for all hosts of the play together
version_added: 0.1.0
description:
  - Prints for each tier its mode, its entries and how many of them reach the internet; for each changed host what
    opened and closed; and the hosts that only observe.
  - Also prints how many packets were rejected, or in observe mode would have been, which hosts changed their mode,
    and at most ten notices for the authors of the policy.
  - Reads what the role registered. No module runs on any host.
attributes:
  check_mode:
    description: Prints what would have changed.
    support: full
  diff_mode:
    description: There is nothing to show.
    support: none
author:
  - The tidegate developers (@tidegate)
"""

EXAMPLES = r"""
- name: Print the summary
  tidegate.nftables.egress_summary:
  run_once: true
"""

RETURN = r"""
lines:
  description: The lines that were printed.
  returned: success
  type: list
  elements: str
"""
