# Copyright: (c) 2026, the tidegate developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Documentation of the action egress_flows_info, which asks the host's guard or reads logs on the controller."""

from __future__ import annotations

DOCUMENTATION = r"""
module: egress_flows_info
short_description: Return the flows of a host as records of one shape, whatever they were read from
version_added: 0.1.0
description:
  - Returns what the ledger of the host has, also from before a reload or a reboot, for as long as C(egress_ledger_days)
    says. With O(logs), returns what logs on the controller have of this host.
  - Where C(egress_ledger) is C(all), the ledger also has what entries allowed, one record for each flow and day.
  - Each record has what the host's policy says about the flow now, V(entry) or the V(nearest) entry.
  - The shape is the JSON Schema C(docs/schema/flow-1.json) of the collection.
options:
  logs:
    description:
      - Logs to read instead of the ledger, as C(egress_flows) names them for the playbook C(tidegate.nftables.whatif).
      - They are on the controller, which needs DuckDB. The host is not connected to.
    type: raw
  skip_damaged:
    description: Whether damaged files of O(logs) are left out instead of failing the task.
    type: bool
    default: false
extends_documentation_fragment:
  - tidegate.nftables.egress.reads_only
seealso:
  - module: tidegate.nftables.egress_evidence
  - module: tidegate.nftables.egress_whatif
author:
  - The tidegate developers (@tidegate)
"""

EXAMPLES = r"""
- name: Read what the host rejected or would have rejected
  tidegate.nftables.egress_flows_info:
  become: true
  register: flows

- name: Name the destinations that no entry allows
  ansible.builtin.debug:
    msg: "{{ flows.records | rejectattr('entry') | map(attribute='destination') | unique }}"

- name: Read what connection tracking saw
  tidegate.nftables.egress_flows_info:
    logs:
      - {conntrack: "conntrack-{{ inventory_hostname }}.log"}
"""

RETURN = r"""
records:
  description: The records, see C(docs/schema/flow-1.json). Those of the ledger have the most frequent flows first.
  returned: success
  type: list
  elements: dict
  sample:
    - version: 1
      source: ledger
      host: app1
      tier: app
      user: payd
      uid: 990
      unit: null
      destination: 203.0.113.9
      name: null
      protocol: tcp
      port: 443
      decision: would_reject
      answered: null
      entry: null
      nearest: payments-api
      cause: unlisted
      first: 1795170000
      last: 1795173600
      flows: null
      packets: 12
      bytes: 720
      policy: 0f3b0d7a9a2f51c4
unreadable:
  description: How many flows, of logs also records, have no destination that can be read.
  returned: success
  type: int
incomplete:
  description:
    - Of whom the ledger has not every flow, with the packets that it has no line of. V(observed) says whether they left
      the host. Empty for logs.
  returned: success
  type: list
  elements: dict
  sample:
    - {user: www-data, observed: false, packets: 19745, last: 1795170000.0}
allowed:
  description:
    - Of allowed flows, when the host began to note them without a gap (C(since), in seconds since 1970, null when it
      does not) and how many packets have no record (C(left_out)). Null for O(logs).
  returned: success
  type: dict
  sample: {since: 1795170000.0, left_out: 0}
"""
