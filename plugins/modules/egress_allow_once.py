# Copyright: (c) 2026, the tidegate developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Documentation of the action egress_allow_once, which does its work on the controller."""

from __future__ import annotations

DOCUMENTATION = r"""
module: egress_allow_once
short_description: Allow one destination on a host for some hours
version_added: 0.1.0
description:
  - Checks the destination as an entry of the host's policy, so the ceiling of the tier, C(egress_never) and
    C(egress_tests) apply. Then adds it to a set of the host's table with a timeout, so the kernel ends it.
  - No run of the role removes it, and the watcher does not report it as an edit. It is in the history of the host. A
    reboot ends it.
options:
  to:
    description: Destinations as in an entry. Addresses and hosts, no networks.
    type: list
    elements: str
    required: true
  services:
    description: Services as in an entry. Only services with ports.
    type: list
    elements: str
    required: true
  hours:
    description: How long, at most a week.
    type: float
    required: true
  reason:
    description: The reason, for the history on the host.
    type: str
    required: true
  unit:
    description:
      - The systemd unit whose sockets only, as in an entry; for all by default. It follows the unit over restarts,
        within 2 seconds.
      - Needs a policy that knows units, with an entry that names one or with C(egress_ledger_units).
    type: str
  name:
    description: Name of the entry in the returned YAML. Made from the first destination by default.
    type: str
attributes:
  check_mode:
    description: Checks whether it can be allowed, and changes nothing.
    support: full
  diff_mode:
    description: There is nothing to show.
    support: none
seealso:
  - module: tidegate.nftables.egress_apply
author:
  - The tidegate developers (@tidegate)
"""

EXAMPLES = r"""
- name: Allow a new endpoint until it is in group_vars
  tidegate.nftables.egress_allow_once:
    to: 203.0.113.7
    services: https
    hours: 4
    reason: "INC-7: new endpoint"
  become: true
"""

RETURN = r"""
until:
  description: When the kernel ends it.
  returned: success
  type: str
  sample: "2026-11-20T22:00:00Z"
flows:
  description: What was allowed.
  returned: success
  type: list
  elements: dict
  sample: [{to: 203.0.113.7, protocol: tcp, port: 443}]
lasting:
  description: The entry as YAML for C(group_vars), without an end.
  returned: success
  type: str
"""
