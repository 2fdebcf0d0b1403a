# Copyright: (c) 2026, the tidegate developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Squid: access rules for the hosts of a unit, as a file for its conf.d directory.

A unit is known by the addresses of its hosts, and requests that no entry opens are denied to them. Other clients are
not affected.
"""

from __future__ import annotations

from collections.abc import Iterable

from ansible_collections.tidegate.nftables.plugins.plugin_utils.policy.errors import PolicyError, PolicyErrors
from ansible_collections.tidegate.nftables.plugins.plugin_utils.policy.sets import addresses, services
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
NAME_MAX = 63
"""The length of an ACL's name. A unit's name has at most 41 characters, `tidegate_` and `_not1234_port` the others."""
_MAPPED = addresses.interval(6, 0xFFFF_0000_0000, 0xFFFF_FFFF_FFFF)
# Squid reads lines of up to 8,191 characters.
_PORTS_A_LINE = 500


def render(unit: Unit) -> RenderedFile:
    """Return the file. Raises PolicyErrors for a unit without addresses, whose rules would hold for every client."""
    if not unit.sources:
        cause = "its hosts have no addresses, and squid knows them by nothing else"
        raise PolicyErrors((PolicyError("egress_addresses", cause, "set egress_addresses"),))
    who = f"tidegate_{unit.name}"
    lines = ["# Access of one unit. Generated from its policy: edits are overwritten.", *acl(who, "src", unit.sources)]
    for number, closing in enumerate(unit.closings, start=1):
        lines += _closing(who, f"{who}_not{number}", closing)
    for number, opening in enumerate(unit.openings, start=1):
        lines += _opening(who, f"{who}_{number}", opening)
    lines.append(f"http_access deny {who}")
    return RenderedFile("\n".join(lines) + "\n", {"acl": who, "lines": lines})


def acl(name: str, kind: str, networks: AddressSet) -> list[str]:
    """Return one line for each network; lines of one name add up.

    Squid keeps an IPv4 address as one of ::ffff:0:0/96, so an IPv6 network around these would hold all of IPv4. They
    are left out: no packet carries them. It takes 0.0.0.0/0 for `all`, with IPv6, and ::/0 for the one address `::`.
    """
    return [f"acl {name} {kind} {network}" for cidr in (networks - _MAPPED).cidrs() for network in _halves(cidr)]


def _halves(cidr: str) -> tuple[str, ...]:
    return ("0.0.0.0/1", "128.0.0.0/1") if cidr == "0.0.0.0/0" else (cidr,)


def names_acl(name: str, names: Iterable[str]) -> list[str]:
    """Return lines for exactly these names. -n: no reverse lookup, whose answer the owner of an address decides."""
    return [f"acl {name} dstdomain -n {domain}" for domain in names]


def ports_acl(name: str, allowed: ServiceSet) -> list[str]:
    """Return lines with the ports of TCP, [] for none."""
    ports = allowed.protocols().get(_TCP, ())
    texts = [str(first) if first == last else f"{max(first, 1)}-{last}" for first, last in ports if last]
    return [
        f"acl {name} port {' '.join(texts[start : start + _PORTS_A_LINE])}"
        for start in range(0, len(texts), _PORTS_A_LINE)
    ]


def _closing(who: str, name: str, closing: Closing) -> list[str]:
    ports = ports_acl(f"{name}_port", closing.services)
    to = acl(f"{name}_to", "dst", closing.addresses)
    return ["# egress_never", *to, *ports, f"http_access deny {who} {name}_to {name}_port"] if to and ports else []


def _opening(who: str, name: str, opening: Opening) -> list[str]:
    """Return the rules of an entry: one by address and one by name, because a request must match all of a rule."""
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
