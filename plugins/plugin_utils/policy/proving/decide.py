# Copyright: (c) 2026, the tidegate developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What the policy says about one new flow, read naively: the oracle for everything that is compiled from it."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Literal

from ansible_collections.tidegate.nftables.plugins.module_utils import domain_names, protocols, unit_names
from ansible_collections.tidegate.nftables.plugins.plugin_utils.policy.resolved import ResolvedEntry, ResolvedPolicy
from ansible_collections.tidegate.nftables.plugins.plugin_utils.policy.sets import addresses, intervals, services
from ansible_collections.tidegate.nftables.plugins.plugin_utils.policy.sets.addresses import AddressSet

_LOOPBACK = addresses.constant("127.0.0.0/8", "::1")
_MULTICAST = addresses.constant("224.0.0.0/4", "ff00::/8")
_DHCP = addresses.constant("255.255.255.255", "169.254.0.0/16", "168.63.129.16")
_DHCPV6 = addresses.constant("fe80::/10", "ff02::1:2")
ROOT = ("root", "0")
Cause = Literal["floor", "entry", "never", "unlisted", "resolvers", "absent"]
# (protocol, message type) of RFC 792 and RFC 4443, RFC 4861, and RFC 2710 with RFC 3810.
_ERRORS = {(services.ICMP, kind) for kind in (3, 11, 12)} | {(services.ICMPV6, kind) for kind in (1, 2, 3, 4)}
_NEIGHBOURS = {(services.ICMPV6, kind) for kind in (133, 134, 135, 136)}
_LISTENERS = {(services.ICMPV6, kind) for kind in (130, 131, 132, 143)}


@dataclass(frozen=True)
class Flow:
    """The first packet of an outgoing flow.

    address: the destination. protocol: `tcp`, `udp`, … or a number; `icmp` is the one of the address's family.
    port: the destination port, for ICMP the message type, else None.
    user: name or uid of the socket's owner; None for a packet without a socket.
    source_port: where it matters (DHCP). container: whether a container of the host sends it; then it has no user.
    units: the systemd units that the socket is in: a service or scope, and the slices around it.
    """

    address: str
    protocol: str | int
    port: int | None = None
    user: str | None = None
    source_port: int | None = None
    container: bool = False
    units: tuple[str, ...] = ()


@dataclass(frozen=True)
class Verdict:
    """What the policy does with one flow.

    allowed: whether the packet leaves. entry: the entry that allows it; None for the floor and for no entry.
    cause: what decides. "resolvers": rejected, unless the destination is a name server that the host itself uses, which
    only the host knows (egress_dns_servers: [auto]).
    rejected: whether enforce would reject it. Where the policy only observes, such a packet is allowed all the same.
    """

    allowed: bool
    entry: str | None
    cause: Cause
    rejected: bool = False


def decide(resolved: ResolvedPolicy, flow: Flow, names: Iterable[str] = ()) -> Verdict:
    """Return whether a flow may leave, and why. Raise AddressError for a destination that is not an address.

    names: the domain names that led to the address, as the host's resolver knows them (ASCII, small letters); without
    any, names open nothing. A list that others fill counts as empty.
    """
    if resolved.mode == "absent" or (flow.container and resolved.containers is None):
        return Verdict(allowed=True, entry=None, cause="absent")
    version, value = addresses.parse_address(flow.address)
    protocol = _protocol(flow.protocol, version)
    if _is_on_the_floor(resolved, flow, version, value, protocol):
        return Verdict(allowed=True, entry=None, cause="floor")
    port = flow.port or 0
    to_any_dns = resolved.host_dns and "dns" in resolved.floor and services.DNS.contains(protocol, port)
    to_any_dns = to_any_dns and _may_send_dns(resolved, flow)
    unknown: Cause | None = "resolvers" if to_any_dns else None
    for never in resolved.never:
        closed = _inside(never.addresses, version, value) and never.services.contains(protocol, port)
        if closed and not (
            never.excepts and is_among(flow.user, flow.units, never.except_users or None, never.except_units or None)
        ):
            return _rejected(resolved, unknown or "never", version, value)
    if "dhcp" in resolved.floor and not flow.container and _renews_a_lease(resolved, flow, version, value, protocol):
        return Verdict(allowed=True, entry=None, cause="floor")
    for entry in (resolved.containers or ()) if flow.container else resolved.entries:
        if not is_among(flow.user, flow.units, entry.users, entry.units):
            continue
        for grant in (*entry.grants, *(entry.by_name if _is_named(resolved, entry, names) else ())):
            if _inside(grant.addresses, version, value) and grant.services.contains(protocol, port):
                return Verdict(allowed=True, entry=entry.name, cause="entry")
    return _rejected(resolved, unknown or "unlisted", version, value)


def _is_named(resolved: ResolvedPolicy, entry: ResolvedEntry, names: Iterable[str]) -> bool:
    """Tell whether an entry names one of these names, on a host where that opens their addresses."""
    patterns = [domain_names.parse(each.name) for each in entry.names] if resolved.names.filled else []
    return any(domain_names.matches(pattern, name) for pattern in patterns for name in names)


def _rejected(resolved: ResolvedPolicy, cause: Cause, version: int, value: int) -> Verdict:
    observed = resolved.mode == "observe" or any(
        _inside(addresses_of_word, version, value) for addresses_of_word in resolved.observed().values()
    )
    return Verdict(allowed=observed, entry=None, cause=cause, rejected=True)


def _inside(reached: AddressSet, version: int, value: int) -> bool:
    return intervals.contains(reached.family(version), value)


def is_among(
    user: str | None, within: Iterable[str], users: tuple[str, ...] | None, units: tuple[str, ...] | None
) -> bool:
    """Tell whether a socket is of one of these users and in one of these units; None for any.

    user: its owner, None for a packet without a socket. within: the units that it is in.
    """
    if units is not None and not any(unit_names.is_part(name, unit) for name in within for unit in units):
        return False
    return users is None or is_one_of(user, users)


def is_one_of(user: str | None, users: tuple[str, ...]) -> bool:
    """Tell whether a socket's owner is among users. The superuser has two names; None is no owner."""
    if user is None:
        return False
    return user in users or (user in ROOT and any(name in ROOT for name in users))


def _protocol(protocol: str | int, version: int) -> int:
    if protocol == "icmp":
        return services.ICMP if version == 4 else services.ICMPV6
    return services.PORT_PROTOCOLS[protocol] if isinstance(protocol, str) else protocol


def _is_on_the_floor(resolved: ResolvedPolicy, flow: Flow, version: int, value: int, protocol: int) -> bool:
    """Tell whether a flow passes before egress_never and the entries are looked at."""
    if _inside(_LOOPBACK, version, value) or (not flow.container and _inside(resolved.own, version, value)):
        return True
    port, tcp, udp = flow.port, protocols.TCP, protocols.UDP
    parts = {
        "dns": _inside(resolved.dns, version, value)
        and protocol in (tcp, udp)
        and port in (53, 853)
        and _may_send_dns(resolved, flow),
        "ntp": _inside(resolved.ntp, version, value) and protocol == udp and port == 123,
    }
    if not flow.container:
        to_group = _inside(_MULTICAST, version, value)
        parts |= {
            "icmp-errors": (protocol, port) in _ERRORS,
            "neighbours": (protocol, port) in _NEIGHBOURS,
            "memberships": to_group and ((version, protocol) == (4, protocols.IGMP) or (protocol, port) in _LISTENERS),
        }
    return any(parts[part] for part in resolved.floor if part in parts)


def _may_send_dns(resolved: ResolvedPolicy, flow: Flow) -> bool:
    """Tell whether a flow may be a question to a name server: by whom, where the host has a resolver of its own."""
    if flow.container:
        return resolved.names.resolving != "only"
    return resolved.dns_users is None or is_one_of(flow.user, resolved.dns_users)


def _renews_a_lease(resolved: ResolvedPolicy, flow: Flow, version: int, value: int, protocol: int) -> bool:
    """Tell whether a flow goes from a DHCP client to a server that may be its own."""
    ports, known = ((68, 67), _DHCP) if version == 4 else ((546, 547), _DHCPV6)
    if protocol != protocols.UDP or (flow.source_port, flow.port) != ports:
        return False
    return _inside(known, version, value) or _inside(resolved.internal, version, value)
