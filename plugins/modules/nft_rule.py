#!/usr/bin/python
# Copyright: (c) 2026, the tidegate developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A rule in a chain that others own."""

from __future__ import annotations

DOCUMENTATION = r"""
module: nft_rule
short_description: Add or delete a single rule of an nftables chain
version_added: 0.1.0
author: The tidegate developers (@tidegate)
description:
  - Owns a single rule of a chain; the other rules stay as they are.
  - A comment identifies a rule, so that its text can change. A rule without a comment is identified by its text, as nft
    lists it.
options:
  chain:
    description: The chain. It must exist; M(tidegate.nftables.nft_chain) creates chains.
    type: str
    required: true
  rule:
    description: The rule in nft's language. Required unless O(state=absent) and O(comment) are set.
    type: str
  users:
    description:
      - Names or uids of this host; the rule then matches only the sockets of these users, in chains that see packets of
        local processes.
      - When none of them exists, the rule is left out, and one with O(comment) is deleted. It never becomes a rule for
        everybody. A rule with users needs O(comment), which identifies it when a uid changes.
    type: list
    elements: str
  missing_users:
    description: What to do about a user that does not exist. V(skip) names it in RV(missing_users), V(error) fails.
    type: str
    choices: [skip, error]
    default: skip
  comment:
    description: The comment that identifies the rule, of at most 128 bytes.
    type: str
  position:
    description:
      - The position of the rule. When omitted, an existing rule stays where it is and a new one becomes the last.
    type: str
    choices: [first, last]
  before:
    description: The comment of a rule that has to come later, not necessarily next.
    type: str
  after:
    description: The comment of a rule that has to come earlier, not necessarily just before.
    type: str
extends_documentation_fragment:
  - tidegate.nftables.common
  - tidegate.nftables.common.attributes
  - tidegate.nftables.common.family
  - tidegate.nftables.common.in_table
seealso:
  - module: tidegate.nftables.nft_chain
"""

EXAMPLES = r"""
- name: Create the table
  tidegate.nftables.nft_table:
    name: site

- name: Create the chain
  tidegate.nftables.nft_chain:
    table: site
    name: forwarded
    type: filter
    hook: forward
    priority: filter

- name: Create the chain of what leaves
  tidegate.nftables.nft_chain:
    table: site
    name: sent
    type: filter
    hook: output
    priority: filter

- name: Count the packets of the lab
  tidegate.nftables.nft_rule:
    table: site
    chain: forwarded
    rule: ip saddr 192.0.2.0/24 counter
    comment: lab traffic
    position: first

- name: Reject telnet
  tidegate.nftables.nft_rule:
    table: site
    chain: forwarded
    rule: tcp dport 23 reject with tcp reset
    comment: no telnet
    after: lab traffic

- name: Let only the backup user reach the backup server
  tidegate.nftables.nft_rule:
    table: site
    chain: sent
    rule: ip daddr 192.0.2.10 tcp dport 22 accept
    users: [root]
    comment: backup

- name: Delete an old rule
  tidegate.nftables.nft_rule:
    table: site
    chain: forwarded
    comment: no gopher
    state: absent
"""

RETURN = r"""
diff:
  description: The table before and after in nft syntax, both empty when nothing changes.
  returned: success
  type: dict
  contains:
    before:
      description: The table before the run.
      type: str
    after:
      description: The table after the run, in check mode as it would be.
      type: str
transaction:
  description: The text that was sent to nft, in check mode that would be sent. Empty when nothing changes.
  returned: success
  type: str
  sample: insert rule inet site forwarded handle 5 tcp dport 23 reject
changes:
  description: The changes, one by one, with the keys that M(tidegate.nftables.nft_ruleset) returns.
  returned: success
  type: list
  elements: dict
missing_users:
  description: Users of rules that do not exist on this host, sorted.
  returned: success
  type: list
  elements: str
nft_version:
  description: The version of nft on the host.
  returned: success
  type: str
  sample: 1.0.6
path:
  description:
    - V(fast) when the kernel proved that nothing changed since the last verified run, so that nft was not started, else
      V(full).
  returned: success
  type: str
reason:
  description:
    - The reason of the failure, in one word. One of V(nft_missing), V(nft_too_old), V(no_cap_net_admin),
      V(no_nf_tables), V(bad_spec), V(rejected_by_nft), V(nft_crashed), V(no_memory), V(not_applied), V(busy).
  returned: failure
  type: str
where:
  description: The path of the argument that caused the failure, empty when none did.
  returned: failure
  type: str
  sample: before
"""

from ansible_collections.tidegate.nftables.plugins.module_utils.nft import run_module
from ansible_collections.tidegate.nftables.plugins.module_utils.nft.desired import parse_single

OPTIONS = {
    **run_module.IN_TABLE,
    "chain": {"type": "str", "required": True},
    "rule": {"type": "str"},
    "users": {"type": "list", "elements": "str"},
    "missing_users": {"type": "str", "choices": ["skip", "error"], "default": "skip"},
    "comment": {"type": "str"},
    "position": {"type": "str", "choices": ["first", "last"]},
    "before": {"type": "str"},
    "after": {"type": "str"},
}


def main() -> None:
    """Run the module."""
    run_module.run(
        OPTIONS,
        parse_single.rule,
        mutually_exclusive=[("position", "before", "after")],
        required_by={"users": ["comment"]},
        required_if=[("state", "present", ["rule"]), ("state", "absent", ["rule", "comment"], True)],
    )


if __name__ == "__main__":
    main()
