# Copyright: (c) 2026, the tidegate developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The module egress_proxy_log."""

from __future__ import annotations

DOCUMENTATION = r"""
module: egress_proxy_log
short_description: Read what a proxy rejected of its clients, or would have
version_added: 0.1.0
description:
  - Reads the logs of the proxy that P(tidegate.nftables.egress_proxy#role) runs, also those that were rotated.
  - With C(delegate_to) a proxy, a task of one of its clients reads what is about this client.
options:
  clients:
    description: Addresses of the clients. Those of the host of the task by default.
    type: list
    elements: str
    default: []
  root:
    description: Where the proxy's file system begins, for labs.
    type: str
    default: ""
attributes:
  check_mode:
    description: Does the same in check mode, because it changes nothing.
    support: full
  diff_mode:
    description: Changes nothing.
    support: none
seealso:
  - module: tidegate.nftables.egress_proxies
  - module: tidegate.nftables.egress_evidence
author:
  - The tidegate developers (@tidegate)
"""

EXAMPLES = r"""
- name: Read what the proxy rejected of this host
  tidegate.nftables.egress_proxy_log:
  delegate_to: proxy1
  become: true
  register: proxied
"""

RETURN = r"""
since:
  description: When the logs begin, in seconds since 1970. Null where the host is no proxy or nobody knows.
  returned: success
  type: float
  sample: 1795183200.5
complete:
  description: Whether all logs could be read, and each name of the clients is among the requests.
  returned: success
  type: bool
requests:
  description:
    - Name and port that were asked for, how often, and the first and last time in seconds since 1970. C(observed) where
      the request passed, because the client is in mode observe.
  returned: success
  type: list
  elements: dict
  sample:
    - {name: api.example.com, port: 443, observed: true, times: 3, first: 1795170000.0, last: 1795183200.0}
"""

import time
from pathlib import Path

from ansible.module_utils.basic import AnsibleModule

from ansible_collections.tidegate.nftables.plugins.module_utils.proxy import access_log, health

OPTIONS = {
    "clients": {"type": "list", "elements": "str", "default": []},
    "root": {"type": "str", "default": ""},
}


def main() -> None:
    """Return what the logs have of the clients."""
    module = AnsibleModule(argument_spec=OPTIONS, supports_check_mode=True)
    certificate, log = (Path(module.params["root"] + path) for path in (health.CERTIFICATE, health.LOG))
    if not certificate.exists():
        module.exit_json(changed=False, since=None, complete=False, requests=[])
    begun = min(time.time(), certificate.stat().st_mtime)
    history = access_log.history(log, module.params["clients"], begun)
    requests = [
        {
            "name": each.name,
            "port": int(each.port),
            "observed": each.observed,
            "times": each.times,
            "first": each.first,
            "last": each.last,
        }
        for each in history.rejected
        if each.port.isdigit()
    ]
    module.exit_json(changed=False, since=history.since, complete=history.complete, requests=requests)


if __name__ == "__main__":
    main()
