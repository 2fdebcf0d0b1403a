# Copyright: (c) 2026, the tidegate developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Domain names in nft: sets that the host's resolver fills, rules that bound them, and what the resolver must know.

A set holds addresses of answers, each with the time that it stays. It is a hash set: the resolver writes while a client
waits, and to write into an interval set takes as long as the set is big.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from ansible_collections.tidegate.nftables.plugins.module_utils import domain_names, table_names
from ansible_collections.tidegate.nftables.plugins.plugin_utils.policy.errors import PolicyError, PolicyErrors
from ansible_collections.tidegate.nftables.plugins.plugin_utils.policy.reading.names import WAYS
from ansible_collections.tidegate.nftables.plugins.plugin_utils.policy.resolved import (
    ResolvedEntry,
    ResolvedPolicy,
    ResolvedProxy,
)
from ansible_collections.tidegate.nftables.plugins.plugin_utils.policy.sets import addresses, services
from ansible_collections.tidegate.nftables.plugins.plugin_utils.policy.sets.addresses import AddressSet
from ansible_collections.tidegate.nftables.plugins.plugin_utils.targets.names.through_proxy import by_name

from .matches import FAMILIES, Spec, address_sets, destination, in_set, matches


def check(resolved: ResolvedPolicy) -> None:
    """Raise PolicyErrors for names whose sets nobody would fill: an entry must not silently open nothing."""
    if resolved.names.by_proxy:
        by_name(resolved)
    errors = []
    for entry in resolved.all_entries():
        if resolved.names.leaves_out(entry.approximate):
            continue
        for name in entry.names:
            pattern = domain_names.parse(name.name)
            if resolved.names.feeder == "none":
                errors.append(PolicyError(name.where, f'"{pattern}": nobody opens names on this host', WAYS))
            elif resolved.names.feeder == "periodic" and pattern.wild:
                cause = f'"{pattern}": who asks servers from time to time cannot ask for every name below another'
                errors.append(PolicyError(name.where, cause, "name them one by one, or set egress_names: resolver"))
    if errors:
        raise PolicyErrors(tuple(errors))


def entries(resolved: ResolvedPolicy) -> list[ResolvedEntry]:
    """Return the entries whose names open something in this host's table, by name."""
    named = (entry for entry in resolved.all_entries() if entry.names and resolved.names.filled)
    return sorted(named, key=lambda entry: entry.name)


def sets(resolved: ResolvedPolicy) -> list[Spec]:
    """Return the sets of names, without elements so that no run touches what the resolver wrote, and their bounds.

    All are dynamic, so that another `keep` is another rule and no new set.
    """
    specs: list[Spec] = []
    for entry in entries(resolved):
        specs += [
            {
                "name": table_names.of_version(table_names.names_set(entry.name), version),
                "typeof": destination(version),
                "flags": ["dynamic", "timeout"],
                "size": table_names.NAMES_SIZE,
            }
            for version in (4, 6)
        ]
        if entry.within:
            specs += address_sets(_bound(entry), addresses.union(grant.addresses for grant in entry.by_name))
    return specs


def rules(resolved: ResolvedPolicy, entry: ResolvedEntry, socket: str = "") -> Iterator[str]:
    """Yield what an entry's rules for its names match, and how a new connection renews an address.

    socket: a match of the socket, "" for any.
    """
    if not resolved.names.filled:
        return
    seconds = resolved.names.floor + resolved.names.grace
    for grant in entry.by_name:
        for version, family in FAMILIES.items():
            filled = table_names.names_set(entry.name)
            renew = f" update {in_set(filled, version)} {{ {family} daddr timeout {seconds}s }}"
            reached = AddressSet(v4=grant.addresses.v4) if version == 4 else AddressSet(v6=grant.addresses.v6)
            for match in matches(_bound(entry), reached, grant.services, also=filled, socket=socket):
                yield match + (renew if entry.keep == "used" else "")


def _bound(entry: ResolvedEntry) -> str:
    """Return the pair of sets that whatever names an entry has must also be in."""
    return table_names.names_set(entry.name, "within") if entry.within else table_names.INTERNET_SET


def document(resolved: ResolvedPolicy) -> dict[str, Any] | None:
    """Return what fills the sets on the host: names, sets, servers, and the answers that it must not take.

    None for a host without. The same policy gives the same document.
    """
    settings = resolved.names
    if resolved.mode == "absent":
        return None
    if resolved.proxy is not None:
        return _of_proxy(resolved, resolved.proxy)
    if not settings.filled:
        return None
    named = entries(resolved)
    inside = dict(settings.inside)
    for entry in named:
        for name in entry.names if entry.within else ():
            reached = addresses.union(grant.addresses for grant in entry.by_name)
            inside[name.name] = inside.get(name.name, addresses.NOTHING) | reached
    return {
        "version": 1,
        "mode": settings.feeder,
        "table": list(table_names.TABLE),
        "servers": [*resolved.dns.elements(4), *resolved.dns.elements(6), *(["auto"] if resolved.host_dns else [])],
        "floor": settings.floor,
        "grace": settings.grace,
        "dns_names": settings.resolving,
        "allow": sorted({*settings.allow, *inside}),
        "inside": {pattern: networks.cidrs() for pattern, networks in sorted(inside.items())},
        "sets": [_set(entry) for entry in named],
        "refuse": _refused(resolved).cidrs(),
    }


def _of_proxy(resolved: ResolvedPolicy, proxy: ResolvedProxy) -> dict[str, Any]:
    """Return what the host's programs are told about its proxies. Addresses of the inside need none."""
    return {
        "version": 1,
        "mode": "proxy",
        "addresses": list(proxy.addresses),
        "port": proxy.port,
        "configured": list(proxy.configured),
        "direct": [*proxy.direct, *resolved.internal.cidrs()],
    }


def _set(entry: ResolvedEntry) -> dict[str, Any]:
    filled = table_names.names_set(entry.name)
    reached = addresses.union(grant.addresses for grant in entry.by_name)
    return {
        "entry": entry.name,
        "names": [name.name for name in entry.names],
        "set4": table_names.of_version(filled, 4),
        "set6": table_names.of_version(filled, 6),
        "within": reached.cidrs() if entry.within else None,
        "keep": entry.keep,
    }


def _refused(resolved: ResolvedPolicy) -> AddressSet:
    """Return the answers that are never taken: all but the internet, and what egress_never closes to everybody.

    So also every other spelling of an inside address: mapped, 6to4 and NAT64 addresses are not of the internet.
    """
    closed = addresses.union(
        never.addresses for never in resolved.never if never.services == services.ANY and not never.excepts
    )
    return (addresses.EVERYTHING - resolved.internet) | closed
