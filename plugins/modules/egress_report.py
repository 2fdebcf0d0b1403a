# Copyright: (c) 2026, the tidegate developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Documentation of the action egress_report, which asks the host's guard and writes the report on the controller."""

from __future__ import annotations

DOCUMENTATION = r"""
module: egress_report
short_description: Write one HTML file about the egress of all hosts of a play
version_added: 0.1.0
description:
  - O(phase=host) writes what one host knows (state, ledger, journal, packets of entries) as a file on the controller.
  - O(phase=report) makes C(report.html) of these files, or of files of records that somebody else wrote, and keeps in
    C(report.json) which destinations it has, so that the next report can say what is new.
  - The page loads nothing from anywhere. Hosts that gave no data are named in it.
  - The playbook C(tidegate.nftables.report) runs both.
options:
  phase:
    description: What to do.
    type: str
    choices: [host, report]
    default: host
  directory:
    description: A folder on the controller for C(report.html), C(report.json) and C(hosts/).
    type: str
    default: egress-report
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
  source:
    description:
      - A folder on the controller with files to report on instead of those of O(results). Each C(*.json) is a result of
        P(tidegate.nftables.egress_flows_info#module), a list of records, or a file of an earlier report's C(hosts/).
        Each C(*.ndjson) or C(*.jsonl) has a record a line.
      - Records have the shape of C(docs/schema/flow-1.json) of the collection.
    type: str
extends_documentation_fragment:
  - tidegate.nftables.egress.reads_only
seealso:
  - module: tidegate.nftables.egress_status
  - module: tidegate.nftables.egress_flows_info
author:
  - The tidegate developers (@tidegate)
"""

EXAMPLES = r"""
- name: Write what the host knows into the folder of the report
  tidegate.nftables.egress_report:
    directory: out
  become: true
  register: known

- name: Write the page
  tidegate.nftables.egress_report:
    phase: report
    results: known
    directory: out
  run_once: true
"""

RETURN = r"""
data:
  description: The name and tier of the host; of a host whose guard failed, also C(row), as egress_status returns it.
  returned: phase host
  type: dict
  sample: {host: app1, tier: app}
file:
  description: The name of the host's file in C(hosts/), or the path of the page.
  returned: success, unless the guard of the host failed
  type: str
  sample: out/report.html
records:
  description: How many records the file or the page has.
  returned: success, unless the guard of the host failed
  type: int
hosts:
  description: How many hosts the page has.
  returned: phase report
  type: int
silent:
  description: How many of them gave no data.
  returned: phase report
  type: int
not_allowed:
  description: How many of the records are of flows that were rejected, or would have been.
  returned: phase report
  type: int
"""
