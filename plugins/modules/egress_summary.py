# Copyright: (c) 2026, the tidegate developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Documentation of the action egress_summary, which does its work on the controller."""

from __future__ import annotations

DOCUMENTATION = r"""
module: egress_summary
short_description: Say what the egress role did, for all hosts of the play together
version_added: 0.1.0
description:
  - Prints per tier its mode, its entries and how many of them reach the internet, what opened and closed per changed
    host, and loudly which hosts only observe.
  - Beside that how many packets were refused, or in observe mode would have been, which hosts changed their mode, and
    what the authors of the policy should know, each thing once and at most ten.
  - Reads what the role registered. No module runs on any host, nothing changes.
attributes:
  check_mode:
    description: Says what would have changed.
    support: full
  diff_mode:
    description: There is nothing to show.
    support: none
author:
  - The tidegate developers (@tidegate)
"""

EXAMPLES = r"""
- name: Say what this run did
  tidegate.nftables.egress_summary:
  run_once: true
"""

RETURN = r"""
lines:
  description: The lines that were printed.
  returned: always
  type: list
  elements: str
"""
