#!/usr/bin/python
# Copyright: (c) 2026, the tidegate developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A named map and its elements."""

from __future__ import annotations

DOCUMENTATION = r"""
module: nft_map
short_description: Create, fill or delete a map of an nftables table
version_added: 0.1.0
author: The tidegate developers (@tidegate)
description:
  - Creates or changes a named map. What the task leaves out is as it is; with O(elements), the map has exactly these,
    unless O(purge) says otherwise.
  - Elements are compared as nft lists them.
options:
  name:
    description: The name of the map.
    type: str
    required: true
  type:
    description:
      - "The types of keys and data, such as V(inet_service : verdict) or V(ipv4_addr : ipv4_addr . inet_service)."
    type: str
  typeof:
    description: "Instead of O(type), expressions that have these types, such as V(ip daddr : meta mark)."
    type: str
  elements:
    description:
      - "The elements, each a text such as V(443 : jump web), quoted because of its colon, or a mapping of C(value),
        C(data), C(comment) and C(timeout)."
      - When omitted, the elements stay as they are.
    type: list
    elements: raw
  purge:
    description:
      - Whether elements that are not listed are deleted. Applies only with O(elements).
      - The default is V(true), but V(false) for maps with the flags V(dynamic) or V(timeout), whose elements others
        add.
    type: bool
extends_documentation_fragment:
  - tidegate.nftables.common
  - tidegate.nftables.common.attributes
  - tidegate.nftables.common.family
  - tidegate.nftables.common.in_table
  - tidegate.nftables.common.set_properties
seealso:
  - module: tidegate.nftables.nft_set
  - module: tidegate.nftables.nft_element
"""

EXAMPLES = r"""
- name: Create the table
  tidegate.nftables.nft_table:
    name: site

- name: Create the chain that the map leads to
  tidegate.nftables.nft_chain:
    table: site
    name: web

- name: Lead each port to its chain
  tidegate.nftables.nft_map:
    table: site
    name: services
    type: "inet_service : verdict"
    elements:
      - value: 443
        data: jump web
      - "80 : drop"

- name: Delete an old map
  tidegate.nftables.nft_map:
    table: site
    name: gopher
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
  sample: "add element inet site services { 80 : drop }"
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
  sample: elements[1]
"""

from ansible_collections.tidegate.nftables.plugins.module_utils.nft import run_module
from ansible_collections.tidegate.nftables.plugins.module_utils.nft.desired import parse_single

OPTIONS = {
    **run_module.IN_TABLE,
    **run_module.SET_PROPERTIES,
    "name": {"type": "str", "required": True},
    "type": {"type": "str"},
    "typeof": {"type": "str"},
    "elements": {"type": "list", "elements": "raw"},
    "purge": {"type": "bool"},
}


def main() -> None:
    """Run the module."""
    run_module.run(OPTIONS, parse_single.map_, mutually_exclusive=[("type", "typeof")])


if __name__ == "__main__":
    main()
