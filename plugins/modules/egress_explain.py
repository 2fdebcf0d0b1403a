# Copyright: (c) 2026, the tidegate developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Documentation of the action egress_explain, which does its work on the controller."""

from __future__ import annotations

DOCUMENTATION = r"""
module: egress_explain
short_description: Answer whether a host may reach a destination, and by which entries
version_added: 0.1.0
description:
  - Asks the host's policy about every named address and port at once. The host is not connected to.
  - Answers for mode V(enforce), whatever the mode of the host.
options:
  to:
    description:
      - Destinations as in an entry, such as V(203.0.113.10), V(internet), C(group:NAME) or C(prefix_list:NAME), and
        hosts by name or pattern.
      - A domain name is asked of the entries that name it.
    type: list
    elements: str
    required: true
  service:
    description: Services as in an entry, such as V(tcp/443), V(icmp), V(https) or V(any).
    type: list
    elements: str
    default: [any]
  user:
    description: The user who sends. No particular user by default.
    type: str
  unit:
    description: The systemd unit whose socket it is, such as V(nginx.service). No particular unit by default.
    type: str
extends_documentation_fragment:
  - tidegate.nftables.egress.reads_only
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
  description: The lines that were printed.
  returned: success
  type: list
  elements: str
entries:
  description: The names of the entries that allow it.
  returned: success
  type: list
  elements: str
  sample: [payments]
"""
