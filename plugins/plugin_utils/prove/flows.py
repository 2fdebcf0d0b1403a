# Copyright: (c) 2026, the tidegate developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Which flows are tried, and what came of each beside what the policy says."""

from __future__ import annotations

import ipaddress
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

PROTOCOLS = ("tcp", "udp")

ANSWERED = "answered"
REFUSED = "refused"
MARKS = {ANSWERED: "+", REFUSED: "-", "silent": "?", "failed": "!"}
"""One character for each outcome of the module egress_probe."""


@dataclass(frozen=True)
class Flow:
    """A first packet of one user to one address: ``destination`` is the name of the host that has it."""

    destination: str
    address: str
    protocol: str
    port: int
    user: str

    @property
    def service(self) -> str:
        """As a policy writes it: ``tcp/443``."""
        return f"{self.protocol}/{self.port}"

    @property
    def family(self) -> str:
        """``v4`` or ``v6``."""
        return f"v{ipaddress.ip_address(self.address).version}"

    def __str__(self) -> str:
        return f"{self.user} to {self.destination} ({self.address}) {self.service}"


def flows(destinations: Mapping[str, Sequence[str]], ports: Iterable[int], users: Sequence[str]) -> list[Flow]:
    """Return every flow to the addresses of these hosts: each port over TCP and UDP, as each user."""
    services = [(protocol, port) for port in sorted(set(ports)) for protocol in PROTOCOLS]
    return [
        Flow(name, address, protocol, port, user)
        for name, addresses in destinations.items()
        for protocol, port in services
        for address in sorted(addresses, key=lambda text: ipaddress.ip_address(text).version)
        for user in users
    ]


@dataclass(frozen=True)
class Tried:
    """A flow, what the policy says of it, and what became of its packet.

    ``allowed``: whether the packet may leave in the host's mode. ``refused``: whether it may not in the mode enforce.
    ``because``: what decides, such as ``entry payments`` or ``nothing allows it``.
    """

    flow: Flow
    allowed: bool
    refused: bool
    because: str
    outcome: str

    @property
    def expected(self) -> str:
        """The outcome that the policy leads to. A refusal is told at once, so silence is never right."""
        return ANSWERED if self.allowed else REFUSED

    @property
    def agrees(self) -> bool:
        """Whether the packet met what the policy says."""
        return self.outcome == self.expected

    def __str__(self) -> str:
        says = "allows" if self.allowed else "refuses"
        return f"{self.flow}: the policy {says} it ({self.because}), the packet was {self.outcome}"
