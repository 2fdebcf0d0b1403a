#!/usr/bin/python
# Copyright: (c) 2026, the tidegate developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""One chain and its rules."""

from __future__ import annotations

DOCUMENTATION = r"""
module: nft_chain
short_description: Make, fill or remove an nftables chain
version_added: 0.1.0
author: The tidegate developers (@tidegate)
description:
  - Makes a chain be as it is written, with exactly the rules that are written.
  - Rules are nft's own text and are compared in nft's own words, so V(tcp dport {443, 80}) and
    V(tcp dport { http, https }) are the same rule.
options:
  name:
    description: The chain's name.
    type: str
    required: true
  type:
    description: What a base chain does, such as V(filter), V(nat) or V(route). A chain without it is only jumped to.
    type: str
  hook:
    description: Where in the packet's way a base chain sits, such as V(output).
    type: str
  priority:
    description: The order among base chains of a hook, such as V(0), V(filter) or V(filter - 10).
    type: str
  policy:
    description: What a base chain does with a packet that no rule decided. V(accept) unless given.
    type: str
    choices: [accept, drop]
  devices:
    description: The network devices of a base chain of family V(netdev), or of the hooks V(ingress) and V(egress).
    type: list
    elements: str
  comment:
    description: A comment, of at most 128 bytes. Left out, there is none.
    type: str
  rules:
    description:
      - The rules in their order, each a text in nft's language, or a mapping of C(rule), C(users) and
        C(missing_users) as in M(tidegate.nftables.nft_ruleset).
      - Left out, the rules stay as they are. An empty list removes all.
    type: list
    elements: raw
extends_documentation_fragment:
  - tidegate.nftables.common
  - tidegate.nftables.common.attributes
  - tidegate.nftables.common.family
  - tidegate.nftables.common.in_table
seealso:
  - module: tidegate.nftables.nft_table
  - module: tidegate.nftables.nft_rule
  - module: tidegate.nftables.nft_ruleset
"""

EXAMPLES = r"""
- name: Have the table
  tidegate.nftables.nft_table:
    name: site

- name: Let the web server be reached, and the log server from here
  tidegate.nftables.nft_chain:
    table: site
    name: site_input
    type: filter
    hook: input
    priority: filter
    policy: drop
    rules:
      - ct state established,related accept
      - iifname "lo" accept
      - tcp dport { ssh, http, https } counter accept comment "services"
      - ip6 nexthdr icmpv6 accept

- name: Let only the backup user out to the backup server
  tidegate.nftables.nft_chain:
    table: site
    name: site_output
    type: filter
    hook: output
    priority: filter + 10
    rules:
      - rule: ip daddr 192.0.2.10 tcp dport 22 counter accept
        users: [root, backup]
      - ip daddr 192.0.2.10 tcp dport 22 counter reject
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
  sample: add rule inet site site_input tcp dport 443 accept
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
  sample: rules[2]
"""

from ansible_collections.tidegate.nftables.plugins.module_utils.nft import run_module
from ansible_collections.tidegate.nftables.plugins.module_utils.nft.desired import parse_single

OPTIONS = {
    **run_module.IN_TABLE,
    "name": {"type": "str", "required": True},
    "type": {"type": "str"},
    "hook": {"type": "str"},
    "priority": {"type": "str"},
    "policy": {"type": "str", "choices": ["accept", "drop"]},
    "devices": {"type": "list", "elements": "str"},
    "comment": {"type": "str"},
    "rules": {"type": "list", "elements": "raw"},
}


def main() -> None:
    """Make one chain so."""
    run_module.run(OPTIONS, parse_single.chain)


if __name__ == "__main__":
    main()
