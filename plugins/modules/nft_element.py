#!/usr/bin/python
# Copyright: (c) 2026, the tidegate developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Single elements of a set or map."""

from __future__ import annotations

DOCUMENTATION = r"""
module: nft_element
short_description: Add or delete single elements of an nftables set or map
version_added: 0.1.0
author: The tidegate developers (@tidegate)
description:
  - Adds or deletes single elements; all others stay as they are.
  - Works without listing the set, however large it is, unless nft itself is needed. nft is needed for maps, for sets
    of other keys than addresses, with C(auto-merge), with statements or with the flag C(dynamic), and for elements with
    C(timeout).
  - Never deletes an element that the task does not list. An element that is only part of a larger one stays, with a
    warning; in a set with C(auto-merge), its part of the union is deleted.
options:
  set:
    description: The set or map. It must exist; M(tidegate.nftables.nft_set) creates sets.
    type: str
    required: true
  elements:
    description:
      - The elements, each a text in nft's language, or a mapping of C(value), C(data) (of a map), C(comment) and
        C(timeout). With O(state=absent) only the value matters.
    type: list
    elements: raw
    required: true
extends_documentation_fragment:
  - tidegate.nftables.common
  - tidegate.nftables.common.attributes
  - tidegate.nftables.common.family
  - tidegate.nftables.common.in_table
seealso:
  - module: tidegate.nftables.nft_set
"""

EXAMPLES = r"""
- name: Create the table
  tidegate.nftables.nft_table:
    name: site

- name: Create the set
  tidegate.nftables.nft_set:
    table: site
    name: partners4
    type: ipv4_addr
    flags: [interval]

- name: Allow a partner
  tidegate.nftables.nft_element:
    table: site
    set: partners4
    elements:
      - value: 203.0.113.0/28
        comment: partner since March

- name: Block a former partner
  tidegate.nftables.nft_element:
    table: site
    set: partners4
    elements: [198.51.100.0/24]
    state: absent
"""

RETURN = r"""
diff:
  description:
    - The set before and after in nft syntax, with the elements that change; when nft itself is needed, the whole
      table. Both are empty when nothing changes.
  returned: success
  type: dict
  contains:
    before:
      description: The set or table before the run.
      type: str
    after:
      description: The set or table after the run, in check mode as it would be.
      type: str
transaction:
  description: The changes as text for nft, in check mode those that would be made. Empty when nothing changes.
  returned: success
  type: str
  sample: add element inet site partners4 { 203.0.113.0/28 }
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
      V(elements) when the kernel looked up the elements and got the difference, so that nothing was listed; else
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
  sample: elements[0]
"""

from ansible_collections.tidegate.nftables.plugins.module_utils.nft import run_module
from ansible_collections.tidegate.nftables.plugins.module_utils.nft.desired import parse_single

OPTIONS = {
    **run_module.IN_TABLE,
    "set": {"type": "str", "required": True},
    "elements": {"type": "list", "elements": "raw", "required": True},
}


def main() -> None:
    """Run the module."""
    run_module.run(OPTIONS, parse_single.element)


if __name__ == "__main__":
    main()
