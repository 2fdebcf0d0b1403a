# Copyright: (c) 2026, the tidegate developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Documentation of the action egress_proxy, which builds the policies of a proxy's clients on the controller."""

from __future__ import annotations

DOCUMENTATION = r"""
module: egress_proxy
short_description: Make a host the proxy that opens domain names to its clients
version_added: 0.1.0
description:
  - The clients are the hosts of the inventory with C(egress_names=proxy) that have this host among C(egress_proxies).
    Their policies are built on the controller and become the configuration of a Squid on this host.
  - A client's request is allowed by name and port, as its entries say. The server name in TLS must be the same, then
    the connection is passed on as it is.
  - Installs Squid and openssl where the host has no Squid that reads TLS, without the service that comes with it.
  - A host that is nobody's proxy has its proxy removed. The packages stay.
  - Fails without a change when the policy of a client has errors.
options: {}
attributes:
  check_mode:
    description: Predicts which files would change, or that Squid would be installed.
    support: full
  diff_mode:
    description: Shows the files before and after.
    support: full
seealso:
  - module: tidegate.nftables.egress_squid
  - module: tidegate.nftables.egress_apply
author:
  - The tidegate developers (@tidegate)
"""

EXAMPLES = r"""
- name: Run the proxy
  tidegate.nftables.egress_proxy:
  become: true
"""

RETURN = r"""
clients:
  description: The hosts that the proxy serves.
  returned: success
  type: list
  elements: str
  sample: [app1, app2]
files:
  description: Files that were (check mode - would be) written, changed or removed on the host.
  returned: success
  type: list
  elements: dict
"""
