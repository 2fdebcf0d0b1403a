# Copyright: (c) 2026, the tidegate developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Documentation of the action egress_prove, which does its work on the controller and through egress_probe."""

from __future__ import annotations

DOCUMENTATION = r"""
module: egress_prove
short_description: Send real packets from a host and compare what became of them with its policy
version_added: 0.1.0
description:
  - Builds the host's policy on the controller from its C(egress_*) variables, without reading nftables.
  - Runs P(tidegate.nftables.egress_probe#module) once on the host, towards other hosts of the inventory, and compares
    what became of each packet with the policy.
  - Checks the policy's C(egress_tests_*) with the same packets in mode V(enforce).
  - Changes nothing and does not fail for a difference. P(tidegate.nftables.egress_matrix#module) prints and fails.
options:
  hosts:
    description:
      - Inventory hosts to send packets to, at the addresses that the policy uses for them.
      - The host itself is left out.
      - They must listen on all of O(ports). Otherwise a closed port looks like a rejection.
    type: list
    elements: str
    default: []
  ports:
    description: Ports to test, each over TCP and UDP.
    type: list
    elements: int
    default: []
  users:
    description: Users of the host that send. Other users than the one that Ansible becomes need root.
    type: list
    elements: str
    default: [root]
  timeout:
    description: Seconds to wait for each packet.
    type: float
    default: 2.0
  send:
    description: With V(false) nothing is sent and the host is not connected to. The task returns what the policy names.
    type: bool
    default: true
extends_documentation_fragment:
  - tidegate.nftables.egress.reads_only
seealso:
  - module: tidegate.nftables.egress_probe
  - module: tidegate.nftables.egress_matrix
author:
  - The tidegate developers (@tidegate)
"""

EXAMPLES = r"""
- name: Test what the application servers reach
  tidegate.nftables.egress_prove:
    hosts: "{{ groups['database'] + groups['mirror'] }}"
    ports: [22, 443, 5432]
    users: [root, www-data]
  become: true
  register: proof

- name: Print it, and fail when the kernel differs from the policy
  tidegate.nftables.egress_matrix:
    proofs: proof
  run_once: true
"""

RETURN = r"""
mode:
  description: The host's mode.
  returned: when packets were sent
  type: str
  sample: enforce
tier:
  description: The host's tier.
  returned: when packets were sent
  type: str
  sample: app
flows:
  description: How many flows were tested.
  returned: when packets were sent
  type: int
  sample: 704
allowed:
  description: How many of them the policy allows, in this mode.
  returned: when packets were sent
  type: int
  sample: 40
answered:
  description: How many of them were answered.
  returned: when packets were sent
  type: int
  sample: 40
refused:
  description: How many of them were rejected, or refused by the destination.
  returned: when packets were sent
  type: int
  sample: 664
would_be_refused:
  description: How many of those that may leave in this mode the policy would reject in mode V(enforce).
  returned: when packets were sent
  type: int
  sample: 0
differences:
  description: A sentence for each flow whose packet was treated differently from what the policy says.
  returned: when packets were sent
  type: list
  elements: str
tests:
  description:
    - How many of the policy's C(egress_tests_*) were checked. Those with C(unit) are not, for no packet is sent from a
      unit here; a run of the role sends theirs.
  returned: when packets were sent
  type: int
  sample: 6
complaints:
  description: A sentence for each policy test that fails or that no packet is about.
  returned: when packets were sent
  type: list
  elements: str
cells:
  description:
    - A table of the flows, one cell for each host and service.
    - C(expected) and C(measured) have one mark for each of C(variants) - V(+) answered, V(-) refused, V(?) silent,
      V(!) not sent.
  returned: when packets were sent
  type: list
  elements: dict
  sample:
    - destination: db1
      service: tcp/5432
      variants: [[v4, root], [v4, www-data]]
      expected: "-+"
      measured: "-+"
ports:
  description: Ports that entries and tests of the policy name.
  returned: when nothing was sent
  type: list
  elements: int
  sample: [22, 443]
first_packets:
  description: Probes of the host's DNS and time servers, as O(tidegate.nftables.egress_probe#module:probes).
  returned: when nothing was sent
  type: list
  elements: dict
  sample:
    - {to: 10.10.0.10, protocol: udp, port: 53}
"""
