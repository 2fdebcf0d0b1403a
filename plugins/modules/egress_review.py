# Copyright: (c) 2026, the tidegate developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Documentation of the action egress_review, which asks the host's guard and reviews on the controller."""

from __future__ import annotations

DOCUMENTATION = r"""
module: egress_review
short_description: Review every entry of a fleet, with owner, age, use and what is overdue
version_added: 0.1.0
description:
  - O(phase=host) reads from the ledger of one host what used its entries.
  - O(phase=report) prints what is overdue or found about the entries of all hosts of the play, the overdue first,
    writes the review as Markdown, CSV and HTML, and fails when an entry is overdue.
  - The playbook C(tidegate.nftables.review) runs both.
options:
  phase:
    description: What to do.
    type: str
    choices: [host, report]
    default: host
  results:
    description: The name under which the hosts registered their result, for O(phase=report).
    type: str
  keep:
    description: Findings that stay, with reason and date, C(egress_review_keep).
    type: raw
  unused_days:
    description: Days without use after which an entry, or a part of it, is called unused.
    type: int
    default: 90
  directory:
    description: A folder on the controller for C(review.md), C(review.csv) and C(review.html).
    type: str
  fail:
    description: Whether a report fails when an entry is overdue.
    type: bool
    default: true
extends_documentation_fragment:
  - tidegate.nftables.egress.reads_only
seealso:
  - module: tidegate.nftables.egress_suggest
author:
  - The tidegate developers (@tidegate)
"""

EXAMPLES = r"""
- name: Read what used the entries
  tidegate.nftables.egress_review:
  become: true
  register: used

- name: Review them
  tidegate.nftables.egress_review:
    phase: report
    results: used
    directory: review
  run_once: true
"""

RETURN = r"""
usage:
  description: By entry, how often it allowed something (C(hits)), when at last (C(last)), and which of its parts.
  returned: phase host, unless the guard failed
  type: dict
  sample: {payments-api: {hits: 12, last: 1795170000, parts: [https]}}
since:
  description: From when on that is complete, in seconds since 1970; null when the host does not note it.
  returned: phase host, unless the guard failed
  type: float
left_out:
  description: How many packets are in no line of the ledger.
  returned: phase host, unless the guard failed
  type: int
refused:
  description: How many flows and packets of each user were refused (C(rejected)) or would be (C(would_reject)).
  returned: phase host, unless the guard failed
  type: list
  elements: dict
  sample: [{user: payd, decision: rejected, flows: 2, packets: 12}]
why:
  description: Why the host has no data.
  returned: phase host, when the guard failed
  type: str
summary:
  description: The review in one sentence.
  returned: phase report, unless it fails
  type: str
overdue:
  description: The names of the entries that are overdue.
  returned: phase report, unless it fails
  type: list
  elements: str
no_data:
  description: The hosts that have no data, and why.
  returned: phase report, unless it fails
  type: dict
files:
  description: The files that were written.
  returned: phase report, unless it fails
  type: list
  elements: str
"""
