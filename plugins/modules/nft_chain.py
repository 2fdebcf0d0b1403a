#!/usr/bin/python
# Copyright: (c) 2026, the tidegate developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A chain and its rules."""

from __future__ import annotations

DOCUMENTATION = r"""
module: nft_chain
short_description: Create, fill or delete an nftables chain
version_added: 0.1.0
author: The tidegate developers (@tidegate)
description:
  - Creates or changes a chain. What the task leaves out is as it is; with O(rules), the chain has exactly these.
  - Rules are text in nft's language, compared as nft lists them, so V(tcp dport {443, 80}) and
    V(tcp dport { http, https }) are the same rule.
options:
  name:
    description: The name of the chain.
    type: str
    required: true
  type:
    description:
      - The type of a base chain, such as V(filter), V(nat) or V(route). A new base chain needs O(type), O(hook) and
        O(priority); rules jump to a new chain without them.
    type: str
  hook:
    description: The hook that calls a base chain, such as V(output).
    type: str
  priority:
    description: The order of the base chains of a hook, such as V(0), V(filter) or V(filter - 10).
    type: str
  policy:
    description: The verdict for a packet that no rule of a base chain decides. The default of a new one is V(accept).
    type: str
    choices: [accept, drop]
  devices:
    description: The network devices of a base chain of family V(netdev), or of the hooks V(ingress) and V(egress).
    type: list
    elements: str
  base:
    description:
      - V(false) takes a base chain off its hook, so that it becomes a regular chain; it excludes O(type), O(hook),
        O(priority), O(policy) and O(devices).
      - V(true) requires a base chain.
    type: bool
  comment:
    description: A comment of at most 128 bytes; an empty one deletes it.
    type: str
  rules:
    description:
      - The rules in their order, each a text in nft's language, or a mapping of C(rule), C(users) and
        C(missing_users) as in M(tidegate.nftables.nft_ruleset).
      - An empty list deletes all.
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
- name: Create the table
  tidegate.nftables.nft_table:
    name: site

- name: Allow SSH and web traffic to this host
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

- name: Allow only the backup user to reach the backup server
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
      description: The table before the run.
      type: str
    after:
      description: The table after the run, in check mode as it would be.
      type: str
transaction:
  description: The text that was sent to nft, in check mode that would be sent. Empty when nothing changes.
  returned: success
  type: str
  sample: add rule inet site site_input tcp dport 443 accept
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
    "base": {"type": "bool"},
    "comment": {"type": "str"},
    "rules": {"type": "list", "elements": "raw"},
}


def main() -> None:
    """Run the module."""
    run_module.run(OPTIONS, parse_single.chain)


if __name__ == "__main__":
    main()
