#!/usr/bin/python
# Copyright: (c) 2026, the tidegate developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A look at a host before its first egress policy: what else filters there, and what it is configured to use."""

from __future__ import annotations

DOCUMENTATION = r"""
module: egress_preflight
short_description: Look at a host before its first egress policy
version_added: 0.1.0
description:
  - Looks for what would conflict with a policy - other firewalls and the programs that load them, tables that reject,
    rules without connection tracking, a full connection table, containers that the policy does not mention.
  - Reads what the host itself is configured to use - packages, name and time servers, logs, proxies, agents of
    monitoring and management - and looks the names up on the host. Returns what the policy would reject, with the
    entries that would allow it.
  - Changes nothing. What cannot be read is reported and stops nothing.
  - Does not return user names and passwords that are in the files.
options:
  gather:
    description:
      - V(facts) - other rules, the programs that load them, and the connection table.
      - V(needs) - the destinations in the host's own configuration.
      - V(rules) - the output rules of the host, for P(tidegate.nftables.egress_adopt#module).
    type: list
    elements: str
    choices: [facts, needs, rules]
    default: [facts, needs]
  root:
    description: Folder that all paths on the host begin with. For hosts that share a file system, as in a lab.
    type: str
attributes:
  check_mode:
    description: Does the same in check mode, because it changes nothing.
    support: full
  diff_mode:
    description: Changes nothing.
    support: none
notes:
  - The first run of P(tidegate.nftables.egress_apply#module) on a host makes the same checks.
  - Addresses of names are those at the time of the run. For names whose addresses change, use a mirror or proxy.
seealso:
  - module: tidegate.nftables.egress_adopt
author:
  - The tidegate developers (@tidegate)
"""

EXAMPLES = r"""
- name: Look at the host before its first policy
  tidegate.nftables.egress_preflight:
  become: true
  register: preflight

- name: Fail when the host cannot enforce
  ansible.builtin.assert:
    that: preflight.findings | selectattr('severity', 'eq', 'stop') | length == 0
    fail_msg: "{{ preflight.lines | join('\n') }}"
"""

RETURN = r"""
findings:
  description: What to know before a policy is applied, the most severe first.
  returned: when facts were gathered
  type: list
  elements: dict
  contains:
    name:
      description: The check.
      type: str
      sample: containers
    severity:
      description: V(stop) when the host cannot enforce because of it, V(warn) or V(note).
      type: str
      sample: stop
    what:
      description: The fact.
      type: str
      sample: "containers: docker0"
    meaning:
      description: What it means for the policy.
      type: str
    fix:
      description: What to do about it.
      type: str
rejected:
  description: What the host is configured to use and the policy would reject.
  returned: when needs were gathered and the host has a policy
  type: list
  elements: dict
  sample:
    - what: apt
      where: /etc/apt/sources.list:1
      host: deb.example.org
      port: 443
      protocol: tcp
      user: _apt
      addresses: [203.0.113.9]
unresolved:
  description: What is configured by a name that the host cannot look up.
  returned: when needs were gathered and the host has a policy
  type: list
  elements: dict
allowed:
  description: Number of the needs that the policy allows.
  returned: when needs were gathered and the host has a policy
  type: int
  sample: 7
yaml:
  description: Entries for what would be rejected, to review and paste into C(group_vars); empty when there are none.
  returned: when needs were gathered and the host has a policy
  type: str
lines:
  description: The lines that were printed.
  returned: success
  type: list
  elements: str
facts:
  description: The facts that the findings are made of.
  returned: when facts were gathered
  type: dict
needs:
  description: Everything that the host is configured to use, with its addresses.
  returned: when needs were gathered
  type: list
  elements: dict
rules:
  description: The output rules of the host.
  returned: when rules were gathered
  type: dict
"""

from ansible.module_utils.basic import AnsibleModule

from ansible_collections.tidegate.nftables.plugins.module_utils.errors import report_errors
from ansible_collections.tidegate.nftables.plugins.module_utils.preflight.run_module import ARGUMENTS, run


def main() -> None:
    """Run the module."""
    module = AnsibleModule(argument_spec=ARGUMENTS, supports_check_mode=True)
    with report_errors(module):
        module.exit_json(**run(module.params))


if __name__ == "__main__":
    main()
