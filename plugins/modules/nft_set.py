#!/usr/bin/python
# Copyright: (c) 2026, the tidegate developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""One set and its elements."""

from __future__ import annotations

DOCUMENTATION = r"""
module: nft_set
short_description: Make, fill or remove an nftables set
version_added: 0.1.0
author: The tidegate developers (@tidegate)
description:
  - Makes a set be as it is written and, when elements are given, with these elements.
  - Elements are compared in nft's own words, so V(10.1.2.3/8) and V(10.0.0.0/8) are the same element. Where
    O(auto_merge) has nft merge what overlaps or touches, the union is compared.
options:
  name:
    description: The set's name.
    type: str
    required: true
  type:
    description: The type of its elements, such as V(ipv4_addr) or V(ipv4_addr . inet_service).
    type: str
  typeof:
    description: In place of O(type), an expression whose type the elements have, such as V(ip daddr . tcp dport).
    type: str
  flags:
    description: The set's flags. Networks and ranges need V(interval).
    type: list
    elements: str
    choices: [constant, interval, timeout, dynamic]
  timeout:
    description: How long an element stays, in seconds or as in V(1d) or V(2h30m).
    type: str
  gc_interval:
    description: How often the kernel removes what timed out, in seconds or as in V(1h).
    type: str
  size:
    description: How many elements the set can hold at most.
    type: int
  auto_merge:
    description: Whether nft merges elements that overlap or touch.
    type: bool
  counter:
    description: Whether each element counts the packets that match it.
    type: bool
  statements:
    description:
      - In place of O(counter), what each element holds in nft's words, such as V(limit rate 10/second counter) or
        V(ct count over 20).
    type: str
  policy:
    description: What the kernel goes by when it chooses how to keep the elements.
    type: str
    choices: [performance, memory]
  comment:
    description: A comment, of at most 128 bytes. Left out, there is none.
    type: str
  elements:
    description:
      - The elements, each a text in nft's language, or a mapping of C(value), C(comment) and C(timeout).
      - An address is an address, a network or a range; a host name is refused.
      - Left out, and without O(elements_file), the elements stay as they are.
    type: list
    elements: raw
  elements_file:
    description:
      - The absolute path of a file on the host with one element a line; what follows C(#) is a remark.
      - Of a large file only what changed is told to the kernel, and the set is not listed. A diff and C(transaction)
        show at most 200 of its elements; of a set of more than 200,000 that somebody else changed, a diff cannot tell
        what was there.
    type: path
  elements_sum:
    description:
      - The SHA-256 that O(elements_file) must have; with another one the task fails and changes nothing.
    type: str
  elements_src:
    description:
      - In place of O(elements_file), a file of the same kind on the controller, looked for where
        M(ansible.builtin.copy) looks for its C(src).
      - It is shipped when the host has no copy of the same SHA-256 in C(/var/lib/tidegate/elements), in check mode to a
        temporary place. An unchanged run ships nothing.
    type: path
  purge:
    description:
      - Whether elements that are not named are removed. Only of interest with O(elements) or O(elements_file).
      - V(true) unless given, but V(false) for sets with the flags V(dynamic) or V(timeout), whose elements others add.
    type: bool
extends_documentation_fragment:
  - tidegate.nftables.common
  - tidegate.nftables.common.attributes
  - tidegate.nftables.common.family
  - tidegate.nftables.common.in_table
seealso:
  - module: tidegate.nftables.nft_element
  - module: tidegate.nftables.nft_ruleset
"""

EXAMPLES = r"""
- name: Have the table
  tidegate.nftables.nft_table:
    name: site

- name: Say who may reach the administration
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

- name: Have a set that another program fills
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
      description: The table as it was.
      type: str
    after:
      description: The table as it is now, in check mode as it would be.
      type: str
transaction:
  description: The text that was sent to nft, in check mode that would be sent. Empty when nothing changes.
  returned: success
  type: str
  sample: add element inet site admins4 { 192.0.2.0/26 }
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
      started; V(elements) when it proved that nothing but the elements of O(elements_file) did, and was told the
      difference without nft; else V(full).
  returned: success
  type: str
reason:
  description:
    - Why it failed, in one word. One of V(nft_missing), V(nft_too_old), V(no_cap_net_admin), V(no_nf_tables),
      V(bad_spec), V(rejected_by_nft), V(nft_crashed), V(no_memory), V(not_applied), V(busy),
      V(file_needed).
  returned: failure
  type: str
where:
  description: The place in the arguments that the failure is about, if it is about one.
  returned: failure
  type: str
  sample: elements[1]
"""

from ansible_collections.tidegate.nftables.plugins.module_utils.nft import run_module
from ansible_collections.tidegate.nftables.plugins.module_utils.nft.desired import parse_single

OPTIONS = {
    **run_module.IN_TABLE,
    "name": {"type": "str", "required": True},
    "type": {"type": "str"},
    "typeof": {"type": "str"},
    "flags": {"type": "list", "elements": "str", "choices": ["constant", "interval", "timeout", "dynamic"]},
    "timeout": {"type": "str"},
    "gc_interval": {"type": "str"},
    "size": {"type": "int"},
    "auto_merge": {"type": "bool"},
    "counter": {"type": "bool"},
    "statements": {"type": "str"},
    "policy": {"type": "str", "choices": ["performance", "memory"]},
    "comment": {"type": "str"},
    "elements": {"type": "list", "elements": "raw"},
    "elements_file": {"type": "path"},
    "elements_sum": {"type": "str"},
    "elements_src": {"type": "path"},
    "purge": {"type": "bool"},
}


def main() -> None:
    """Make one set so."""
    run_module.run(
        OPTIONS,
        parse_single.set_,
        mutually_exclusive=[("type", "typeof"), ("elements", "elements_file", "elements_src")],
    )


if __name__ == "__main__":
    main()
