# Copyright: (c) 2026, the tidegate developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Try with real packets what a host can reach."""

from __future__ import annotations

DOCUMENTATION = r"""
module: egress_probe
short_description: Test with real packets what a user of a host can reach
version_added: 0.1.0
description:
  - Sends probes from the host and returns for each whether it was answered, refused, or silent.
  - A TCP probe opens a connection and closes it without sending data.
  - A UDP probe is one datagram, never repeated. On port 53 it is a question for the name servers of the root, on port
    123 an NTP client request, on other ports it is empty.
  - Probes of another user run in a process of that user, so that rules for the owner of a socket apply to them.
  - Changes nothing and reports no change. It sends the probes in check mode too.
options:
  probes:
    description: The probes. All are sent, also when some fail.
    type: list
    elements: dict
    required: true
    suboptions:
      to:
        description: An IPv4 or IPv6 address. Not a name, because its lookup would send packets that no probe describes.
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
          - Name or number of the user that sends the probe. Requires root, so O(ignore:become).
          - The default is the user that the module runs as.
        type: str
      name:
        description: Any text. It is returned in the result.
        type: str
        default: ""
  timeout:
    description:
      - Seconds to wait for each probe.
      - The kernel repeats the first packet of a TCP connection after 1, 3 and 7 seconds, so up to 1 means one packet.
    type: float
    default: 2.0
  parallel:
    description: Number of probes of one user that are open at the same time.
    type: int
    default: 64
attributes:
  check_mode:
    description: Does the same in check mode, because it changes nothing.
    support: full
  diff_mode:
    description: Changes nothing.
    support: none
notes:
  - V(silent) does not show whether a firewall dropped the datagram or a UDP service did not answer.
  - V(refused) does not show which machine refused. A port without a listener refuses as a firewall does.
author:
  - The tidegate developers (@tidegate)
"""

EXAMPLES = r"""
- name: Probe the payments interface as its user and as another one
  tidegate.nftables.egress_probe:
    probes:
      - {name: payments, to: 203.0.113.10, port: 443, user: payd}
      - {name: not for others, to: 203.0.113.10, port: 443, user: www-data}
      - {name: resolver, to: "fd12:3456:789a::10", protocol: udp, port: 53}
  become: true
  register: probed

- name: Require that payd alone is answered
  ansible.builtin.assert:
    that: probed.results | map(attribute='outcome') == ['answered', 'refused', 'answered']
"""

RETURN = r"""
results:
  description: One result for each probe, in their order.
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
      description: The user of the probe, null without one.
      type: str
      sample: payd
    outcome:
      description:
        - V(answered) - the connection was established, or a datagram came back.
        - V(refused) - the host's own packet filter, a reset or an ICMP error refused it.
        - V(silent) - nothing came back in time.
        - V(failed) - the host could not send it (no route, no address of that family), or another error. It proves
          nothing about a policy.
      type: str
      sample: answered
    errno:
      description: Symbolic name of the system's error, null for an answer.
      type: str
      sample: ECONNREFUSED
    milliseconds:
      description: Milliseconds until the outcome.
      type: float
      sample: 0.4
counts:
  description: Number of probes with each outcome. All four keys are always present.
  returned: success
  type: dict
  sample: {answered: 2, refused: 1, silent: 0, failed: 0}
reason:
  description: The reason of the failure, in one word, see C(docs/errors.md).
  returned: failure
  type: str
  sample: bad_spec
where:
  description: The path of the argument that caused the failure, empty when none did.
  returned: failure
  type: str
  sample: probes[1]
"""

from dataclasses import asdict

from ansible.module_utils.basic import AnsibleModule

from ansible_collections.tidegate.nftables.plugins.module_utils.errors import report_errors
from ansible_collections.tidegate.nftables.plugins.module_utils.probe.arguments import counts, parse
from ansible_collections.tidegate.nftables.plugins.module_utils.probe.model import PROTOCOLS
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
    with report_errors(module):
        request = parse(module.params)
        measurements = probe_all(request.probes, request.timeout, request.parallel)
        results = [{**asdict(probe), **asdict(measurement)} for probe, measurement in zip(request.probes, measurements)]
        for result in results:
            # Only the guard's own tests have one.
            del result["cgroup"]
        module.exit_json(changed=False, results=results, counts=counts(measurements))


if __name__ == "__main__":
    main()
