# Copyright: (c) 2026, the tidegate developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The module egress_squid."""

from __future__ import annotations

DOCUMENTATION = r"""
module: egress_squid
short_description: Run Squid as the proxy of other hosts
version_added: 0.1.0
description:
  - Writes the configuration of a Squid and runs it as the service C(tidegate-proxy). The distribution's own service
    C(squid) is stopped and disabled.
  - Squid reads the configuration before it is written, and the old one is back where the service does not work with the
    new one. A reload ends no connection.
  - P(tidegate.nftables.egress_proxy#module) makes the configuration of the policies of the proxy's clients.
options:
  state:
    description: Whether there is a proxy.
    type: str
    choices: [present, absent]
    default: present
  configuration:
    description: The text of C(squid.conf).
    type: str
    default: ""
  pages:
    description: The text of errors by the name of Squid's template.
    type: dict
    default: {}
  port:
    description: The port that the configuration listens on.
    type: int
    default: 3128
  workers:
    description: The number of workers in the configuration.
    type: int
    default: 2
attributes:
  check_mode:
    description: Predicts which files would change.
    support: full
  diff_mode:
    description: Shows the files before and after.
    support: full
requirements:
  - Squid 4 or later that is built with OpenSSL, such as Debian's package squid-openssl
  - openssl
  - systemd
seealso:
  - module: tidegate.nftables.egress_proxy
author:
  - The tidegate developers (@tidegate)
"""

EXAMPLES = r"""
- name: Remove the proxy
  tidegate.nftables.egress_squid:
    state: absent
  become: true
"""

RETURN = r"""
files:
  description: Files that were (check mode - would be) written, changed or removed.
  returned: success
  type: list
  elements: dict
  sample: [{path: /etc/tidegate/proxy/squid.conf, action: change}]
reason:
  description: The reason of the failure, in one word, see C(docs/errors.md).
  returned: failure
  type: str
  sample: squid_missing
where:
  description: The path of the argument that caused the failure, empty when none did.
  returned: failure
  type: str
"""

from ansible.module_utils.basic import AnsibleModule

from ansible_collections.tidegate.nftables.plugins.module_utils.errors import report_errors
from ansible_collections.tidegate.nftables.plugins.module_utils.proxy import service

OPTIONS = {
    "state": {"type": "str", "choices": ["present", "absent"], "default": "present"},
    "configuration": {"type": "str", "default": ""},
    "pages": {"type": "dict", "default": {}},
    "port": {"type": "int", "default": 3128},
    "workers": {"type": "int", "default": 2},
}


def main() -> None:
    """Make the proxy as desired, or remove it."""
    module = AnsibleModule(argument_spec=OPTIONS, supports_check_mode=True)
    arguments = {name: module.params[name] for name in ("configuration", "pages", "port", "workers")}
    with report_errors(module):
        if module.params["state"] == "absent":
            changes = service.absent(check=module.check_mode)
        else:
            changes = service.present(service.Desired(**arguments), check=module.check_mode)
    diff = [
        {"before_header": file["path"], "after_header": file["path"], "before": file["before"], "after": file["after"]}
        for file in changes
    ]
    shown = [{"path": file["path"], "action": file["action"]} for file in changes]
    module.exit_json(changed=bool(changes), files=shown, diff=diff)


if __name__ == "__main__":
    main()
