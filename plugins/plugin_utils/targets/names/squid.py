# Copyright: (c) 2026, the tidegate developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Squid: access rules for the hosts of a unit, as a file for its conf.d directory.

A unit is known by the addresses of its hosts, and requests that no entry opens are denied to them. Other clients are
not affected.
"""

from __future__ import annotations

from collections.abc import Iterable

from ansible_collections.tidegate.nftables.plugins.module_utils import domain_names
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
MAPPED = addresses.interval(6, 0xFFFF_0000_0000, 0xFFFF_FFFF_FFFF)
"""As which Squid keeps IPv4 addresses."""
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
    return [f"acl {name} {kind} {network}" for cidr in (networks - MAPPED).cidrs() for network in _halves(cidr)]


def _halves(cidr: str) -> tuple[str, ...]:
    return ("0.0.0.0/1", "128.0.0.0/1") if cidr == "0.0.0.0/0" else (cidr,)


AclTypes = tuple[str, str, str, str]
DESTINATIONS: AclTypes = ("name", "dstdomain -n", "below", "dstdom_regex -n -i")
"""The types of ACLs about the name in a request: end of the ACL's name and type, for names and for all below names."""


def name_acls(name: str, patterns: Iterable[str], types: AclTypes = DESTINATIONS) -> dict[str, list[str]]:
    """Return the lines of each ACL that patterns of names need, by its name.

    Squid's dstdomain has single names, and names with all below; it refuses a name that another line of the ACL has,
    too. All below without the name itself is a regular expression, which is an ACL of its own. -n: no reverse lookup,
    whose answer the owner of an address decides.
    """
    parsed = [domain_names.parse(text) for text in patterns]
    rest = [one for one in parsed if not any(domain_names.includes(other, one) for other in parsed if other != one)]
    acls: dict[str, list[str]] = {}
    for one in rest:
        escaped = one.name.replace(".", r"\.")
        below = one.kind == domain_names.BELOW
        end, kind = types[2:] if below else types[:2]
        what = rf"\.{escaped}$" if below else str(one)
        acls.setdefault(f"{name}_{end}", []).append(f"acl {name}_{end} {kind} {what}")
    return acls


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
    for acl_name, patterns in name_acls(name, opening.names).items():
        lines += [*patterns, f"http_access allow {who} {acl_name} {name}_port"]
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
