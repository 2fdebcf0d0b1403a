#!/usr/bin/python
# Copyright: (c) 2026, the tidegate developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What is in the kernel."""

from __future__ import annotations

DOCUMENTATION = r"""
module: nft_info
short_description: Read an nftables table, or the names of all tables
version_added: 0.1.0
author: The tidegate developers (@tidegate)
description:
  - Returns a table as data, or without O(table) the names of all tables.
  - Names are read from the kernel without nft, and only O(table) is listed, so a table of another program that nft
    cannot list does no harm.
options:
  family:
    description: The address family. The default is V(inet) with O(table), and all families without.
    type: str
    choices: [inet, ip, ip6, arp, bridge, netdev]
  table:
    description: The table to read.
    type: str
  elements:
    description: Whether to return the elements of sets and maps.
    type: bool
    default: false
  for_ruleset:
    description:
      - Return the table as an item of O(tidegate.nftables.nft_ruleset#module:tables) that changes nothing. It has
        elements, except those with a timeout and those of sets with the flag C(dynamic), which others add, but no
        handles, no counters and no empty options.
      - Use it to move a table into a playbook. It does not work for tables that iptables created, whose rules nft lists
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

- name: Read a table for a playbook
  tidegate.nftables.nft_info:
    table: site
    for_ruleset: true
  register: written

- name: Print it as YAML
  ansible.builtin.debug:
    msg: "{{ {'tables': [written.table]} | to_nice_yaml }}"

- name: Show how many packets were rejected
  ansible.builtin.debug:
    msg: "{{ site.table.counters | selectattr('name', 'eq', 'rejected') | map(attribute='packets') | first }} packets"
  when: site.table is not none
"""

RETURN = r"""
tables:
  description: The names of all tables, or of the tables of O(family). Empty with O(table).
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
    - The table with the keys of M(tidegate.nftables.nft_ruleset), and with C(packets) and C(bytes) of counters, C(used)
      of quotas, C(handle), C(packets) and C(bytes) of rules. Priorities are numbers. Null when the table does not
      exist.
  returned: success
  type: dict
  sample:
    family: inet
    name: site
    chains: [{name: site_output, rules: [{rule: counter accept, handle: 4, packets: 12, bytes: 720}]}]
nft_version:
  description: The version of nft on the host. Empty without O(table).
  returned: success
  type: str
  sample: 1.0.6
reason:
  description: The reason of the failure, in one word, as in M(tidegate.nftables.nft_ruleset).
  returned: failure
  type: str
where:
  description: The path of the argument that caused the failure, empty when none did.
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
