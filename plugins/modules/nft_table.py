#!/usr/bin/python
# Copyright: (c) 2026, the tidegate developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""One table."""

from __future__ import annotations

DOCUMENTATION = r"""
module: nft_table
short_description: Make or remove an nftables table
version_added: 0.1.0
author: The tidegate developers (@tidegate)
description:
  - Makes an empty table, or removes one with everything in it.
  - What is in an existing table is left as it is.
options:
  name:
    description: The table's name.
    type: str
    required: true
  comment:
    description:
      - A comment, of at most 128 bytes. Left out, the comment stays as it is; an empty one is removed.
      - nft cannot change the comment of a table. The table is deleted and made again in one transaction with everything
        in it, counters, elements and their remaining time included; the handles of rules change.
    type: str
  state:
    description: Whether the table shall be there.
    type: str
    choices: [present, absent]
    default: present
extends_documentation_fragment:
  - tidegate.nftables.common
  - tidegate.nftables.common.attributes
  - tidegate.nftables.common.family
seealso:
  - module: tidegate.nftables.nft_chain
  - module: tidegate.nftables.nft_set
  - module: tidegate.nftables.nft_ruleset
"""

EXAMPLES = r"""
- name: Have a table
  tidegate.nftables.nft_table:
    name: site
    comment: rules of this site

- name: Remove the rules that an old tool left behind
  tidegate.nftables.nft_table:
    family: ip
    name: old_tool
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
  sample: add table inet site { comment "rules of this site"; }
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
  sample: comment
"""

from ansible_collections.tidegate.nftables.plugins.module_utils.nft import run_module
from ansible_collections.tidegate.nftables.plugins.module_utils.nft.desired import parse_single

OPTIONS = {
    "family": run_module.FAMILY,
    "name": {"type": "str", "required": True},
    "comment": {"type": "str"},
    "state": run_module.STATE,
}


def main() -> None:
    """Make one table so."""
    run_module.run(OPTIONS, parse_single.table)


if __name__ == "__main__":
    main()
