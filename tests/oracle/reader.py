# Copyright: (c) 2026, the tidegate developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Decides about one packet as a careful reader of docs/policy.md would, from a host's variables as they are written.

It imports nothing of the collection, and takes services, tiers and metadata addresses from the page's own tables:
where the policy, the proof and the table share a mistake, only a reading by other hands can find it. Naive on purpose:
no sets, no algebra, one packet at a time. The variables must be a policy without errors.
"""

from __future__ import annotations

import datetime as dt
import ipaddress
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import Any

PAGE = Path(__file__).resolve().parents[2] / "docs" / "policy.md"
Address = ipaddress.IPv4Address | ipaddress.IPv6Address
TCP, UDP, SCTP, DCCP, UDPLITE, ICMP, ICMPV6, IGMP = 6, 17, 132, 33, 136, 1, 58, 2
PORTED = {"tcp": TCP, "udp": UDP, "sctp": SCTP, "dccp": DCCP, "udplite": UDPLITE}
ROOT = ("root", "0")
# "the users of time daemons only"
TIME_DAEMONS = ["_chrony", "chrony", "ntp", "ntpsec", "systemd-timesync"]
# Not routed in public by the registries of IANA, which Python's ipaddress learned late or not at all.
NOT_GLOBAL = ["192.0.0.0/24", "192.88.99.0/24", "2002::/16", "3fff::/20"]
GLOBAL_UNICAST = {4: "0.0.0.0/0", 6: "2000::/3"}
# Globally reachable by the registries of IANA inside blocks that are not, which Python's ipaddress learned late.
GLOBAL = [
    *("192.0.0.9/32", "192.0.0.10/32", "2001:1::1/128", "2001:1::2/128", "2001:1::3/128", "2001:3::/32"),
    *("2001:4:112::/48", "2001:20::/28", "2001:30::/28"),
]


@dataclass(frozen=True)
class Packet:
    """The first packet that the host sends.

    port: the destination port, for ICMP the message type, else None. user: name or uid; None without a socket.
    container: whether a container of the host sends it. units: those that the socket is in, slices among them.
    names: the domain names whose answers had its address.
    """

    address: str
    protocol: int
    port: int | None = None
    user: str | None = None
    source_port: int | None = None
    container: bool = False
    names: Sequence[str] = ()
    units: Sequence[str] = ()

    @property
    def ip(self) -> Address:
        """The destination."""
        return ipaddress.ip_address(self.address)


@dataclass(frozen=True)
class Site:
    """What only the inventory knows: addresses by host, hosts by group or pattern, hosts by tier, networks by list.

    fetched: the lists that are fetched from elsewhere. filled: those that others fill, whose content nobody knows here.
    """

    host: str
    addresses: Mapping[str, Sequence[str]] = field(default_factory=dict)
    groups: Mapping[str, Sequence[str]] = field(default_factory=dict)
    tiers: Mapping[str, Sequence[str]] = field(default_factory=dict)
    lists: Mapping[str, Sequence[str]] = field(default_factory=dict)
    fetched: frozenset[str] = frozenset()
    filled: frozenset[str] = frozenset()


@dataclass(frozen=True)
class Reader:
    """One host's policy. variables: as they are written. today: the day for `expires`, in UTC."""

    variables: Mapping[str, Any]
    site: Site
    today: dt.date

    def leaves(self, packet: Packet) -> bool:
        """Tell whether a packet leaves the host."""
        mode = self.variables.get("egress_mode", "observe")
        if mode in ("absent", "observe") or (packet.container and not self.variables.get("egress_containers")):
            return True
        observed = any(self._is_word(packet, word) for word in _list(self.variables.get("egress_observe")))
        return observed or self.is_allowed(packet)

    def is_allowed(self, packet: Packet) -> bool:
        """Tell whether enforcing would let a packet leave, whatever the mode."""
        if self._stays(packet) or self._is_on_the_floor(packet, below_never=False):
            return True
        if any(self._closes(never, packet) for never in _list(self.variables.get("egress_never"))):
            return False
        below = self._is_on_the_floor(packet, below_never=True)
        return below or any(self.opens(entry, packet) for entry in self.entries())

    def entries(self) -> Iterator[Mapping[str, Any]]:
        """Yield every entry of the host, those of its tier among them."""
        yield from self._tier_entries(self.variables["egress_tier"], shipped=False)
        for name, value in self.variables.items():
            if name.startswith(("egress_allow_", "egress_ceiling_raise_")):
                yield from _list(value)
        if "pool" in _list(self.variables.get("egress_ntp_servers")) and self._has("ntp"):
            yield {"to": "internet", "services": "udp/123", "users": TIME_DAEMONS}

    def opens(self, entry: Mapping[str, Any], packet: Packet) -> bool:
        """Tell whether one entry opens a packet, before egress_never."""
        to = _list(entry["to"])
        if packet.protocol in (TCP, UDP) and packet.port in (53, 853):
            to = [text for text in to if text != "internal"]
        whose = "containers" if packet.container else "host"
        return (
            not _is_past(entry.get("expires"), self.today)
            and whose in _list(entry.get("for", "host"))
            and any(self._is_in(packet, text, to_open=True) or self._is_named(entry, packet, text) for text in to)
            and not any(self._is_in(packet, text) for text in _list(entry.get("except")))
            and self._speaks(entry["services"], packet)
            and ("users" not in entry or _is_one_of(packet.user, entry["users"]))
            and ("units" not in entry or _is_in_one_of(packet.units, entry["units"]))
        )

    def _tier_entries(self, name: str, *, shipped: bool) -> Iterator[Mapping[str, Any]]:
        tier = self._tier(name, shipped=shipped)
        services = self.variables.get("egress_internal_services")
        services = tier["internal_services"] if services is None else services
        if _list(services):
            yield {"to": "internal", "services": services}
        yield from tier["allow"]

    def _tier(self, name: str, *, shipped: bool = False) -> dict[str, Any]:
        """Return what a tier opens by itself: what it does not say is as in the one it extends."""
        own = self.variables.get("egress_tiers", {})
        if name not in own or shipped:
            return _page_tiers()[name]
        chain = own[name]
        base: dict[str, Any] = {"internal_services": [], "allow": []}
        if "extends" in chain:
            base = self._tier(chain["extends"], shipped=chain["extends"] == name)
        return {**base, **{key: chain[key] for key in base if key in chain}}

    def _stays(self, packet: Packet) -> bool:
        """What is delivered on the host itself, over loopback or at its own addresses, is no egress."""
        if packet.ip.is_loopback:
            return True
        own = [ipaddress.ip_address(text) for text in self.site.addresses.get(self.site.host, ())]
        return packet.ip in own and not packet.container

    def _has(self, part: str) -> bool:
        return part not in _list(self.variables.get("egress_floor_without"))

    def _is_on_the_floor(self, packet: Packet, *, below_never: bool) -> bool:
        """Tell whether a part of the floor lets a packet through. below_never: those that egress_never applies to."""
        return any(
            self._passes_by(part, packet)
            for part, (containers, below) in _page_floor().items()
            if below == below_never and self._has(part) and (containers or not packet.container)
        )

    def _passes_by(self, part: str, packet: Packet) -> bool:
        ip, protocol, port = packet.ip, packet.protocol, packet.port
        errors = {(ICMP, 3), (ICMP, 11), (ICMP, 12), *((ICMPV6, kind) for kind in (1, 2, 3, 4))}
        neighbours = {(ICMPV6, kind) for kind in (133, 134, 135, 136)}
        listeners = {(ICMPV6, kind) for kind in (130, 131, 132, 143)}
        lease = (UDP, 68, 67) if ip.version == 4 else (UDP, 546, 547)
        known = str(ip) in ("255.255.255.255", "ff02::1:2", "168.63.129.16")
        near = known or ip.is_link_local or self._names(ip, "internal", to_open=False)
        members = ip.is_multicast and ((protocol, ip.version) == (IGMP, 4) or (protocol, port) in listeners)
        return {
            "icmp-errors": (protocol, port) in errors,
            "neighbours": (protocol, port) in neighbours,
            "memberships": members,
            "dhcp": near and (protocol, packet.source_port, port) == lease,
            "dns": protocol in (TCP, UDP)
            and port in (53, 853)
            and self._is_server("egress_dns_servers", packet)
            and self._may_ask(packet),
            "ntp": protocol == UDP and port == 123 and self._is_server("egress_ntp_servers", packet),
        }.get(part, False)

    def _may_ask(self, packet: Packet) -> bool:
        """Where the host has a resolver, nobody else asks servers; containers do, unless that decides what resolves."""
        if packet.container:
            return bool(self.variables.get("egress_dns_names", "any") != "only")
        return self.variables.get("egress_names") != "resolver" or packet.user == "tidegate-dns"

    def _is_server(self, variable: str, packet: Packet) -> bool:
        servers = [text for text in _list(self.variables.get(variable)) if text not in ("auto", "pool")]
        return any(self._is_in(packet, text) for text in servers)

    def _closes(self, never: Mapping[str, Any], packet: Packet) -> bool:
        excepts = [
            *([_is_one_of(packet.user, never["except_users"])] if "except_users" in never else []),
            *([_is_in_one_of(packet.units, never["except_units"])] if "except_units" in never else []),
        ]
        return (
            any(self._is_in(packet, text) for text in _list(never["to"]))
            and not any(self._is_in(packet, text) for text in _list(never.get("except")))
            and self._speaks(never.get("services", "any"), packet)
            and not (excepts and all(excepts))
        )

    def _is_in(self, packet: Packet, text: str, *, to_open: bool = False) -> bool:
        """Tell whether a destination is meant by a text, as it is or as the network translates IPv4 for this host."""
        return any(self._names(ip, str(text), to_open) for ip in self._spellings(packet.ip))

    def _is_named(self, entry: Mapping[str, Any], packet: Packet, text: str) -> bool:
        """Tell whether a name opens the address of a packet: one that was answered, in the internet or in `within`."""
        if self.variables.get("egress_names", "none") in ("none", "proxy") or not _is_name(text):
            return False
        named = any(_means_name(text.lower(), name) for name in packet.names)
        bounds = _list(entry.get("within")) or ["internet"]
        return named and any(self._is_in(packet, bound) for bound in bounds)

    def _spellings(self, ip: Address) -> Iterator[Address]:
        yield ip
        prefix = self.variables.get("egress_nat64_prefix")
        if prefix and ip.version == 6 and ip in ipaddress.ip_network(prefix):
            yield ipaddress.IPv4Address(int(ip) & 0xFFFFFFFF)

    def _names(self, ip: Address, text: str, to_open: bool) -> bool:
        kind, _colon, name = text.partition(":")
        if kind in ("hosts", "group", "tier"):
            hosts = self.site.tiers.get(name, ()) if kind == "tier" else self._hosts(name)
            return any(ip == ipaddress.ip_address(known) for host in hosts for known in self.site.addresses[host])
        if kind == "prefix_list":
            return self._is_listed(ip, name, to_open)
        if text in ("any", "internal", "internet", "multicast", "cloud-metadata"):
            return self._means(ip, text)
        if _is_name(text):
            return False
        return _is_within(ip, text)

    def _is_listed(self, ip: Address, name: str, to_open: bool) -> bool:
        """What somebody else maintains opens neither the inside nor metadata services (docs/prefix_lists.md)."""
        protected = self._means(ip, "internal") or self._means(ip, "cloud-metadata")
        if name in self.site.filled or (to_open and name in self.site.fetched and protected):
            return False
        return any(_is_within(ip, network) for network in self.site.lists[name])

    def _hosts(self, pattern: str) -> set[str]:
        """Return the hosts of names joined by `:`, with & and ! before them as in Ansible."""
        hosts: set[str] = set()
        for part in pattern.split(":"):
            name = part.lstrip("&!")
            members = set(self.site.groups.get(name, [name] if name in self.site.addresses else []))
            hosts = hosts & members if part[0] == "&" else hosts - members if part[0] == "!" else hosts | members
        return hosts

    def _is_word(self, packet: Packet, word: str) -> bool:
        return any(self._means(ip, word) for ip in self._spellings(packet.ip))

    def _means(self, ip: Address, word: str) -> bool:
        internal = any(_is_within(ip, network) for network in _list(self.variables.get("egress_internal_networks")))
        metadata = str(ip) in _page_metadata()
        closed = not ip.is_global or any(_is_within(ip, network) for network in NOT_GLOBAL)
        public = not closed or any(_is_within(ip, network) for network in GLOBAL)
        public = public and not ip.is_multicast and _is_within(ip, GLOBAL_UNICAST[ip.version])
        return {
            "any": True,
            "internal": internal,
            "internet": public and not internal and not metadata,
            "multicast": ip.is_multicast,
            "cloud-metadata": metadata,
        }[word]

    def _speaks(self, texts: Any, packet: Packet) -> bool:
        return any(self._is_service(str(text), packet) for text in _list(texts))

    def _is_service(self, text: str, packet: Packet) -> bool:
        own = self.variables.get("egress_services", {})
        if text == "any":
            return True
        if text == "icmp":
            return packet.protocol in (ICMP, ICMPV6)
        if "/" not in text:
            return self._speaks(own[text] if text in own else _page_services()[text], packet)
        protocol, _slash, ports = text.partition("/")
        if protocol == "proto":
            return packet.protocol == int(ports)
        first, _dash, last = ports.partition("-")
        in_range = packet.port is not None and int(first) <= packet.port <= int(last or first)
        return packet.protocol == PORTED[protocol] and in_range


def _list(value: Any) -> list[Any]:
    """A single text or mapping stands for a list of one; what is not set is empty."""
    if value is None:
        return []
    return list(value) if isinstance(value, list | tuple) else [value]


def _is_past(day: Any, today: dt.date) -> bool:
    """Tell whether a last day is over."""
    return day is not None and (dt.date.fromisoformat(day) if isinstance(day, str) else day) < today


def _is_one_of(user: str | None, users: Any) -> bool:
    """Packets that belong to no socket belong to nobody; the superuser has two names."""
    names = [str(name) for name in _list(users)]
    return user is not None and (user in names or (user in ROOT and any(name in ROOT for name in names)))


def _is_in_one_of(within: Sequence[str], units: Any) -> bool:
    """Tell whether a socket is in a unit. `restic@.service` is every instance; a-b.slice is in a.slice by its name."""
    for text in _list(units):
        name, _dot, kind = str(text).rpartition(".")
        for unit in within:
            is_instance = name.endswith("@") and unit.startswith(name) and unit.endswith(f".{kind}")
            if (
                unit == text
                or is_instance
                or (kind == "slice" and unit.startswith(f"{name}-") and unit.endswith(".slice"))
            ):
                return True
    return False


def _is_name(text: str) -> bool:
    """Tell whether a destination is a domain name: of what has dots, addresses have no letters beside colons."""
    return "." in text and ":" not in text and any(letter.isalpha() for letter in text)


def _means_name(text: str, name: str) -> bool:
    """`a.example` is that name, `*.a.example` every name below it, `.a.example` both."""
    below = text.startswith(("*", ".")) and name.endswith(text.lstrip("*"))
    return below or name == text.removeprefix(".")


def _is_within(ip: Address, text: str) -> bool:
    """Tell whether an address is in an address, a network or a range."""
    if "-" in text:
        first, last = (ipaddress.ip_address(part.strip()) for part in text.split("-"))
        return ip.version == first.version and int(first) <= int(ip) <= int(last)
    return ip in ipaddress.ip_network(text)


@cache
def _table(name: str) -> list[list[str]]:
    """Return the rows of one of the page's tables, without its head."""
    text = PAGE.read_text(encoding="utf-8")
    body = text.split(f"<!-- table: {name} -->")[1].split(f"<!-- end of table: {name} -->")[0]
    return [[cell.strip() for cell in line.strip("|").split("|")] for line in body.strip().splitlines()[2:]]


@cache
def _page_metadata() -> frozenset[str]:
    return frozenset(row[0].strip("`") for row in _table("metadata"))


@cache
def _page_floor() -> dict[str, tuple[bool, bool]]:
    """Return of each part whether it is for containers and whether egress_never applies to it."""
    return {row[0].strip("`"): (row[3] == "yes", row[4] == "yes") for row in _table("floor")}


@cache
def _page_services() -> dict[str, list[str]]:
    return {row[0].strip("`"): re.findall(r"`([^`]+)`", row[1]) for row in _table("services")}


@cache
def _page_tiers() -> dict[str, dict[str, Any]]:
    """Return what each tier opens by itself: `internal`: `http`, `https` is its entry to internal."""
    tiers: dict[str, dict[str, Any]] = {}
    for row in _table("tiers"):
        tier: dict[str, Any] = {"internal_services": [], "allow": []}
        word, *services = re.findall(r"`([^`]+)`", row[2]) or [""]
        if word == "internal":
            tier["internal_services"] = services
        elif word:
            tier["allow"] = [{"to": word, "services": services}]
        tiers[row[0].strip("`")] = tier
    return tiers
