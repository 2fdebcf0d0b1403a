# Copyright: (c) 2026, the tidegate developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""One rule of a security group, and the protocols and ports that AWS takes in one."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Literal

from ansible_collections.tidegate.nftables.plugins.module_utils import protocols
from ansible_collections.tidegate.nftables.plugins.plugin_utils.policy.sets import services
from ansible_collections.tidegate.nftables.plugins.plugin_utils.policy.sets.services import ServiceSet

_NAMES = {protocols.TCP: "tcp", protocols.UDP: "udp", protocols.ICMP: "icmp", protocols.ICMPV6: "icmpv6"}


@dataclass(frozen=True, order=True)
class RuleKey:
    """A protocol in AWS's words, `-1` for all, and its ports: None where AWS takes none, -1 for all types of ICMP."""

    protocol: str
    first: int | None
    last: int | None
    services: ServiceSet = services.NONE


@dataclass(frozen=True, kw_only=True)
class SecurityGroupRule:
    """One rule. to: the network or id. weight: the rules that AWS counts it as."""

    key: RuleKey
    kind: Literal["ipv4", "ipv6", "prefix_list", "group"]
    to: str
    entries: tuple[str, ...]
    description: str
    weight: int = 1

    @property
    def versions(self) -> tuple[int, ...]:
        """Return the IP versions in which AWS counts it."""
        return {"ipv4": (4,), "ipv6": (6,)}.get(self.kind, (4, 6))


def keys(allowed: ServiceSet) -> Iterator[RuleKey]:
    """Yield the key of each rule that these services need."""
    if allowed == services.ANY:
        yield RuleKey("-1", None, None, services.ANY)
        return
    for number, ports in allowed.protocols().items():
        name = _NAMES.get(number, str(number))
        for first, last in ports:
            part = services.of_protocol(number, first, last)
            if number in (services.ICMP, services.ICMPV6):
                yield RuleKey(name, -1, -1, part)
            elif number in _NAMES:
                yield RuleKey(name, first, last, part)
            else:
                yield RuleKey(name, None, None, part)
