# Copyright: (c) 2026, the tidegate developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Documentation of the action egress_suggest, which asks the host's guard and drafts entries on the controller."""

from __future__ import annotations

DOCUMENTATION = r"""
module: egress_suggest
short_description: Draft the entries that would allow what hosts were refused, each with its proof
version_added: 0.1.0
description:
  - O(phase=host) reads the ledger of one host.
  - O(phase=report) groups what all hosts of the play registered by tier, in words of the policy, and says what each
    draft would open. Nothing is changed; a person reviews the drafts.
  - O(phase=accept) writes drafts of an earlier report, unless a policy has changed since.
  - The playbook C(tidegate.nftables.suggest) runs them.
options:
  phase:
    description: What to do.
    type: str
    choices: [host, report, accept]
    default: host
  minimum:
    description: How long a host must be observed to be ready to enforce, such as V(72h) or V(3d).
    type: str
    default: 72h
  proxied:
    description:
      - Results of M(tidegate.nftables.egress_proxy_log), delegated to each proxy of the host in a loop, where
        C(egress_names) is V(proxy). What they would have rejected is judged as the ledger is; without them the
        evidence is incomplete.
    type: list
    elements: dict
    default: []
  results:
    description: The name under which the hosts registered their result, for O(phase=report).
    type: str
  records:
    description: Files or folders of records on the controller in place of O(results), see C(docs/schema/flow-1.json).
    type: list
    elements: str
    default: []
  ignored:
    description: Decisions not to allow something, C(egress_suggest_ignored).
    type: raw
  directory:
    description: A folder on the controller for C(suggest.json) and the files of drafts.
    type: str
  document:
    description: A C(suggest.json), for O(phase=accept).
    type: str
  names:
    description: The drafts that O(phase=accept) writes; all that the policy accepts by default.
    type: list
    elements: str
    default: []
extends_documentation_fragment:
  - tidegate.nftables.egress.reads_only
seealso:
  - module: tidegate.nftables.egress_flows_info
  - module: tidegate.nftables.egress_evidence
author:
  - The tidegate developers (@tidegate)
"""

EXAMPLES = r"""
- name: Read what the host was refused
  tidegate.nftables.egress_suggest:
  become: true
  register: refused

- name: Draft entries
  tidegate.nftables.egress_suggest:
    phase: report
    results: refused
    directory: drafts
  run_once: true
"""

RETURN = r"""
records:
  description: What was refused, as records, see C(docs/schema/flow-1.json).
  returned: phase host, unless the guard failed
  type: list
  elements: dict
evidence:
  description: Whether the host may enforce, with the evidence, as of M(tidegate.nftables.egress_evidence).
  returned: phase host, unless the guard failed
  type: dict
incomplete:
  description: Of whom the ledger has not every flow.
  returned: phase host, unless the guard failed
  type: list
  elements: dict
used:
  description: What used the entries of the host, as phase host of M(tidegate.nftables.egress_review) returns it.
  returned: phase host, unless the guard failed
  type: dict
why:
  description: Why the host has no data.
  returned: phase host, when the guard failed
  type: str
tiers:
  description: The state of each tier, its drafts with their proofs, and what is not suggested.
  returned: phase report
  type: list
  elements: dict
no_data:
  description: The hosts that have no data, and why.
  returned: phase report
  type: dict
files:
  description: The files that were written.
  returned: phase report or accept
  type: list
  elements: str
"""
