# Copyright: (c) 2026, the tidegate developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""From what passes a host's rules to entries in the vocabulary, never wider than the rules are."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import reduce
from typing import Any

from ansible_collections.tidegate.nftables.plugins.plugin_utils.policy.sets import addresses, services
from ansible_collections.tidegate.nftables.plugins.plugin_utils.policy.sets.addresses import EVERYTHING, AddressSet

from .model import Match, Table
from .walk import both, passing, whole
from .words import PORTED, PROTOCOLS

_MOST = 24
"""Services that one entry names; more are the rest of a rule that refuses a few."""

_COMMENTS = (re.compile(r'--comment "?(?P<name>[^"]+?)"?(?: -|$)'), re.compile(r' "(?P<name>[^"]+)"$'))
_WHOLE = {"0.0.0.0/0": "any-ipv4", "::/0": "any-ipv6"}
_MAPPED = addresses.interval(6, 0xFFFF << 32, (0xFFFF << 32) + 0xFFFFFFFF)
"""::ffff:0:0/96, which is never on the wire, so that entries cannot name it (RFC 4291)."""

_FLOOR_TYPES = (
    *((services.ICMP, kind) for kind in (3, 11, 12)),
    *((services.ICMPV6, kind) for kind in (1, 2, 3, 4, 130, 131, 132, 133, 134, 135, 136, 143)),
)
"""Messages of ICMP that the floor of every policy lets through."""

_ALL = {"services": "any", "any": True, "widest": {"ipv4": 0, "ipv6": 0}, "most": {"ipv4": 0, "ipv6": 0}}
UNBOUND: Mapping[str, Any] = {
    "egress_mode": "observe",
    "egress_tier": "adopted",
    "egress_tiers": {"adopted": {"ceiling": {"internal": _ALL, "external": _ALL}}},
}
"""The policy of a host that has none yet: entries are held against the vocabulary alone."""


@dataclass(frozen=True)
class Draft:
    """entries: what can be said; held: (entry, why not), what cannot be said without being wider than the rules.

    said: sentences about what the rules really let through; unknown: rules that could not be read, or only in part.
    """

    entries: tuple[dict[str, Any], ...]
    held: tuple[tuple[dict[str, Any], str], ...]
    said: tuple[str, ...]
    unknown: tuple[str, ...]


def draft(tables: Sequence[Table], unread: Sequence[str] = ()) -> Draft:
    """Return the draft for the tables of one host, through all of which every packet goes."""
    chains = [(table, base) for table in tables for base in table.bases]
    unknown = [*unread, *(text for table in tables for text in table.unread)]
    if not chains:
        return Draft((), (), ("no rule is about what this host sends: it reaches everything",), tuple(unknown))
    ways, told = [], list[str]()
    for table, base in chains:
        accepted, narrowed = passing(table, base)
        ways.append(accepted)
        told += [f"narrower than its rule: {text}" for text in narrowed]
    passed = reduce(both, ways)
    wide = [one for one in passed if whole(one)]
    limited = [one for one in passed if not whole(one)]
    groups = _groups(limited)
    pings = [group for group in groups if _about_messages(group)]
    names: set[str] = set()
    made = [(group, *_entry(group, names)) for group in groups if group not in pings]
    known = {group.rule for group in groups}
    return Draft(
        tuple(entry for _group, entry, why in made if not why),
        tuple((entry, why) for _group, entry, why in made if why),
        (*_everything(wide), *_messages(pings), *told),
        tuple(dict.fromkeys([*unknown, *(text for rule, text in _unknown(tables) if rule not in known)])),
    )


def _unknown(tables: Sequence[Table]) -> list[tuple[str, str]]:
    """Return (rule, the rule with what it asks for) of rules about output that ask for more than entries can."""
    return [
        (rule.text, f"{rule.text} (asks for {', '.join(rule.match.doubts)})")
        for table in tables
        for rule in table.asked()
        if rule.match is not None and rule.match.doubts and rule.verdict
    ]


def _everything(wide: Iterable[Match]) -> list[str]:
    """Say which rules make all others pointless."""
    found: dict[str, AddressSet] = {}
    for one in wide:
        found[one.rule] = found.get(one.rule, addresses.NOTHING) | one.addresses
    said = []
    for rule, addresses_ in found.items():
        families = [name for name, part in (("IPv4", addresses_.v4), ("IPv6", addresses_.v6)) if part]
        said.append(f"everything is accepted over {' and '.join(families)}, by {rule}; no entry is drafted from it")
    return said


def _groups(passed: Iterable[Match]) -> list[Match]:
    """Join what the same rule lets through: first equal services, then equal addresses."""
    by_services: dict[Any, Match] = {}
    for one in passed:
        key = (one.rule, one.users, one.doubts, one.services)
        known = by_services.get(key)
        by_services[key] = one if known is None else replace(known, addresses=known.addresses | one.addresses)
    by_addresses: dict[Any, Match] = {}
    for one in by_services.values():
        place = (one.rule, one.users, one.doubts, one.addresses)
        known = by_addresses.get(place)
        by_addresses[place] = one if known is None else replace(known, services=known.services | one.services)
    return list(by_addresses.values())


def _about_messages(group: Match) -> bool:
    """Whether it is about some messages of ICMP; the vocabulary has ICMP as a whole."""
    return group.services <= services.ICMP_BOTH and any(
        ports != services.WHOLE for ports in group.services.protocols().values()
    )


def _messages(groups: Sequence[Match]) -> list[str]:
    floor = reduce(lambda left, right: left | right, (services.of_protocol(*row, row[1]) for row in _FLOOR_TYPES))
    above = [group.rule for group in groups if not group.services <= floor]
    said = []
    if len(above) < len(groups):
        count = len(groups) - len(above)
        said.append(f"the floor of every policy has what {count} rules about ICMP's errors and discovery let through")
    if above:
        more = f" and {len(above) - 1} more" if len(above) > 1 else ""
        said.append(f"entries have icmp as a whole, so none is drafted from {above[0]}{more}, about some messages")
    return said


def _entry(group: Match, names: set[str]) -> tuple[dict[str, Any], str]:
    """Return an entry, and why it must not be taken as it is ("" when it may)."""
    to, excepted = _destinations(group.addresses)
    spoken, why = _services(group)
    entry: dict[str, Any] = {"name": _name(group, spoken, to, names), "to": to}
    if excepted:
        entry["except"] = excepted
    entry["services"] = spoken
    if group.users is not None:
        entry["users"] = sorted(group.users)
    entry["reason"] = f"adopted: {group.rule}"
    asked = f"the rule asks for {', '.join(group.doubts)}" if group.doubts else ""
    return entry, "; ".join(one for one in (asked, why) if one)


def _destinations(found: AddressSet) -> tuple[list[str], list[str]]:
    """Return (to, except): networks and ranges, of each family a network without some where that is not longer."""
    if found == EVERYTHING:
        return ["any"], []
    to, excepted = list[str](), list[str]()
    for version in (4, 6):
        texts = found.elements(version)
        around = _around(found, version)
        rest = (around - found - _MAPPED).elements(version)
        shorter = len(texts) > 1 and len(rest) <= len(texts)
        to += around.elements(version) if shorter else texts
        excepted += rest if shorter else []
    return to, excepted


def _around(found: AddressSet, version: int) -> AddressSet:
    """Return the smallest network around all addresses of one family."""
    stretches = found.family(version)
    if not stretches:
        return addresses.NOTHING
    first, last = stretches[0][0], stretches[-1][1]
    bits = (first ^ last).bit_length()
    return addresses.interval(version, first >> bits << bits, (first >> bits << bits) + (1 << bits) - 1)


def _services(group: Match) -> tuple[list[str], str]:
    """Return the services as people write them, and what cannot be written."""
    if group.services == services.ANY:
        return ["any"], ""
    texts: list[str] = []
    why = ""
    for number, ports in group.services.protocols().items():
        found = _of_protocol(number, ports, group.addresses)
        texts += [text for text in found if text not in texts]
        if not found:
            why = "it is about a part of a protocol that the vocabulary has as a whole"
            texts += [f"proto/{number}"]
    if len(texts) > _MOST:
        return ["any"], "it is about everything but a few services; say what is needed instead"
    return texts, why


def _of_protocol(number: int, ports: Iterable[tuple[int, int]], found: AddressSet) -> list[str]:
    """Return the texts of one protocol; [] when there are none for these ports."""
    whole_stretch = tuple(ports) == services.WHOLE
    if number in (services.ICMP, services.ICMPV6):
        only = not (found.v6 if number == services.ICMP else found.v4)
        return [] if not whole_stretch else ["icmp"] if only else [f"proto/{number}"]
    name = next((name for name in PORTED if PROTOCOLS[name] == number), "")
    if not name:
        return [f"proto/{number}"] if whole_stretch else []
    return [_ports(name, max(first, 1), last) for first, last in ports if last]


def _ports(protocol: str, first: int, last: int) -> str:
    if first != last:
        return f"{protocol}/{first}-{last}"
    text = f"{protocol}/{first}"
    return next((name for name, texts in services.catalogue().items() if texts == (text,)), text)


def _name(group: Match, spoken: list[str], to: list[str], names: set[str]) -> str:
    """Return a name that no other entry has: the rule's comment, else what it is about."""
    comment = next((found["name"] for form in _COMMENTS if (found := form.search(group.rule))), "")
    text = comment or f"{spoken[0]}-{_WHOLE.get(to[0], to[0])}"
    stem = re.sub(r"[^A-Za-z0-9_-]+", "-", text).strip("-_")[:100] or "adopted"
    name, number = stem, 2
    while name in names:
        name, number = f"{stem}-{number}", number + 1
    names.add(name)
    return name
