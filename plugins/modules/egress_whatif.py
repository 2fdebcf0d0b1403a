# Copyright: (c) 2026, the tidegate developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Documentation of the action egress_whatif, which does its work on the controller."""

from __future__ import annotations

DOCUMENTATION = r"""
module: egress_whatif
short_description: Judge flows that happened by the policies
version_added: 0.1.0
description:
  - Reads logs of flows once, judges those of each host by the host's own policy in mode V(enforce), and reports what
    would have been rejected and which entries were not used. The playbook C(tidegate.nftables.whatif) runs the phases
    in order.
  - When there are too many logs to fetch, it writes the same question as a query for Amazon Athena and for CloudWatch
    Logs Insights, and reads the answers as a kind of log.
  - Runs on the controller only and connects to no host. Reading needs DuckDB, C(pip install duckdb).
options:
  phase:
    description:
      - V(read) reads O(flows) and groups them, once for all hosts.
      - V(report) judges the flows of each host of the play, by all cores of the controller, and prints the answers.
        It fails when the policies of hosts have errors, after it has reported on the others.
      - V(allowed) computes what the policy of the task's host allows to every user, for V(queries).
      - V(queries) writes one query for each policy.
    type: str
    required: true
    choices: [read, report, allowed, queries]
  flows:
    description:
      - The logs, a list of mappings. Each names its kind with a file, a directory or a glob, relative to the current
        directory.
      - Kinds are V(vpc) (flow logs of AWS VPCs, also as CloudWatch and Firehose wrap them), V(conntrack), V(ledger)
        (C(nft -j list table inet tidegate)), V(ulogd) (also packets in the kernel's log), V(squid), V(athena) and
        V(insights) (answers to the queries).
      - C(host) names the host of a log that does not name it; C(format) lists the fields of VPC flow logs without a
        header.
    type: raw
  skip_damaged:
    description: Whether truncated files are skipped and named, instead of failing.
    type: bool
    default: false
  logs:
    description: What V(read) returned as RV(logs).
    type: dict
  answers:
    description: The name under which V(allowed) was registered.
    type: str
  directory:
    description: Directory on the controller for the files of V(report) and V(queries).
    type: str
  table:
    description: The Athena table of the queries.
    type: str
    default: vpc_flow_logs
attributes:
  check_mode:
    description: Does the same in check mode. Reports and queries are written as well.
    support: full
  diff_mode:
    description: There is nothing to compare.
    support: none
seealso:
  - module: tidegate.nftables.egress_apply
author:
  - The tidegate developers (@tidegate)
"""

EXAMPLES = r"""
- name: Read the logs
  tidegate.nftables.egress_whatif:
    phase: read
    flows:
      - vpc: flow-logs/
      - {ledger: app1.json, host: app1}
  register: flow_logs
  run_once: true

- name: Report what would have been rejected
  tidegate.nftables.egress_whatif:
    phase: report
    logs: "{{ flow_logs.logs }}"
  run_once: true
"""

RETURN = r"""
logs:
  description: Records that were read, groups that they formed, and what was left out and why.
  returned: phase read
  type: dict
rejected:
  description: Flows of all hosts that would have been rejected.
  returned: phase report
  type: int
allowed:
  description: What the policy allows to every user.
  returned: phase allowed
  type: list
  elements: dict
files:
  description: Files that were written on the controller.
  returned: phases report and queries
  type: list
  elements: str
notices:
  description: What could not be asked in a query, and what to do instead.
  returned: phase queries
  type: list
  elements: str
"""
