#!/usr/bin/python
# Copyright: (c) 2026, the tidegate developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A stateful object of a table: counter, quota, limit, helper, flowtable and so on."""

from __future__ import annotations

DOCUMENTATION = r"""
module: nft_object
short_description: Create, change or delete a counter, quota, limit or other object of an nftables table
version_added: 0.1.0
author: The tidegate developers (@tidegate)
description:
  - Owns a single object of a table, which rules refer to by its name; the rest of the table stays as it is.
  - A change keeps the counts of a counter and the used part of a quota.
options:
  kind:
    description: The kind of object.
    type: str
    required: true
    choices: [counter, quota, limit, ct helper, ct timeout, ct expectation, synproxy, secmark, flowtable]
  name:
    description: The name of the object.
    type: str
    required: true
  text:
    description:
      - What nft writes between the braces of the object, without a comment; V(;) or line breaks separate its lines.
      - Required unless O(state=absent), except for a V(counter), which has none.
    type: str
  comment:
    description: A comment of at most 128 bytes; an empty one deletes it. nft before 1.0 supports none for most objects.
    type: str
extends_documentation_fragment:
  - tidegate.nftables.common
  - tidegate.nftables.common.attributes
  - tidegate.nftables.common.family
  - tidegate.nftables.common.in_table
seealso:
  - module: tidegate.nftables.nft_map
  - module: tidegate.nftables.nft_rule
"""

EXAMPLES = r"""
- name: Create the table
  tidegate.nftables.nft_table:
    name: site

- name: Count what is rejected
  tidegate.nftables.nft_object:
    table: site
    kind: counter
    name: rejected

- name: Allow 10 MiB a boot
  tidegate.nftables.nft_object:
    table: site
    kind: quota
    name: updates
    text: over 10 mbytes

- name: Limit logging
  tidegate.nftables.nft_object:
    table: site
    kind: limit
    name: calm
    text: rate 5/minute burst 10 packets

- name: Follow FTP
  tidegate.nftables.nft_object:
    table: site
    kind: ct helper
    name: ftp-21
    text: type "ftp" protocol tcp; l3proto ip

- name: Delete an old counter
  tidegate.nftables.nft_object:
    table: site
    kind: counter
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
  sample: add counter inet site rejected
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
  sample: text
"""

from ansible_collections.tidegate.nftables.plugins.module_utils.nft import run_module
from ansible_collections.tidegate.nftables.plugins.module_utils.nft.desired import parse_single

OPTIONS = {
    **run_module.IN_TABLE,
    "kind": {
        "type": "str",
        "required": True,
        "choices": [
            "counter",
            "quota",
            "limit",
            "ct helper",
            "ct timeout",
            "ct expectation",
            "synproxy",
            "secmark",
            "flowtable",
        ],
    },
    "name": {"type": "str", "required": True},
    "text": {"type": "str"},
    "comment": {"type": "str"},
}


def main() -> None:
    """Run the module."""
    run_module.run(OPTIONS, parse_single.object_)


if __name__ == "__main__":
    main()
