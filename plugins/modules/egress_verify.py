# Copyright: (c) 2026, the tidegate developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Documentation of the action egress_verify, which does its work on the controller and through egress_kernel."""

from __future__ import annotations

DOCUMENTATION = r"""
module: egress_verify
short_description: Prove that a host's kernel holds what its policy says
version_added: 0.1.0
description:
  - Reads the table C(inet tidegate) back from the kernel and compares what it allows with the host's policy, for
    every user, address and service at once, and with C(egress_containers) also for what containers send through the
    host. Equality is proven; a difference is named with its smallest flows.
  - Also reports what other tables at the hooks output and forward reject, or may reject, of what the policy allows.
  - The chain of inbound traffic, C(egress_inbound), is not compared; RV(not_compared) says so.
  - What cannot be modelled is called unknown, and counts neither as allowed nor as rejected.
  - Changes nothing. Reads through P(tidegate.nftables.egress_kernel#module).
options:
  fail:
    description: Whether a difference, or something unknown in C(inet tidegate), fails the task. Other tables never do.
    type: bool
    default: true
  results:
    description:
      - The name under which the results of an earlier task with this module are registered.
      - Prints how many hosts are proven to hold their policies and how long it took, when there are several, and asks
        no host.
    type: str
extends_documentation_fragment:
  - tidegate.nftables.egress.reads_only
seealso:
  - module: tidegate.nftables.egress_prove
author:
  - The tidegate developers (@tidegate)
"""

EXAMPLES = r"""
- name: Verify that the kernel holds the policy
  tidegate.nftables.egress_verify:
  become: true
  register: verified

- name: Print how many kernels hold their policies
  tidegate.nftables.egress_verify:
    results: verified
  run_once: true
"""

RETURN = r"""
equal:
  description: Whether the table is proven to be what the policy says.
  returned: when the kernel could be read
  type: bool
  sample: true
differences:
  description: A sentence for each difference, and for each thing that is unknown.
  returned: when the kernel could be read
  type: list
  elements: str
others:
  description: A sentence for each thing that other tables reject, or may reject, of what the policy allows.
  returned: when the kernel could be read
  type: list
  elements: str
not_compared:
  description: A sentence for each chain of C(inet tidegate) that is not compared.
  returned: when the kernel could be read
  type: list
  elements: str
  sample: []
"""
