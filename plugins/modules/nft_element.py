#!/usr/bin/python
# Copyright: (c) 2026, the tidegate developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Single elements of a set or map."""

from __future__ import annotations

DOCUMENTATION = r"""
module: nft_element
short_description: Put elements into an nftables set or map, or take them out
version_added: 0.1.0
author: The tidegate developers (@tidegate)
description:
  - Single elements in or out; all others are left as they are.
  - The set is not listed, however large it is, but where nft itself is needed. That is for maps, for sets with
    C(auto-merge), with statements, of concatenated intervals or with the flag C(dynamic), for elements with C(timeout)
    and for names of services and hosts.
  - Never removes another element than the one that is named. An element that is only part of a larger one stays, with a
    warning; where the set has C(auto-merge), its part of the union is taken out.
options:
  set:
    description: The set or map. It must be there; M(tidegate.nftables.nft_set) makes sets.
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
- name: Have the table
  tidegate.nftables.nft_table:
    name: site

- name: Have the set
  tidegate.nftables.nft_set:
    table: site
    name: partners4
    type: ipv4_addr
    flags: [interval]

- name: Let a partner in
  tidegate.nftables.nft_element:
    table: site
    set: partners4
    elements:
      - value: 203.0.113.0/28
        comment: partner since March

- name: Keep another out
  tidegate.nftables.nft_element:
    table: site
    set: partners4
    elements: [198.51.100.0/24]
    state: absent
"""

RETURN = r"""
diff:
  description:
    - The set before and after in nft syntax with those of its elements that change; where nft itself is needed, the
      whole table. Both are empty when nothing changes.
  returned: success
  type: dict
  contains:
    before:
      description: As it was.
      type: str
    after:
      description: As it is now, in check mode as it would be.
      type: str
transaction:
  description: What was done as a text for nft, in check mode what would be done. Empty when nothing changes.
  returned: success
  type: str
  sample: add element inet site partners4 { 203.0.113.0/28 }
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
      started; V(elements) when the kernel was asked for the elements that are named and told the difference, so that
      nothing was listed; else V(full).
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
    """Put elements in or take them out."""
    run_module.run(OPTIONS, parse_single.element)


if __name__ == "__main__":
    main()
