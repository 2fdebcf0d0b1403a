# Copyright: (c) 2026, the tidegate developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Try with real packets what a host can reach."""

from __future__ import annotations

DOCUMENTATION = r"""
module: egress_probe
short_description: Try with real packets what a host, as one of its users, can reach
version_added: 0.1.0
description:
  - Opens the connections that it is asked to, from the host itself.
  - Says for each whether somebody answered, whether it was refused at once, or whether nothing came back.
  - TCP is a connection that is closed again as soon as it stands; nothing is said over it.
  - UDP is one datagram, never repeated. On port 53 it asks for the root's name servers, on port 123 it is a client's
    request, elsewhere it is empty.
  - Probes of another user run in a process of that user, so that rules on the owner of a socket apply to them.
  - Changes nothing and reports no change. It sends its packets in check mode too.
options:
  probes:
    description: What to try. All are tried, also when some fail.
    type: list
    elements: dict
    required: true
    suboptions:
      to:
        description: An IPv4 or IPv6 address. No names, since looking one up would send packets that nobody asked for.
        type: str
        required: true
      protocol:
        description: The protocol.
        type: str
        choices: [tcp, udp]
        default: tcp
      port:
        description: The port.
        type: int
        required: true
      user:
        description:
          - Name or number of the user to probe as. Needs root, thus O(ignore:become).
          - Without it, the user that the module runs as.
        type: str
      name:
        description: Anything; comes back in the result.
        type: str
        default: ""
  timeout:
    description:
      - How long to wait for each, in seconds.
      - The kernel repeats a TCP connection's first packet after 1, 3 and 7 seconds; no longer than 1 means one packet.
    type: float
    default: 2.0
  parallel:
    description: How many probes of one user are open at the same time.
    type: int
    default: 64
attributes:
  check_mode:
    description: Runs in check mode and does the same, since it changes nothing.
    support: full
  diff_mode:
    description: There is nothing to compare.
    support: none
notes:
  - A UDP service that does not answer cannot be told from one that nobody lets through; both are V(silent).
  - V(refused) does not say by whom. A port on which nobody listens refuses as a firewall does.
author:
  - The tidegate developers (@tidegate)
"""

EXAMPLES = r"""
- name: Try the payments interface as its user and as another
  tidegate.nftables.egress_probe:
    probes:
      - {name: payments, to: 203.0.113.10, port: 443, user: payd}
      - {name: not for others, to: 203.0.113.10, port: 443, user: www-data}
      - {name: resolver, to: "fd12:3456:789a::10", protocol: udp, port: 53}
  become: true
  register: tried

- name: Only payd gets through
  ansible.builtin.assert:
    that: tried.results | map(attribute='outcome') == ['answered', 'refused', 'answered']
"""

RETURN = r"""
results:
  description: One for each probe, in their order.
  returned: success
  type: list
  elements: dict
  contains:
    name:
      description: The probe's name.
      type: str
      sample: payments
    to:
      description: The address.
      type: str
      sample: 203.0.113.10
    protocol:
      description: V(tcp) or V(udp).
      type: str
      sample: tcp
    port:
      description: The port.
      type: int
      sample: 443
    user:
      description: The user as it was named, null when none was.
      type: str
      sample: payd
    outcome:
      description:
        - V(answered) - the connection was established, or a datagram came back.
        - V(refused) - a reset, an ICMP error or the host's own packet filter said no.
        - V(silent) - nothing came back in time.
        - V(failed) - the host could not send it (no route, no address of that family) or met another error. Says
          nothing about any policy.
      type: str
      sample: answered
    errno:
      description: Symbolic name of the system's error, null for an answer.
      type: str
      sample: ECONNREFUSED
    milliseconds:
      description: How long it took.
      type: float
      sample: 0.4
counts:
  description: How many probes had which outcome. All four are always there.
  returned: success
  type: dict
  sample: {answered: 2, refused: 1, silent: 0, failed: 0}
index:
  description: Place of the probe that cannot be made as asked, counted from 0.
  returned: failure of one probe
  type: int
"""

from dataclasses import asdict

from ansible.module_utils.basic import AnsibleModule

from ansible_collections.tidegate.nftables.plugins.module_utils.probe.arguments import counts, parse
from ansible_collections.tidegate.nftables.plugins.module_utils.probe.model import PROTOCOLS, ProbeError
from ansible_collections.tidegate.nftables.plugins.module_utils.probe.run import probe_all

PROBE = {
    "to": {"type": "str", "required": True},
    "protocol": {"type": "str", "choices": list(PROTOCOLS), "default": "tcp"},
    "port": {"type": "int", "required": True},
    "user": {"type": "str"},
    "name": {"type": "str", "default": ""},
}
ARGUMENTS = {
    "probes": {"type": "list", "elements": "dict", "required": True, "options": PROBE},
    "timeout": {"type": "float", "default": 2.0},
    "parallel": {"type": "int", "default": 64},
}


def main() -> None:
    """Run the module."""
    module = AnsibleModule(argument_spec=ARGUMENTS, supports_check_mode=True)
    try:
        request = parse(module.params)
        results = probe_all(request.probes, request.timeout, request.parallel)
    except ProbeError as error:
        if error.index is None:
            module.fail_json(msg=f"{error}.")
        module.fail_json(msg=f"probes[{error.index}]: {error}. Nothing was sent.", index=error.index)
    tried = [{**asdict(probe), **asdict(result)} for probe, result in zip(request.probes, results)]
    module.exit_json(changed=False, results=tried, counts=counts(results))


if __name__ == "__main__":
    main()
