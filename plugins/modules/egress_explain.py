# Copyright: (c) 2026, the tidegate developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Documentation of the action egress_explain, which does its work on the controller."""

from __future__ import annotations

DOCUMENTATION = r"""
module: egress_explain
short_description: Say whether a host may reach something, and who says so
version_added: 0.1.0
description:
  - Asks the host's policy for every address and port that is named, at once. The host is not connected to.
  - Answers for what V(enforce) does, whatever the mode.
options:
  to:
    description: An address, a network, a range, or hosts by name or pattern, C(group:NAME) or C(tier:NAME).
    type: str
    required: true
  service:
    description: As a policy writes it, such as V(tcp/443), V(icmp), V(https) or V(any).
    type: str
    default: any
  user:
    description: Whose sockets. Nobody in particular unless it is set.
    type: str
attributes:
  check_mode:
    description: Does the same in check mode, since it changes nothing.
    support: full
  diff_mode:
    description: There is nothing to compare.
    support: none
seealso:
  - module: tidegate.nftables.egress_verify
author:
  - The tidegate developers (@tidegate)
"""

EXAMPLES = r"""
- name: Ask whether the application reaches the payments interface
  tidegate.nftables.egress_explain:
    to: 203.0.113.10
    service: tcp/443
    user: www-data
"""

RETURN = r"""
answer:
  description: V(yes), V(no) or V(partly).
  returned: success
  type: str
  sample: "no"
lines:
  description: The answer for people, with the entries, where they are written, and what would open the rest.
  returned: success
  type: list
  elements: str
entries:
  description: The names of the entries that open it.
  returned: success
  type: list
  elements: str
  sample: [payments]
"""
