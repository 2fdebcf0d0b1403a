# Copyright: (c) 2026, the tidegate developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Documentation of the action egress_adopt, which drafts entries on the controller from egress_preflight."""

from __future__ import annotations

DOCUMENTATION = r"""
module: egress_adopt
short_description: Draft a host's egress policy from its output rules
version_added: 0.1.0
description:
  - Reads the output rules of the host from nftables and iptables (nf_tables and legacy), which includes those of ufw
    and firewalld. When none are loaded, it reads the files that would load some - C(/etc/nftables.conf), files of
    iptables-save, ufw's user rules, firewalld's direct rules.
  - Writes entries for C(group_vars) into a file on the controller, with comments about what else the rules do, for
    example that everything is accepted.
  - No entry is wider than the rules. Rules that match an interface, a rate, a mark or anything else that entries cannot
    express become comments, as do entries that the host's own policy rejects.
  - The host is not changed.
options:
  dest:
    description: Directory on the controller for the files, one C(HOST.yml) for each host.
    type: path
    required: true
  topic:
    description: The entries become the list C(egress_allow_TOPIC).
    type: str
    default: adopted
attributes:
  check_mode:
    description: Writes no file and returns what it would write.
    support: full
  diff_mode:
    description: Shows the file before and after.
    support: full
notes:
  - Rules for replies, loopback and routing headers of type 0 need no entry, because they allow no new flow.
  - Tables of type nat are not read.
seealso:
  - module: tidegate.nftables.egress_preflight
author:
  - The tidegate developers (@tidegate)
"""

EXAMPLES = r"""
- name: Draft entries from existing rules
  tidegate.nftables.egress_adopt:
    dest: egress_adopted
  become: true
  register: adopted

- name: Print what the rules allow
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
  description: The entries, as in C(group_vars).
  returned: success
  type: list
  elements: dict
  sample:
    - name: payments
      to: [203.0.113.0/24]
      services: [https]
      reason: "adopted: table inet filter, chain output, rule 3"
held:
  description: Entries that are comments in the file, each with the reason.
  returned: success
  type: list
  elements: dict
sentences:
  description: Sentences about what the rules allow.
  returned: success
  type: list
  elements: str
  sample:
    - everything over IPv6 passes, because of table ip filter, which does not filter it; no entry is drafted from it
unknown:
  description: Rules that could not be read, or that entries cannot express.
  returned: success
  type: list
  elements: str
"""
