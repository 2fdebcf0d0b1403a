#!/usr/bin/python
# Copyright: (c) 2026, the tidegate developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A table, without its content."""

from __future__ import annotations

DOCUMENTATION = r"""
module: nft_table
short_description: Create or delete an nftables table
version_added: 0.1.0
author: The tidegate developers (@tidegate)
description:
  - Creates an empty table, or deletes a table with everything in it.
  - The content of an existing table stays as it is.
options:
  name:
    description: The name of the table.
    type: str
    required: true
  comment:
    description:
      - A comment of at most 128 bytes. When omitted, the comment stays as it is; an empty one deletes it.
      - nft cannot change the comment of a table. The table is deleted and created again in one transaction with
        everything in it, including counters, elements and their remaining time; the handles of rules change.
    type: str
  state:
    description: Whether the table exists.
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
- name: Create a table
  tidegate.nftables.nft_table:
    name: site
    comment: rules of this site

- name: Delete the table that an old tool left behind
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
      description: The table before the run.
      type: str
    after:
      description: The table after the run, in check mode as it would be.
      type: str
transaction:
  description: The text that was sent to nft, in check mode that would be sent. Empty when nothing changes.
  returned: success
  type: str
  sample: add table inet site { comment "rules of this site"; }
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
    """Run the module."""
    run_module.run(OPTIONS, parse_single.table)


if __name__ == "__main__":
    main()
