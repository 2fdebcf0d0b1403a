# Copyright: (c) 2026, the tidegate developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Documentation of the action egress_proxies, which does its work on the controller."""

from __future__ import annotations

DOCUMENTATION = r"""
module: egress_proxies
short_description: Say which hosts of the inventory are the proxies of a host
version_added: 0.1.0
description:
  - The hosts that have an address of C(egress_proxies), where C(egress_names) is V(proxy).
  - Does not connect to any host.
options: {}
extends_documentation_fragment:
  - tidegate.nftables.egress.reads_only
seealso:
  - module: tidegate.nftables.egress_proxy_log
author:
  - The tidegate developers (@tidegate)
"""

EXAMPLES = r"""
- name: Find the proxies of the host
  tidegate.nftables.egress_proxies:
  register: proxies

- name: Read what each rejected of it
  tidegate.nftables.egress_proxy_log:
  delegate_to: "{{ item }}"
  loop: "{{ proxies.hosts }}"
  become: true
"""

RETURN = r"""
hosts:
  description: Their names in the inventory.
  returned: success
  type: list
  elements: str
  sample: [proxy1, proxy2]
"""
