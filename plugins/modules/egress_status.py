# Copyright: (c) 2026, the tidegate developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Documentation of the action egress_status, which asks the host's guard and reports on the controller."""

from __future__ import annotations

DOCUMENTATION = r"""
module: egress_status
short_description: Report the state of the egress policy of a host, and of all hosts of a play in one table
version_added: 0.1.0
description:
  - O(phase=host) reads mode, table, observation, edits, pending changes, temporary openings and watcher of one host.
  - O(phase=report) prints what the hosts of the play registered, the worst first, and fails when one needs attention.
  - The playbook C(tidegate.nftables.status) runs both.
options:
  phase:
    description: What to do.
    type: str
    choices: [host, report]
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
  directory:
    description: A folder on the controller for C(status.json), the same as JSON.
    type: str
  fail:
    description: Whether a report fails when a host needs attention.
    type: bool
    default: true
extends_documentation_fragment:
  - tidegate.nftables.egress.reads_only
seealso:
  - module: tidegate.nftables.egress_evidence
author:
  - The tidegate developers (@tidegate)
"""

EXAMPLES = r"""
- name: Read the state of the host
  tidegate.nftables.egress_status:
  become: true
  register: state

- name: Print the table of all hosts
  tidegate.nftables.egress_status:
    phase: report
    results: state
    fail: false
  run_once: true
"""

RETURN = r"""
row:
  description: What the table shows of the host. C(level) is C(ok), C(warning), C(critical) or C(no data).
  returned: phase host
  type: dict
  sample:
    host: app1
    level: ok
    tier: app
    mode: observe
    table: confirmed
    observed_hours: 71.2
    unexplained: 0
    ready: false
    drift: 0
    pending: null
    open: 0
    watcher: true
    nft: 1.0.6
    note: ""
rows:
  description: The row of every host.
  returned: phase report, unless it fails
  type: list
  elements: dict
attention:
  description: The hosts whose level is not C(ok).
  returned: phase report, unless it fails
  type: list
  elements: str
"""
