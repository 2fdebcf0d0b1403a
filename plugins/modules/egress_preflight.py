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
  - Looks for what a policy would collide with - other firewalls and what loads them, tables that refuse, rules without
    connection tracking, a full connection table, containers that nobody decided about.
  - Reads what the host itself is configured to use - packages, name and time servers, logs, proxies, agents of
    monitoring and management - looks the names up there, and says which of it the policy would refuse, with the entries
    that would let it through.
  - Reads only. What cannot be read is told and stops nothing.
  - Files are read as root has them. User names and passwords in them are not taken over.
options:
  gather:
    description:
      - V(facts) is about other rules and the kernel, V(needs) about the host's own configuration, V(rules) returns the
        output rules that there are, as P(tidegate.nftables.egress_adopt#module) wants them.
    type: list
    elements: str
    choices: [facts, needs, rules]
    default: [facts, needs]
  root:
    description: What comes before every path on the host. For hosts that share a file system, as in a lab.
    type: str
attributes:
  check_mode:
    description: Does the same in check mode, since it changes nothing.
    support: full
  diff_mode:
    description: There is nothing to compare.
    support: none
notes:
  - A first run of P(tidegate.nftables.egress_apply#module) on a host looks for the same findings by itself.
  - Addresses are those of this moment. Where those behind a name change, a mirror or a proxy of your own is steadier.
seealso:
  - module: tidegate.nftables.egress_adopt
author:
  - The tidegate developers (@tidegate)
"""

EXAMPLES = r"""
- name: Look before the first policy
  tidegate.nftables.egress_preflight:
  become: true
  register: preflight

- name: Stop when enforcing would be refused
  ansible.builtin.assert:
    that: preflight.findings | selectattr('severity', 'eq', 'stop') | length == 0
    fail_msg: "{{ preflight.lines | join('\n') }}"
"""

RETURN = r"""
findings:
  description: What is worth knowing before a policy is applied, the gravest first.
  returned: when facts were gathered
  type: list
  elements: dict
  contains:
    name:
      description: The check.
      type: str
      sample: containers
    severity:
      description: V(stop) when enforce is refused over it, V(warn) or V(note).
      type: str
      sample: stop
    what:
      description: What is there.
      type: str
      sample: "containers: docker0"
    meaning:
      description: What that means.
      type: str
    mend:
      description: What to do.
      type: str
refused:
  description: What the host is configured to use and the policy would refuse.
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
  description: What is configured by a name that the host itself cannot look up.
  returned: when needs were gathered and the host has a policy
  type: list
  elements: dict
allowed:
  description: How many of the needs the policy lets through.
  returned: when needs were gathered and the host has a policy
  type: int
  sample: 7
yaml:
  description: Entries for what is refused, to be pasted into C(group_vars) and thought about; empty when nothing is.
  returned: when needs were gathered and the host has a policy
  type: str
lines:
  description: All of that for people.
  returned: success
  type: list
  elements: str
facts:
  description: What findings are made of.
  returned: when facts were gathered
  type: dict
needs:
  description: Everything that the host is configured to use, with its addresses.
  returned: when needs were gathered
  type: list
  elements: dict
rules:
  description: The output rules that there are.
  returned: when rules were gathered
  type: dict
"""

from ansible.module_utils.basic import AnsibleModule

from ansible_collections.tidegate.nftables.plugins.module_utils.preflight.run_module import ARGUMENTS, run


def main() -> None:
    """Look."""
    module = AnsibleModule(argument_spec=ARGUMENTS, supports_check_mode=True)
    module.exit_json(**run(module.params))


if __name__ == "__main__":
    main()
