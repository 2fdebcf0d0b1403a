#!/usr/bin/python
# Copyright: (c) 2026, the tidegate developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What is in the kernel."""

from __future__ import annotations

DOCUMENTATION = r"""
module: nft_info
short_description: Read an nftables table, or the names of all
version_added: 0.1.0
author: The tidegate developers (@tidegate)
description:
  - Returns one table as data, or without O(table) the names of all tables.
  - Names are read from the kernel without nft, and no table is listed but the one that is named, so a table of another
    program that nft cannot list does no harm.
options:
  family:
    description: The address family. Left out, V(inet) for a named table and all families for names.
    type: str
    choices: [inet, ip, ip6, arp, bridge, netdev]
  table:
    description: The table to read.
    type: str
  elements:
    description: Whether to read the elements of sets and maps, which may be many.
    type: bool
    default: false
  for_ruleset:
    description:
      - Return the table as O(tidegate.nftables.nft_ruleset#module:tables) takes it, which is then unchanged. Without
        handles, counts and what is not set, but with elements, save those that have a timeout and those of sets with
        the flag C(dynamic), which others put there.
      - To take a table over into a playbook. Not for tables that iptables made, whose rules nft lists
        translated or only in part.
    type: bool
    default: false
extends_documentation_fragment:
  - tidegate.nftables.common
attributes:
  check_mode:
    support: full
    description: Changes nothing in any mode.
  diff_mode:
    support: none
    description: There is no difference to show.
  platform:
    support: full
    platforms: linux
    description: Where the module runs.
seealso:
  - module: tidegate.nftables.nft_ruleset
"""

EXAMPLES = r"""
- name: Read the names of all tables
  tidegate.nftables.nft_info:
  register: names

- name: Read a table
  tidegate.nftables.nft_info:
    table: site
  register: site

- name: Take a table over that was written by hand
  tidegate.nftables.nft_info:
    table: site
    for_ruleset: true
  register: written

- name: Print it for a playbook
  ansible.builtin.debug:
    msg: "{{ {'tables': [written.table]} | to_nice_yaml }}"

- name: Show what was refused
  ansible.builtin.debug:
    msg: "{{ site.table.counters | selectattr('name', 'eq', 'refused') | map(attribute='packets') | first }} packets"
  when: site.table is not none
"""

RETURN = r"""
tables:
  description: The names of all tables, or of those of O(family). Only without O(table).
  returned: success
  type: list
  elements: dict
  contains:
    family:
      description: The address family.
      type: str
    name:
      description: The name.
      type: str
  sample: [{family: inet, name: site}]
table:
  description:
    - The table with the keys that M(tidegate.nftables.nft_ruleset) takes, and with C(packets) and C(bytes) of counters,
      C(used) of quotas, C(handle), C(packets) and C(bytes) of rules. Priorities are numbers. C(kind) and C(text)
      of C(others). Null when there is no such table.
  returned: success
  type: dict
  sample:
    family: inet
    name: site
    chains: [{name: site_output, rules: [{rule: counter accept, handle: 4, packets: 12, bytes: 720}]}]
nft_version:
  description: The version of nft on the host. Empty when only names were read.
  returned: success
  type: str
  sample: 1.0.6
reason:
  description: Why it failed, in one word, as in M(tidegate.nftables.nft_ruleset).
  returned: failure
  type: str
where:
  description: The place in the arguments that the failure is about, if it is about one.
  returned: failure
  type: str
"""

from ansible.module_utils.basic import AnsibleModule

from ansible_collections.tidegate.nftables.plugins.module_utils.errors import report_errors
from ansible_collections.tidegate.nftables.plugins.module_utils.nft.run_module import FAMILY
from ansible_collections.tidegate.nftables.plugins.module_utils.nft.runs import table_info

OPTIONS = {
    "family": {"type": "str", "choices": FAMILY["choices"]},
    "table": {"type": "str"},
    "elements": {"type": "bool", "default": False},
    "for_ruleset": {"type": "bool", "default": False},
}


def main() -> None:
    """Read one table or the names of all."""
    module = AnsibleModule(argument_spec=OPTIONS, supports_check_mode=True)
    with report_errors(module):
        facts = table_info.gather(
            module.params["family"],
            module.params["table"],
            elements=module.params["elements"],
            for_ruleset=module.params["for_ruleset"],
        )
    module.exit_json(changed=False, **facts)


if __name__ == "__main__":
    main()
