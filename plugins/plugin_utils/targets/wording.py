# Copyright: (c) 2026, the tidegate developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Services and differences as text for people."""

from __future__ import annotations

from ansible_collections.tidegate.nftables.plugins.plugin_utils.policy.sets import services
from ansible_collections.tidegate.nftables.plugins.plugin_utils.policy.sets.services import ServiceSet

from .model import WIDER, TargetDifference

_NAMES = {number: name for name, number in services.PORT_PROTOCOLS.items()}
_SHOWN = 6


def service_words(services_: ServiceSet) -> list[str]:
    """Return the services as a policy writes them: `tcp/443`, `udp/4500-4510`, `proto/112`, `icmp`, `any`."""
    if services_ == services.ANY:
        return ["any"]
    texts: list[str] = []
    protocols = services_.protocols()
    for number, ports in protocols.items():
        if number in (services.ICMP, services.ICMPV6) and ports == services.WHOLE:
            both = protocols.get(services.ICMP) == protocols.get(services.ICMPV6)
            text = "icmp" if both else f"proto/{number}"
            texts += [] if text in texts else [text]
        elif ports == services.WHOLE:
            texts.append(f"proto/{number}")
        else:
            name = _NAMES.get(number, f"proto/{number}")
            texts += [f"{name}/{first}" if first == last else f"{name}/{first}-{last}" for first, last in ports]
    return texts


def first_few(texts: list[str]) -> str:
    """Return the first few texts, and how many more there are."""
    rest = len(texts) - _SHOWN
    return ", ".join(texts[:_SHOWN]) + (f" and {rest} more" if rest > 0 else "")


def difference_sentence(difference: TargetDifference) -> str:
    """Return one sentence with all flows that are opened or closed beside the policy, however many they are."""
    verb = "opens" if difference.direction == WIDER else "does not open"
    users = f" for {', '.join(difference.users)}" if difference.users else ""
    addresses = [*difference.addresses.elements(4), *difference.addresses.elements(6)]
    destinations = ", ".join([*difference.names, *addresses])
    services_ = ", ".join(service_words(difference.services))
    flows = f": it {verb}{users} {destinations} with {services_}" if destinations else ""
    return f"{difference.entry} is {difference.direction} than the policy, because {difference.why}{flows}"
