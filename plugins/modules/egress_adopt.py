# Copyright: (c) 2026, the tidegate developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Documentation of the action egress_adopt, which looks through egress_preflight and drafts on the controller."""

from __future__ import annotations

DOCUMENTATION = r"""
module: egress_adopt
short_description: Draft a host's egress policy from the output rules that it has
version_added: 0.1.0
description:
  - Reads the rules that the host has about what it sends - tables of nft, iptables over nft and legacy, thus also those
    of ufw and firewalld. Where none are loaded, the files that would load some are read - C(/etc/nftables.conf), rules
    that iptables-save wrote, ufw's user rules, firewalld's direct rules.
  - Writes entries for C(group_vars) into a file on the controller, with what is worth knowing as comments - that
    everything is accepted, say, or which rules ask for more than entries can.
  - An entry is never wider than the rules are. What asks for an interface, a rate, a mark or another thing that entries
    have no words for stands there as a comment, and so does what the host's own policy would not take.
  - The host is not changed.
options:
  dest:
    description: Directory on the controller for a file of each host, C(HOST.yml).
    type: path
    required: true
  topic:
    description: The entries become the list C(egress_allow_TOPIC).
    type: str
    default: adopted
attributes:
  check_mode:
    description: Writes no file and returns what would be in it.
    support: full
  diff_mode:
    description: Shows the file before and after.
    support: full
notes:
  - Rules about replies, loopback and routing headers of type 0 are about no new flow, so they need no entry.
  - Tables of the type nat are not read. Rules that rewrite destinations stay what they are.
seealso:
  - module: tidegate.nftables.egress_preflight
author:
  - The tidegate developers (@tidegate)
"""

EXAMPLES = r"""
- name: Draft entries from the rules that there are
  tidegate.nftables.egress_adopt:
    dest: egress_adopted
  become: true
  register: adopted

- name: Say what the rules let through
  ansible.builtin.debug:
    var: adopted.sentences
"""

RETURN = r"""
path:
  description: The file of this host.
  returned: success
  type: str
  sample: egress_adopted/app1.yml
entries:
  description: The entries, as C(group_vars) have them.
  returned: success
  type: list
  elements: dict
  sample:
    - name: payments
      to: [203.0.113.0/24]
      services: [https]
      reason: "adopted: table inet filter, chain output, rule 3"
held:
  description: Entries that stand in the file as comments, each with the reason.
  returned: success
  type: list
  elements: dict
sentences:
  description: Sentences about what the rules really let through.
  returned: success
  type: list
  elements: str
  sample: ["everything is accepted over IPv6, by table ip filter, which is not about it; no entry is drafted from it"]
unknown:
  description: Rules that could not be read, or that ask for more than entries can.
  returned: success
  type: list
  elements: str
"""
