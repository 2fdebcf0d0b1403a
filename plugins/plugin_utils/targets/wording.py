# Copyright: (c) 2026, the tidegate developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Services, addresses and differences as people write them."""

from __future__ import annotations

from ansible_collections.tidegate.nftables.plugins.plugin_utils.policy.sets import services
from ansible_collections.tidegate.nftables.plugins.plugin_utils.policy.sets.services import ServiceSet

from .model import WIDER, TargetDifference

_NAMES = {number: name for name, number in services.PORT_PROTOCOLS.items()}
_SHOWN = 6


def service_words(found: ServiceSet) -> list[str]:
    """The services in the policy's words: `tcp/443`, `udp/4500-4510`, `proto/112`, `icmp`, `any`."""
    if found == services.ANY:
        return ["any"]
    texts: list[str] = []
    protocols = found.protocols()
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
    """At most a few of them, and how many more there are."""
    rest = len(texts) - _SHOWN
    return ", ".join(texts[:_SHOWN]) + (f" and {rest} more" if rest > 0 else "")


def difference_sentence(one: TargetDifference) -> str:
    """One sentence that says exactly, and however long that is, what is opened or closed beside the policy."""
    verb = "opens" if one.direction == WIDER else "does not open"
    whom = f" for {', '.join(one.users)}" if one.users else ""
    what = ", ".join([*one.names, *one.addresses.elements(4), *one.addresses.elements(6)])
    flows = f": {verb}{whom} {what} with {', '.join(service_words(one.services))}" if what else ""
    return f"{one.entry} is {one.direction} here, {one.why}{flows}"
