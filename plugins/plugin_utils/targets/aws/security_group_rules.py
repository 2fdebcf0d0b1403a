# Copyright: (c) 2026, the tidegate developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Openings as rules of one AWS security group, no more of them than the group may have.

The quota (60 unless AWS raised it) holds for IPv4 and IPv6 separately; what goes by the id of a prefix list or of
another group counts in both, a prefix list with its weight (Amazon VPC quotas).
"""

from __future__ import annotations

import re
from bisect import bisect_right
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import pairwise

from ansible_collections.tidegate.nftables.plugins.plugin_utils.policy.errors import PolicyError, PolicyErrors
from ansible_collections.tidegate.nftables.plugins.plugin_utils.policy.sets import addresses, services
from ansible_collections.tidegate.nftables.plugins.plugin_utils.policy.sets.addresses import NOTHING, AddressSet
from ansible_collections.tidegate.nftables.plugins.plugin_utils.policy.sets.services import ServiceSet
from ansible_collections.tidegate.nftables.plugins.plugin_utils.targets.model import (
    WIDER,
    Opening,
    TargetDifference,
    Unit,
)

_NAMES = {6: "tcp", 17: "udp", 1: "icmp", 58: "icmpv6"}
_FOREIGN = {4: services.ICMPV6, 6: services.ICMP}
# What a rule's description may hold (API reference of IpRange), without what Terraform would read as its own.
_UNFIT = re.compile(r"[^a-zA-Z0-9 ._:/()#,@\[\]+=&;!*-]")
_DESCRIPTION_MAX = 255
_JOINED_MAX = 1000


@dataclass(frozen=True, order=True)
class RuleKey:
    """A protocol as AWS calls it, `-1` for all, and its ports; None where AWS takes none, -1 for all kinds of ICMP."""

    protocol: str
    first: int | None
    last: int | None
    services: ServiceSet = services.NONE


@dataclass(frozen=True)
class SecurityGroupRule:
    """One rule. kind: "ipv4", "ipv6", "prefix_list" or "group"; to: the network or id."""

    key: RuleKey
    kind: str
    to: str
    entries: tuple[str, ...]
    description: str
    weight: int = 1


@dataclass(frozen=True)
class AddressGroup:
    """Addresses with one key, by one or more entries. wider: what of it may be rendered wider."""

    key: RuleKey
    addresses: AddressSet
    openings: tuple[Opening, ...]
    wider: AddressSet = NOTHING


def security_group_rules(unit: Unit) -> tuple[list[SecurityGroupRule], tuple[TargetDifference, ...]]:
    """The rules, in a fixed order, and how they differ from the policy.

    Entry by entry where that is within the quota, so that an edit changes the rules of one entry only; else networks of
    all entries with the same services are joined; else those of entries that may be wider. Raises PolicyErrors.
    """
    quota = int(unit.settings.get("rules", 60))
    named = list(_named(unit))
    by_entry = [
        AddressGroup(key, opening.addresses, (opening,), opening.addresses if opening.approximate == WIDER else NOTHING)
        for opening in unit.openings
        for key in keys(opening.services)
    ]
    found = _rules(by_entry) + named
    if _fits(found, quota):
        return found, ()
    joined = list(_joined(by_entry))
    found = _rules(joined) + named
    if _fits(found, quota):
        return found, ()
    wide = _widened(joined, quota - sum(rule.weight for rule in named), unit.never)
    found = _rules(wide) + named
    if not _fits(found, quota):
        raise PolicyErrors((_too_many(found, quota),))
    return found, tuple(_differences(joined, wide))


def keys(spoken: ServiceSet) -> Iterator[RuleKey]:
    """The protocols and ports of a rule each."""
    if spoken == services.ANY:
        yield RuleKey("-1", None, None, services.ANY)
        return
    for number, ports in spoken.protocols().items():
        name = _NAMES.get(number, str(number))
        for first, last in ports:
            part = services.of_protocol(number, first, last)
            if number in (services.ICMP, services.ICMPV6):
                yield RuleKey(name, -1, -1, part)
            elif number in _NAMES:
                yield RuleKey(name, first, last, part)
            else:
                yield RuleKey(name, None, None, part)


def _named(unit: Unit) -> Iterator[SecurityGroupRule]:
    """Destinations that AWS knows by an id."""
    found: dict[tuple[RuleKey, str], SecurityGroupRule] = {}
    for opening in unit.openings:
        for text in opening.references:
            known = unit.settings["references"][text]
            kind = "group" if known["id"].startswith("sg-") else "prefix_list"
            for key in keys(opening.services):
                before = found.get((key, known["id"]))
                entries = (*(before.entries if before else ()), opening.entry)
                text = _description(entries, opening)
                found[key, known["id"]] = SecurityGroupRule(key, kind, known["id"], entries, text, known["weight"])
    yield from found.values()


def _rules(cells: Iterable[AddressGroup]) -> list[SecurityGroupRule]:
    """One rule a network; what several entries open is one rule, since AWS refuses the second."""
    found: dict[tuple[RuleKey, str], SecurityGroupRule] = {}
    for cell in cells:
        for version, address, length in cell.addresses.prefixes():
            if cell.key.services <= services.of_protocol(_FOREIGN[version]):
                continue
            network = f"{addresses.to_text(version, address)}/{length}"
            before = found.get((cell.key, network))
            about = [one for one in cell.openings if _touches(one.addresses, version, address, length)]
            entries = tuple(dict.fromkeys((*(before.entries if before else ()), *(one.entry for one in about))))
            text = _description(entries, about[0]) if len(entries) == 1 else ", ".join(entries)[:_DESCRIPTION_MAX]
            found[cell.key, network] = SecurityGroupRule(cell.key, f"ipv{version}", network, entries, text)
    return list(found.values())


def _touches(found: AddressSet, version: int, address: int, length: int) -> bool:
    """Is some of the network in the set?"""
    held = found.family(version)
    last = address + (1 << (addresses.BITS[version] - length)) - 1
    at = bisect_right(held, last, key=lambda pair: pair[0]) - 1
    return at >= 0 and held[at][1] >= address


def _joined(cells: Sequence[AddressGroup]) -> Iterator[AddressGroup]:
    for key in dict.fromkeys(cell.key for cell in cells):
        same = [cell for cell in cells if cell.key == key]
        yield AddressGroup(
            key,
            addresses.union(cell.addresses for cell in same),
            tuple(opening for cell in same for opening in cell.openings),
            addresses.union(cell.wider for cell in same),
        )


def _widened(cells: list[AddressGroup], quota: int, never: AddressSet) -> list[AddressGroup]:
    """The cells with as few addresses more as bring them within the quota: always the cheapest pair of neighbours.

    never: what is not opened for that. More than _JOINED_MAX networks stay as they are: no group holds them well.
    """
    found = list(cells)
    for version in (4, 6):
        count = sum(len(_networks(cell, version)) for cell in found)
        while quota < count <= _JOINED_MAX:
            step = _cheapest(found, version, never)
            if step is None:
                break
            index, network = step
            found[index] = replace(found[index], addresses=found[index].addresses | network)
            count = sum(len(_networks(cell, version)) for cell in found)
    return found


def _cheapest(cells: Sequence[AddressGroup], version: int, never: AddressSet) -> tuple[int, AddressSet] | None:
    """(which cell, the network that takes the place of two neighbours) that opens the fewest addresses more."""
    steps = sorted(step for index, cell in enumerate(cells) for step in _steps(index, cell, version))
    for _cost, index, start, end in steps:
        wide, cell = addresses.interval(version, start, end), cells[index]
        if wide & cell.wider and not (wide & never) - cell.addresses:
            return index, wide
    return None


def _steps(index: int, cell: AddressGroup, version: int) -> Iterator[tuple[int, int, int, int]]:
    """(addresses more, which cell, first and last address) of the smallest network around each two neighbours."""
    held = cell.addresses.family(version)
    starts = [start for start, _end in held]
    for (low, _length), (high, _other) in pairwise(_networks(cell, version)):
        host_bits = (low ^ high).bit_length()
        start = low >> host_bits << host_bits
        end = start + (1 << host_bits) - 1
        inside = held[max(bisect_right(starts, start) - 1, 0) : bisect_right(starts, end)]
        covered = sum(max(min(last, end) - max(first, start) + 1, 0) for first, last in inside)
        yield end - start + 1 - covered, index, start, end


def _networks(cell: AddressGroup, version: int) -> list[tuple[int, int]]:
    if cell.key.services <= services.of_protocol(_FOREIGN[version]):
        return []
    return [(address, length) for found, address, length in cell.addresses.prefixes() if found == version]


def _differences(before: Sequence[AddressGroup], after: Sequence[AddressGroup]) -> Iterator[TargetDifference]:
    for old, new in zip(before, after, strict=True):
        more = new.addresses - old.addresses
        if more:
            grown = addresses.union(one for one in map(addresses.parse, new.addresses.cidrs()) if one & more)
            mine = (one for one in old.openings if one.approximate == WIDER and one.addresses & grown)
            names = dict.fromkeys(one.entry for one in mine)
            why = "its networks are joined to keep the quota of rules"
            yield TargetDifference(", ".join(names), WIDER, why, more, new.key.services)


def _fits(found: Sequence[SecurityGroupRule], quota: int) -> bool:
    return max(counts(found)) <= quota


def counts(found: Sequence[SecurityGroupRule]) -> tuple[int, int]:
    """How many rules they are for AWS, in IPv4 and in IPv6."""
    v4 = sum(rule.weight for rule in found if rule.kind != "ipv6")
    return v4, sum(rule.weight for rule in found if rule.kind != "ipv4")


def _too_many(found: Sequence[SecurityGroupRule], quota: int) -> PolicyError:
    by_entry: dict[str, int] = {}
    for rule in found:
        for entry in rule.entries:
            by_entry[entry] = by_entry.get(entry, 0) + rule.weight
    most = sorted(by_entry.items(), key=lambda item: (-item[1], item[0]))[:3]
    v4, v6 = counts(found)
    cause = f"needs {v4} IPv4 and {v6} IPv6 rules, the quota is {quota}; the most are of "
    cause += ", ".join(f"{entry} ({number})" for entry, number in most)
    cure = "write approximate: wider in these entries, name a prefix list by id in egress_aws.references, or have AWS"
    return PolicyError("egress_aws.rules", cause, f"{cure} raise the quota and set egress_aws.rules")


def _description(entries: Sequence[str], opening: Opening) -> str:
    """The entries, and why and whose the first one is."""
    about = f": {opening.reason}" if opening.reason else ""
    owner = f" ({opening.owner})" if opening.owner else ""
    return _UNFIT.sub("_", f"{', '.join(entries)}{about}{owner}")[:_DESCRIPTION_MAX]
