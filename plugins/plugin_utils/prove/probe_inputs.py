# Copyright: (c) 2026, the tidegate developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a policy itself gives to probe: the ports that it names, and its DNS and time servers."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from ansible_collections.tidegate.nftables.plugins.plugin_utils import policy
from ansible_collections.tidegate.nftables.plugins.plugin_utils.policy.sets import addresses
from ansible_collections.tidegate.nftables.plugins.plugin_utils.policy.sets.services import PORT_PROTOCOLS

TCP, UDP = PORT_PROTOCOLS["tcp"], PORT_PROTOCOLS["udp"]
EVERYTHING = (0, 65535)
DNS, NTP = 53, 123


def named_ports(resolved: policy.ResolvedPolicy) -> list[int]:
    """Return both ends of every range of TCP and UDP ports in entries and tests; the word `any` names none."""
    services = [grant.services for entry in resolved.entries for grant in entry.grants]
    services += [test.services for test in resolved.tests]
    numbers: set[int] = set()
    for service in services:
        for protocol, ranges in service.protocols().items():
            if protocol in (TCP, UDP):
                numbers.update(port for ends in ranges if ends != EVERYTHING for port in ends)
    return sorted(port for port in numbers if port)


def server_probes(resolved: policy.ResolvedPolicy) -> list[dict[str, Any]]:
    """Return probes of the policy's DNS and time servers, as the module egress_probe takes them."""
    # Where only the resolver asks servers, it does.
    user = {"user": resolved.dns_users[0]} if resolved.dns_users else {}
    return [
        *(
            {"to": to, "protocol": protocol, "port": DNS, **user}
            for to in _first_addresses(resolved.dns)
            for protocol in ("udp", "tcp")
        ),
        *({"to": to, "protocol": "udp", "port": NTP} for to in _first_addresses(resolved.ntp)),
    ]


def _first_addresses(servers: addresses.AddressSet) -> Iterator[str]:
    """Yield each address; of a network, which a policy may name too, the first one."""
    for version, address, _length in servers.prefixes():
        yield addresses.to_text(version, address)
