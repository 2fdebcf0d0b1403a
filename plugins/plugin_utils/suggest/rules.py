# Copyright: (c) 2026, the tidegate developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The rules of evidence: what has to be seen before an entry is suggested, and what never is. One table of numbers."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cache

from ansible_collections.tidegate.nftables.plugins.module_utils import domain_names
from ansible_collections.tidegate.nftables.plugins.plugin_utils.plural import count
from ansible_collections.tidegate.nftables.plugins.plugin_utils.policy.reading import words
from ansible_collections.tidegate.nftables.plugins.plugin_utils.policy.sets import addresses, datafiles
from ansible_collections.tidegate.nftables.plugins.plugin_utils.policy.sets.addresses import AddressSet
from ansible_collections.tidegate.nftables.plugins.plugin_utils.records.destinations import Seen

NUMBERS: Mapping[str, tuple[float, str]] = {
    "days": (2, "days (UTC) on which a destination was seen"),
    "hours": (3, "separate hours in which it was seen; they do in place of the days"),
    "hosts": (2, "hosts of the tier that sent it, or every host of a smaller tier"),
    "packets": (2, "packets at least; one packet is a mistake or a probe"),
    "share": (0.5, "share of a network or group that was seen before all of it is suggested"),
    "least": (4, "addresses seen at least before a network is suggested"),
    "widest_ipv4": (24, "shortest prefix of such a network, IPv4"),
    "widest_ipv6": (120, "shortest prefix of such a network, IPv6"),
    "scan_ports": (20, "ports of one address that one user of a host tries within the window, more are a scan"),
    "scan_addresses": (50, "addresses that it tries on one port within the window, more are a scan"),
    "scan_window": (600, "seconds of the window"),
    "unused_days": (90, "days without use after which an entry, or a part of it, is suggested to be removed"),
}
"""Name: its number and what it is."""


def number(name: str) -> float:
    """Return a number of the table."""
    return NUMBERS[name][0]


@dataclass(frozen=True)
class Surroundings:
    """What a rule must know beside what was seen. internal: the tier's networks. scanners: of scanning(...)."""

    internal: AddressSet
    scanned: frozenset[Seen] = frozenset()

    def outward(self, seen: Seen) -> bool:
        """Return whether any of it left the tier's own networks."""
        inside = self.internal or words.table("private_use")
        return bool(seen.proxied) or any(address not in inside for address in seen.addresses)


Test = Callable[[Seen, Surroundings], bool]


def _metadata(seen: Seen, _around: Surroundings) -> bool:
    return any(address in words.table("cloud_metadata") for address in seen.addresses)


def _suspicious(kind: str) -> Test:
    """Return a test for a row of suspicious.yml: its addresses, its names, and its ports outside the own networks."""

    def test(seen: Seen, around: Surroundings) -> bool:
        known, patterns, ports = _row(kind)
        return (
            any(address in known for address in seen.addresses)
            or any(domain_names.matches(pattern, name) for pattern in patterns for name in seen.names)
            or (seen.port in ports and around.outward(seen))
        )

    return test


LOOK_AT: Mapping[str, tuple[str, Test]] = {
    "metadata": ("a metadata service of a cloud", _metadata),
    "never": ("egress_never closes it", lambda seen, _around: "never" in seen.causes),
    "tor": ("a relay or directory of Tor", _suspicious("tor")),
    "mining": ("a pool of miners", _suspicious("mining")),
    "port": ("a service that does not leave your networks: telnet, SMB, RDP", _suspicious("outward")),
    "scan": ("part of a scan", lambda seen, around: seen in around.scanned),
    "unanswered": (
        "never answered, though it left the host",
        lambda seen, _around: seen.answered is False and "rejected" not in seen.decisions,
    ),
    "one_packet": ("a single packet", lambda seen, _around: seen.packets < number("packets")),
    "no_socket": (
        "without a user: packets of containers or of the kernel, which an entry would open to everybody",
        # No proxy knows users, and no entry for one may name any.
        lambda seen, _around: not (seen.user or seen.proxied),
    ),
}
"""What is never suggested: why, and whether that is so. The first that applies is named."""


def look_at(seen: Seen, around: Surroundings) -> str:
    """Return why something is never suggested, "" when no rule says so."""
    return next((name for name, (_why, test) in LOOK_AT.items() if test(seen, around)), "")


def missing(seen: Seen, tier_hosts: int) -> str:
    """Return what is missing of the evidence, "" when it is enough. tier_hosts: how many hosts the tier has."""
    days = len({moment // 86400 for moment in seen.moments})
    hours = len({moment // 3600 for moment in seen.moments})
    needed = min(int(number("hosts")), max(1, tier_hosts))
    parts = []
    if days < number("days") and hours < number("hours"):
        fewest = f"{count(int(number('days')), 'day')} or {count(int(number('hours')), 'separate hour')}"
        parts.append(f"seen on {count(days, 'day')} in {count(hours, 'hour')}, {fewest} are needed")
    if len(seen.hosts) < needed:
        parts.append(f"seen on {count(len(seen.hosts), 'host')} of {tier_hosts}, {needed} are needed")
    return "; ".join(parts)


def scanning(lines: Iterable[Seen]) -> frozenset[Seen]:
    """Return what is part of a scan: many ports of an address, or many addresses on a port, within the window."""
    several = list(lines)
    return frozenset(
        seen
        for key, limit in (
            (lambda each: (each.tier, each.user, each.protocol, each.destinations), number("scan_ports")),
            (lambda each: (each.tier, each.user, each.protocol, each.port), number("scan_addresses")),
        )
        for alike in _groups(several, key)
        for seen in _within_window(alike, limit)
    )


def _groups(several: Sequence[Seen], key: Callable[[Seen], object]) -> Iterator[list[Seen]]:
    """Yield what one host sent, by a key."""
    groups: dict[object, list[Seen]] = {}
    for seen in several:
        for host in seen.hosts:
            groups.setdefault((host, key(seen)), []).append(seen)
    yield from groups.values()


def _within_window(alike: Sequence[Seen], limit: float) -> Iterator[Seen]:
    ordered = sorted(alike, key=lambda seen: seen.first)
    start = 0
    for end, seen in enumerate(ordered):
        while seen.first - ordered[start].first > number("scan_window"):
            start += 1
        if end - start + 1 > limit:
            yield from ordered[start : end + 1]


@cache
def _row(kind: str) -> tuple[AddressSet, tuple[domain_names.Pattern, ...], frozenset[int]]:
    row = datafiles.load("suspicious")[kind]
    return (
        addresses.union(addresses.parse(text) for text in row.get("addresses", ())),
        tuple(domain_names.parse(text) for text in row.get("names", ())),
        frozenset(row.get("ports", ())),
    )


def day(moment: float) -> str:
    """Return the day (UTC) of seconds since 1970, "-" for 0."""
    return f"{dt.datetime.fromtimestamp(moment, dt.UTC):%Y-%m-%d}" if moment else "-"
