#!/usr/bin/python
# Copyright: (c) 2026, the tidegate developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A set and its elements."""

from __future__ import annotations

DOCUMENTATION = r"""
module: nft_set
short_description: Create, fill or delete an nftables set
version_added: 0.1.0
author: The tidegate developers (@tidegate)
description:
  - Creates or changes a set. What the task leaves out is as it is; with O(elements), the set has exactly these, unless
    O(purge) says otherwise.
  - Elements are compared as nft lists them, so V(10.1.2.3/8) and V(10.0.0.0/8) are the same element. With
    O(auto_merge), where nft merges elements that overlap or touch, their union is compared.
options:
  name:
    description: The name of the set.
    type: str
    required: true
  type:
    description: The type of the elements, such as V(ipv4_addr) or V(ipv4_addr . inet_service).
    type: str
  typeof:
    description: Instead of O(type), an expression that has the type of the elements, such as V(ip daddr . tcp dport).
    type: str
  elements:
    description:
      - The elements, each a text in nft's language, or a mapping of C(value), C(comment) and C(timeout).
      - A key of an address type is an address, a network or a range; a host name is an error.
    type: list
    elements: raw
  elements_file:
    description:
      - The absolute path of a file on the host with one element per line; what follows C(#) is a remark.
      - Of a large file only the difference is sent to the kernel, and the set is not listed. A diff and C(transaction)
        show at most 200 of its elements; of a set of more than 200,000 that another process changed, a diff cannot
        show the elements of before.
    type: path
  elements_sum:
    description:
      - The SHA-256 that O(elements_file) must have; otherwise the task fails and changes nothing.
    type: str
  elements_src:
    description:
      - Instead of O(elements_file), such a file on the controller, searched where M(ansible.builtin.copy) searches its
        C(src).
      - It is uploaded when C(/var/lib/tidegate/elements) on the host has no copy of the same SHA-256, in check mode to
        a temporary file. An unchanged run uploads nothing.
    type: path
  purge:
    description:
      - Whether elements that are not listed are deleted. Applies only with O(elements) or O(elements_file).
      - The default is V(true), but V(false) for sets with the flags V(dynamic) or V(timeout), whose elements others
        add.
    type: bool
extends_documentation_fragment:
  - tidegate.nftables.common
  - tidegate.nftables.common.attributes
  - tidegate.nftables.common.family
  - tidegate.nftables.common.in_table
  - tidegate.nftables.common.set_properties
seealso:
  - module: tidegate.nftables.nft_element
  - module: tidegate.nftables.nft_ruleset
"""

EXAMPLES = r"""
- name: Create the table
  tidegate.nftables.nft_table:
    name: site

- name: List who may reach the administration
  tidegate.nftables.nft_set:
    table: site
    name: admins4
    type: ipv4_addr
    flags: [interval]
    elements:
      - 192.0.2.0/26
      - 198.51.100.10-198.51.100.19
      - value: 203.0.113.7
        comment: office of the auditors

- name: Create a set that another program fills
  tidegate.nftables.nft_set:
    table: site
    name: banned4
    type: ipv4_addr
    flags: [timeout]
    timeout: 1h
    size: 65535
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
  sample: add element inet site admins4 { 192.0.2.0/26 }
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
    - V(fast) when the kernel proved that nothing changed since the last verified run, so that nft was not started;
      V(elements) when it proved that only the elements of O(elements_file) changed, and got the difference without nft;
      else V(full).
  returned: success
  type: str
reason:
  description:
    - The reason of the failure, in one word. One of V(nft_missing), V(nft_too_old), V(no_cap_net_admin),
      V(no_nf_tables), V(bad_spec), V(rejected_by_nft), V(nft_crashed), V(no_memory), V(not_applied), V(busy),
      V(file_needed).
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
    "elements_file": {"type": "path"},
    "elements_sum": {"type": "str"},
    "elements_src": {"type": "path"},
    "purge": {"type": "bool"},
}


def main() -> None:
    """Run the module."""
    run_module.run(
        OPTIONS,
        parse_single.set_,
        mutually_exclusive=[("type", "typeof"), ("elements", "elements_file", "elements_src")],
    )


if __name__ == "__main__":
    main()
