#!/usr/bin/python
# Copyright: (c) 2026, the tidegate developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""One rule in a chain that others own."""

from __future__ import annotations

DOCUMENTATION = r"""
module: nft_rule
short_description: Put one rule into an nftables chain, or take it out
version_added: 0.1.0
author: The tidegate developers (@tidegate)
description:
  - One rule in a chain that somebody else owns; the other rules are left as they are.
  - A rule with a comment is found by its comment, so its text can change. A rule without one is found by what it says,
    in nft's own words.
options:
  chain:
    description: The chain. It must be there; M(tidegate.nftables.nft_chain) makes chains.
    type: str
    required: true
  rule:
    description: The rule in nft's language. Needed unless O(state=absent) and O(comment) is given.
    type: str
  comment:
    description: What the rule is found by, at most 128 bytes. It becomes the comment of the rule.
    type: str
  position:
    description:
      - Where the rule stands. Left out, a rule that is there stays where it is and a new one becomes the last.
    type: str
    choices: [first, last]
  before:
    description: The comment of a rule that this one stands before, not necessarily next to it.
    type: str
  after:
    description: The comment of a rule that this one stands after, not necessarily next to it.
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
- name: Have the table
  tidegate.nftables.nft_table:
    name: site

- name: Have the chain
  tidegate.nftables.nft_chain:
    table: site
    name: forwarded
    type: filter
    hook: forward
    priority: filter

- name: Count what the lab sends
  tidegate.nftables.nft_rule:
    table: site
    chain: forwarded
    rule: ip saddr 192.0.2.0/24 counter
    comment: lab traffic
    position: first

- name: Refuse telnet right away
  tidegate.nftables.nft_rule:
    table: site
    chain: forwarded
    rule: tcp dport 23 reject with tcp reset
    comment: no telnet
    after: lab traffic

- name: Take an old rule out
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
      description: The table as it was.
      type: str
    after:
      description: The table as it is now, in check mode as it would be.
      type: str
transaction:
  description: The text that was sent to nft, in check mode that would be sent. Empty when nothing changes.
  returned: success
  type: str
  sample: insert rule inet site forwarded handle 5 tcp dport 23 reject
changes:
  description: What changes, one by one.
  returned: success
  type: list
  elements: dict
  contains:
    action:
      description: One of V(add), V(delete), V(recreate), V(move).
      type: str
    kind:
      description: What it is, such as V(table), V(chain), V(rule), V(set), V(map), V(element), V(counter), V(file).
      type: str
    name:
      description: Its name, if it has one.
      type: str
    chain:
      description: The chain of a rule.
      type: str
    comment:
      description: The comment of a rule or table.
      type: str
    text:
      description: A rule or declaration in nft's words.
      type: str
    set:
      description: The set or map of elements.
      type: str
    count:
      description: How many elements.
      type: int
    sample:
      description: The first 20 of the elements.
      type: list
      elements: str
missing_users:
  description: Users of rules that this host does not have, sorted.
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
    - V(fast) when the kernel proved that nothing changed since the last verified run, so that nft was not even
      started, else V(full).
  returned: success
  type: str
reason:
  description:
    - Why it failed, in one word. One of V(nft_missing), V(nft_too_old), V(no_cap_net_admin), V(no_nf_tables),
      V(bad_spec), V(rejected_by_nft), V(nft_crashed), V(no_memory), V(not_applied), V(busy).
  returned: failure
  type: str
where:
  description: The place in the arguments that the failure is about, if it is about one.
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
    "comment": {"type": "str"},
    "position": {"type": "str", "choices": ["first", "last"]},
    "before": {"type": "str"},
    "after": {"type": "str"},
}


def main() -> None:
    """Put one rule in or take it out."""
    run_module.run(
        OPTIONS,
        parse_single.rule,
        mutually_exclusive=[("position", "before", "after")],
        required_if=[("state", "present", ["rule"]), ("state", "absent", ["rule", "comment"], True)],
    )


if __name__ == "__main__":
    main()
