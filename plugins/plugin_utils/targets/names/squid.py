# Copyright: (c) 2026, the tidegate developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Squid: what the hosts of a unit may fetch through a proxy, as a file for its conf.d directory.

Only access rules: a unit is known by the addresses of its hosts, and what no entry opens is refused to them. Other
clients are not concerned.
"""

from __future__ import annotations

from collections.abc import Iterable

from ansible_collections.tidegate.nftables.plugins.plugin_utils.policy.errors import PolicyError, PolicyErrors
from ansible_collections.tidegate.nftables.plugins.plugin_utils.policy.sets import services
from ansible_collections.tidegate.nftables.plugins.plugin_utils.policy.sets.addresses import AddressSet
from ansible_collections.tidegate.nftables.plugins.plugin_utils.policy.sets.services import ServiceSet
from ansible_collections.tidegate.nftables.plugins.plugin_utils.targets.model import (
    Capabilities,
    Closing,
    Opening,
    RenderedFile,
    Target,
    Unit,
)

_TCP = services.PORT_PROTOCOLS["tcp"]


def render(unit: Unit) -> RenderedFile:
    """The file. Raises PolicyErrors for a unit without addresses, which would be everybody."""
    if not unit.sources:
        cause = "its hosts have no address, by which squid could know them"
        raise PolicyErrors((PolicyError("egress_addresses", cause, "set egress_addresses"),))
    who = f"tidegate_{unit.name}"
    lines = ["# The access of one unit; made from its policy, edits are overwritten.", *acl(who, "src", unit.sources)]
    for number, closing in enumerate(unit.closings, start=1):
        lines += _closing(who, f"{who}_never{number}", closing)
    for number, opening in enumerate(unit.openings, start=1):
        lines += _opening(who, f"{who}_{number}", opening)
    lines.append(f"http_access deny {who}")
    return RenderedFile("\n".join(lines) + "\n", {"acl": who, "lines": lines})


def acl(name: str, kind: str, found: AddressSet) -> list[str]:
    """One line a network; lines of one name add up."""
    return [f"acl {name} {kind} {network}" for network in found.cidrs()]


def names_acl(name: str, names: Iterable[str]) -> list[str]:
    """Exactly these names. -n: an address in a request is never looked up, or who owns it could call it so."""
    return [f"acl {name} dstdomain -n {one}" for one in names]


def ports_acl(name: str, spoken: ServiceSet) -> list[str]:
    """The ports of TCP; none when there are none."""
    ports = spoken.protocols().get(_TCP, ())
    texts = [str(first) if first == last else f"{max(first, 1)}-{last}" for first, last in ports if last]
    return [f"acl {name} port {' '.join(texts)}"] if texts else []


def _closing(who: str, name: str, closing: Closing) -> list[str]:
    ports = ports_acl(f"{name}_port", closing.services)
    to = acl(f"{name}_to", "dst", closing.addresses)
    return [*to, *ports, f"http_access deny {who} {name}_to {name}_port"] if to and ports else []


def _opening(who: str, name: str, opening: Opening) -> list[str]:
    """An entry's rules: destinations by address and by name are two, since in one rule both would have to hold."""
    ports = ports_acl(f"{name}_port", opening.services)
    if not ports:
        return []
    lines = [f"# {opening.entry}", *ports]
    if opening.addresses:
        lines += [*acl(f"{name}_to", "dst", opening.addresses), f"http_access allow {who} {name}_to {name}_port"]
    if opening.names:
        names = names_acl(f"{name}_name", opening.names)
        lines += [*names, f"http_access allow {who} {name}_name {name}_port"]
    return lines


TARGET = Target(
    name="squid",
    about="Squid's access rules for the hosts of a unit",
    can=Capabilities(
        names="exact",
        deny=True,
        protocols=frozenset({_TCP}),
        ported=frozenset({_TCP}),
        any=False,
        log="access.log",
        floor=(),
    ),
    suffix=".squid.conf",
    render=render,
)
