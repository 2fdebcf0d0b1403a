# Copyright: (c) 2026, the tidegate developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The module egress_kernel."""

from __future__ import annotations

DOCUMENTATION = r"""
module: egress_kernel
short_description: List every nftables table of a host, for a proof
version_added: 0.1.0
description:
  - Lists every table of the network namespace with nft, one by one, as JSON that has numbers in place of names.
  - A table that nft cannot list is reported with the error and stops nothing.
  - Changes nothing. P(tidegate.nftables.egress_verify#module) compares the tables with the policy.
options:
  users:
    description: Names of users whose uids are looked up on the host.
    type: list
    elements: str
    default: []
attributes:
  check_mode:
    description: Does the same in check mode, because it changes nothing.
    support: full
  diff_mode:
    description: Changes nothing.
    support: none
requirements:
  - nft 0.9.8 or later
  - CAP_NET_ADMIN, so usually O(ignore:become)
seealso:
  - module: tidegate.nftables.egress_verify
  - module: tidegate.nftables.nft_info
author:
  - The tidegate developers (@tidegate)
"""

EXAMPLES = r"""
- name: Read the whole ruleset
  tidegate.nftables.egress_kernel:
    users: [root, www-data]
  become: true
  register: ruleset
"""

RETURN = r"""
tables:
  description: Every table, with nft's C(listing), or with the C(error) of nft.
  returned: success
  type: list
  elements: dict
users:
  description: The uids of those users that exist.
  returned: success
  type: dict
  sample: {root: 0}
now:
  description: The host's clock, in seconds since 1970.
  returned: success
  type: float
  sample: 1795183200.5
legacy:
  description: Tables of iptables-legacy, which filter packets beside nftables.
  returned: success
  type: list
  elements: str
  sample: [ip_tables filter]
beside:
  description: What may decide about packets where no table sees them, such as packet sockets, queueing disciplines of
    tc, XDP programs, IPsec policies, routing rules, and eBPF programs of cgroups and interfaces. Each with what it may
    do.
  returned: success
  type: list
  elements: list
  sample: [[packet sockets (1), programs such as DHCP clients send through them past every hook]]
nft_version:
  description: The version of nft on the host.
  returned: success
  type: str
  sample: 1.0.6
reason:
  description: The reason of the failure, in one word, see C(docs/errors.md).
  returned: failure
  type: str
"""

from ansible.module_utils.basic import AnsibleModule

from ansible_collections.tidegate.nftables.plugins.module_utils.errors import report_errors
from ansible_collections.tidegate.nftables.plugins.module_utils.nft.runs import list_all


def main() -> None:
    """Run the module."""
    options = {"users": {"type": "list", "elements": "str", "default": []}}
    module = AnsibleModule(argument_spec=options, supports_check_mode=True)
    with report_errors(module):
        module.exit_json(changed=False, **list_all.gather(module.params["users"]))


if __name__ == "__main__":
    main()
