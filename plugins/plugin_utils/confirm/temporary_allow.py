# Copyright: (c) 2026, the tidegate developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A destination that is allowed for some hours: checked as an entry, then loaded as a few elements on the host."""

from __future__ import annotations

import datetime as dt
import re
import socket
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from typing import Any

from ansible_collections.tidegate.nftables.plugins.module_utils import domain_names
from ansible_collections.tidegate.nftables.plugins.module_utils.table_names import PORTED_PROTOCOLS
from ansible_collections.tidegate.nftables.plugins.plugin_utils import policy, yaml_text
from ansible_collections.tidegate.nftables.plugins.plugin_utils.policy.errors import TextError
from ansible_collections.tidegate.nftables.plugins.plugin_utils.policy.resolved import Grant
from ansible_collections.tidegate.nftables.plugins.plugin_utils.policy.sets import addresses
from ansible_collections.tidegate.nftables.plugins.plugin_utils.policy.sets.services import PORT_PROTOCOLS

VARIABLE = "egress_allow_tidegate_once"
"""The list that holds the entry while the policy is built; no user has this topic."""
LIMIT = 64
"""Combinations of address and port."""
_PROTOCOLS = {PORT_PROTOCOLS[name]: name for name in PORTED_PROTOCOLS}

Entry = dict[str, Any]


class TemporaryAllowError(TextError):
    """A destination that cannot be allowed for a time."""

    reason = "bad_temporary_allow"

    def __str__(self) -> str:
        return f"This cannot be allowed for a time: {super().__str__()}. Nothing was changed."


def entry(arguments: Mapping[str, Any], who: str, now: dt.datetime) -> Entry:
    """Return the entry as group_vars would have it. arguments: to, services, hours, reason, or more: name, unit."""
    if not arguments["to"] or not arguments["services"]:
        raise TemporaryAllowError("no destination or no service is named", "name at least one of each")
    name = arguments.get("name") or "once-" + re.sub(r"[^a-z0-9]+", "-", str(arguments["to"][0]).lower()).strip("-")
    ends = (now + dt.timedelta(hours=arguments["hours"])).date()
    return {
        "name": name,
        "to": list(arguments["to"]),
        "services": list(arguments["services"]),
        **({"units": [arguments["unit"]]} if arguments.get("unit") else {}),
        "reason": arguments["reason"],
        "owner": who,
        "expires": ends.isoformat(),
    }


def look_up(name: str) -> list[str]:
    """Return the addresses that a name has now, on the controller."""
    try:
        return sorted({str(answer[4][0]) for answer in socket.getaddrinfo(name, None, type=socket.SOCK_STREAM)})
    except OSError:
        return []


def flows(
    resolved: policy.ResolvedPolicy, name: str, look_up: Callable[[str], Iterable[str]] = look_up
) -> list[dict[str, Any]]:
    """Return what the entry opens, as the option flows of egress_guard. Raise TemporaryAllowError.

    look_up: returns the addresses that a domain name has now, which are what is opened for it.
    """
    opening = next((candidate for candidate in resolved.entries if candidate.name == name), None)
    if opening is None:
        raise TemporaryAllowError(f'the entry "{name}" opens nothing on this host')
    opened = [
        policy.Flow(to, protocol, port, units=opening.units or ())
        for grant in (*opening.grants, *_named(resolved, opening, look_up))
        for to in _addresses(grant.addresses)
        for protocol, port in _ports(grant.services.protocols())
    ]
    if len(opened) > LIMIT:
        raise TemporaryAllowError(
            f"it has {len(opened)} combinations of addresses and ports, the limit is {LIMIT}", "name fewer"
        )
    for flow in opened:
        if policy.decide(resolved, flow).cause == "never":
            raise TemporaryAllowError(f"egress_never rejects {flow.address} {flow.protocol}/{flow.port} for every user")
    return [{"to": flow.address, "protocol": flow.protocol, "port": flow.port} for flow in opened]


def _named(
    resolved: policy.ResolvedPolicy, opening: policy.ResolvedEntry, look_up: Callable[[str], Iterable[str]]
) -> Iterator[Grant]:
    """Yield what the entry's names have now, which must be where names of this host may lead to."""
    for each in opening.names:
        if domain_names.parse(each.name).wild:
            raise TemporaryAllowError(f"nobody can ask for every name below {each.name}", "name the one that is needed")
        current = addresses.union(addresses.parse(text) for text in look_up(each.name))
        if not current:
            raise TemporaryAllowError(f"{each.name} has no address that the controller finds", "name an address")
        for grant in opening.by_name:
            bound = grant.addresses if opening.within else grant.addresses & resolved.internet
            if outside := current - bound:
                cause = f"{each.name} leads to {outside.first()}, which is not of the internet"
                raise TemporaryAllowError(cause, "name the address itself")
            yield Grant(current, grant.services)


def lasting(temporary: Entry) -> str:
    """Return the YAML of the entry without its end."""
    kept = {key: value for key, value in temporary.items() if key != "expires"}
    return yaml_text.dump([kept], allow_unicode=True)


def _addresses(destinations: addresses.AddressSet) -> list[str]:
    if destinations.size(4) + destinations.size(6) > LIMIT:
        raise TemporaryAllowError("it is a network", f"name up to {LIMIT} addresses")
    return [
        addresses.to_text(version, address)
        for version in (4, 6)
        for start, end in destinations.family(version)
        for address in range(start, end + 1)
    ]


def _ports(protocols: Mapping[int, Sequence[tuple[int, int]]]) -> list[tuple[str, int]]:
    ports = []
    for number, ranges in protocols.items():
        if number not in _PROTOCOLS:
            raise TemporaryAllowError("it has a protocol without ports", f"name ports of {', '.join(PORTED_PROTOCOLS)}")
        for start, end in ranges:
            if end - start >= LIMIT:
                raise TemporaryAllowError(f"a service has {end - start + 1} ports", "name single ports")
            ports += [(_PROTOCOLS[number], port) for port in range(max(start, 1), end + 1)]
    return ports
