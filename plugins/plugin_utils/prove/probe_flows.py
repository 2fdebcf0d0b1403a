# Copyright: (c) 2026, the tidegate developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The flows that real packets try, and their results beside the policy's verdicts."""

from __future__ import annotations

import ipaddress
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

PROTOCOLS = ("tcp", "udp")

ANSWERED = "answered"
REFUSED = "refused"
MARKS = {ANSWERED: "+", REFUSED: "-", "silent": "?", "failed": "!"}
"""A character for each outcome of the module egress_probe."""


@dataclass(frozen=True)
class ProbeFlow:
    """A first packet of one user to one address. destination: the name of the host that has the address."""

    destination: str
    address: str
    protocol: str
    port: int
    user: str

    @property
    def service(self) -> str:
        """Return the service as a policy writes it: `tcp/443`."""
        return f"{self.protocol}/{self.port}"

    @property
    def family(self) -> str:
        """Return the IP version, `v4` or `v6`."""
        return f"v{ipaddress.ip_address(self.address).version}"

    def __str__(self) -> str:
        return f"{self.user} to {self.destination} ({self.address}) {self.service}"


def probe_flows(
    destinations: Mapping[str, Sequence[str]], ports: Iterable[int], users: Sequence[str]
) -> list[ProbeFlow]:
    """Return a flow to each address of these hosts on each port, over TCP and UDP, as each user."""
    services = [(protocol, port) for port in sorted(set(ports)) for protocol in PROTOCOLS]
    return [
        ProbeFlow(name, address, protocol, port, user)
        for name, addresses in destinations.items()
        for protocol, port in services
        for address in sorted(addresses, key=lambda text: ipaddress.ip_address(text).version)
        for user in users
    ]


@dataclass(frozen=True)
class ProbeResult:
    """One flow, the policy's verdict and the outcome of its packet.

    allowed: whether the packet may leave in the host's mode. rejected: whether mode enforce rejects it. because: the
    reason, such as `entry payments` or `no entry allows it`.
    """

    flow: ProbeFlow
    allowed: bool
    rejected: bool
    because: str
    outcome: str

    @property
    def expected(self) -> str:
        """Return the outcome that the policy leads to. A rejection comes at once, so silence is never right."""
        return ANSWERED if self.allowed else REFUSED

    @property
    def agrees(self) -> bool:
        """Return whether the outcome is the expected one."""
        return self.outcome == self.expected

    def __str__(self) -> str:
        verb = "allows" if self.allowed else "rejects"
        return f"{self.flow}: the policy {verb} it ({self.because}), the packet was {self.outcome}"
