# Copyright: (c) 2026, the tidegate developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Openings as rules of one AWS security group, within its quota of rules.

The quota (60 unless AWS raised it) holds for IPv4 and IPv6 separately. A rule with the id of a prefix list or group
counts in both, a prefix list by its weight (Amazon VPC quotas).
"""

from __future__ import annotations

import re
from bisect import bisect_right
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Literal

from ansible_collections.tidegate.nftables.plugins.module_utils import protocols
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

from .join_networks import Joinable, join

_NAMES = {protocols.TCP: "tcp", protocols.UDP: "udp", protocols.ICMP: "icmp", protocols.ICMPV6: "icmpv6"}
_OTHER_ICMP = {4: services.ICMPV6, 6: services.ICMP}
# Characters that a description cannot have (API reference of IpRange), and those that Terraform would interpolate.
_UNFIT = re.compile(r"[^a-zA-Z0-9 ._:/()#,@\[\]+=&;!*-]")
_DESCRIPTION_MAX = 255
_JOINED_MAX = 1000
"""Networks of one IP version above which joining neighbours is not tried: no group is near its quota with them."""


@dataclass(frozen=True, order=True)
class RuleKey:
    """A protocol in AWS's words, `-1` for all, and its ports: None where AWS takes none, -1 for all types of ICMP."""

    protocol: str
    first: int | None
    last: int | None
    services: ServiceSet = services.NONE


@dataclass(frozen=True, kw_only=True)
class SecurityGroupRule:
    """One rule. to: the network or id. weight: the rules that AWS counts it as."""

    key: RuleKey
    kind: Literal["ipv4", "ipv6", "prefix_list", "group"]
    to: str
    entries: tuple[str, ...]
    description: str
    weight: int = 1


@dataclass(frozen=True)
class AddressGroup:
    """Addresses with one key, by one or more entries. wider: the part that may be rendered wider."""

    key: RuleKey
    addresses: AddressSet
    openings: tuple[Opening, ...]
    wider: AddressSet = NOTHING


def security_group_rules(unit: Unit) -> tuple[list[SecurityGroupRule], tuple[TargetDifference, ...]]:
    """Return the rules, in a fixed order, and their differences from the policy. Raises PolicyErrors.

    Rules are made entry by entry where the quota allows, so that an edit changes the rules of one entry only. Else the
    networks of all entries with the same services are joined, and at last those of entries that may be wider.
    """
    quota = int(unit.settings.get("rules", 60))
    by_id = list(_rules_by_id(unit))
    by_entry = [
        AddressGroup(key, opening.addresses, (opening,), opening.addresses if opening.approximate == WIDER else NOTHING)
        for opening in unit.openings
        for key in keys(opening.services)
    ]
    left = quota - sum(rule.weight for rule in by_id)
    if _fits(by_entry, left):
        return _rules(by_entry) + by_id, ()
    joined = list(_joined(by_entry))
    if _fits(joined, left):
        return _rules(joined) + by_id, ()
    wide = _widened(joined, left, unit.never)
    if not _fits(wide, left):
        raise PolicyErrors((_too_many(wide, by_id, quota),))
    return _rules(wide) + by_id, tuple(_differences(joined, wide))


def keys(allowed: ServiceSet) -> Iterator[RuleKey]:
    """Yield the key of each rule that these services need."""
    if allowed == services.ANY:
        yield RuleKey("-1", None, None, services.ANY)
        return
    for number, ports in allowed.protocols().items():
        name = _NAMES.get(number, str(number))
        for first, last in ports:
            part = services.of_protocol(number, first, last)
            if number in (services.ICMP, services.ICMPV6):
                yield RuleKey(name, -1, -1, part)
            elif number in _NAMES:
                yield RuleKey(name, first, last, part)
            else:
                yield RuleKey(name, None, None, part)


def _rules_by_id(unit: Unit) -> Iterator[SecurityGroupRule]:
    """Yield rules for destinations that AWS knows by an id."""
    rules: dict[tuple[RuleKey, str], SecurityGroupRule] = {}
    for opening in unit.openings:
        for text in opening.references:
            known = unit.settings["references"][text]
            kind: Literal["group", "prefix_list"] = "group" if known["id"].startswith("sg-") else "prefix_list"
            for key in keys(opening.services):
                before = rules.get((key, known["id"]))
                entries = (*(before.entries if before else ()), opening.entry)
                rules[key, known["id"]] = SecurityGroupRule(
                    key=key,
                    kind=kind,
                    to=known["id"],
                    entries=entries,
                    description=_description(entries, opening),
                    weight=known["weight"],
                )
    yield from rules.values()


def _rules(groups: Iterable[AddressGroup]) -> list[SecurityGroupRule]:
    """Return one rule for each network; several entries share it, because AWS rejects an equal second rule."""
    rules: dict[tuple[RuleKey, str], SecurityGroupRule] = {}
    for group in groups:
        for version, address, length in _rendered(group):
            network = f"{addresses.to_text(version, address)}/{length}"
            before = rules.get((group.key, network))
            openings = [opening for opening in group.openings if _touches(opening.addresses, version, address, length)]
            names = (opening.entry for opening in openings)
            entries = tuple(dict.fromkeys((*(before.entries if before else ()), *names)))
            text = _description(entries, openings[0]) if len(entries) == 1 else ", ".join(entries)[:_DESCRIPTION_MAX]
            rules[group.key, network] = SecurityGroupRule(
                key=group.key,
                kind="ipv4" if version == 4 else "ipv6",
                to=network,
                entries=entries,
                description=text,
            )
    return list(rules.values())


def _touches(destinations: AddressSet, version: int, address: int, length: int) -> bool:
    """Return whether a part of the network is in the set."""
    held = destinations.family(version)
    last = address + (1 << (addresses.BITS[version] - length)) - 1
    at = bisect_right(held, last, key=lambda pair: pair[0]) - 1
    return at >= 0 and held[at][1] >= address


def _joined(groups: Sequence[AddressGroup]) -> Iterator[AddressGroup]:
    """Yield one group for each key."""
    by_key: dict[RuleKey, list[AddressGroup]] = {}
    for group in groups:
        by_key.setdefault(group.key, []).append(group)
    for key, same in by_key.items():
        yield AddressGroup(
            key,
            addresses.union(group.addresses for group in same),
            tuple(opening for group in same for opening in group.openings),
            addresses.union(group.wider for group in same),
        )


def _widened(groups: list[AddressGroup], quota: int, never: AddressSet) -> list[AddressGroup]:
    """Return the groups with as few additional addresses as bring them within the quota.

    Each step joins the two neighbours that cost the fewest addresses. never: addresses that no step opens.
    """
    widened = list(groups)
    for version in (4, 6):
        networks = [_networks(group, version) for group in widened]
        if not quota < sum(map(len, networks)) <= _JOINED_MAX:
            continue
        joinable = [
            Joinable(
                [(first, first + (1 << (addresses.BITS[version] - length)) - 1) for first, length in pairs],
                group.wider.family(version),
                (never - group.addresses).family(version),
            )
            for group, pairs in zip(widened, networks, strict=True)
        ]
        widened = [
            replace(group, addresses=group.addresses | (AddressSet(v4=more) if version == 4 else AddressSet(v6=more)))
            for group, more in zip(widened, join(joinable, quota), strict=True)
        ]
    return widened


def _networks(group: AddressGroup, version: int) -> list[tuple[int, int]]:
    """Return (first address, prefix length) of the networks of one version."""
    if group.key.services <= services.of_protocol(_OTHER_ICMP[version]):
        return []
    return [(address, length) for family, address, length in group.addresses.prefixes() if family == version]


def _differences(before: Sequence[AddressGroup], after: Sequence[AddressGroup]) -> Iterator[TargetDifference]:
    for old, new in zip(before, after, strict=True):
        more = new.addresses - old.addresses
        if more:
            networks = map(addresses.parse, new.addresses.cidrs())
            grown = addresses.union(network for network in networks if network & more)
            names = dict.fromkeys(
                opening.entry for opening in old.openings if opening.approximate == WIDER and opening.addresses & grown
            )
            yield TargetDifference(
                entry=", ".join(names),
                direction=WIDER,
                why="its networks are joined to keep the quota of rules",
                addresses=more,
                services=new.key.services,
            )


def _fits(groups: Iterable[AddressGroup], quota: int) -> bool:
    """Return whether neither IP version needs more rules; looks at no more networks than it takes to know."""
    rules: dict[int, set[tuple[RuleKey, int, int]]] = {4: set(), 6: set()}
    for group in groups:
        for version, address, length in _rendered(group):
            rules[version].add((group.key, address, length))
            if len(rules[version]) > quota:
                return False
    return quota >= 0


def _rendered(group: AddressGroup) -> Iterator[tuple[int, int, int]]:
    """Yield (IP version, address, prefix length) of each network that becomes a rule: ICMP has its own version."""
    without = {version for version in (4, 6) if group.key.services <= services.of_protocol(_OTHER_ICMP[version])}
    return (network for network in group.addresses.prefixes() if network[0] not in without)


def counts(rules: Sequence[SecurityGroupRule]) -> tuple[int, int]:
    """Return the rules that AWS counts, (for IPv4, for IPv6)."""
    v4 = sum(rule.weight for rule in rules if rule.kind != "ipv6")
    return v4, sum(rule.weight for rule in rules if rule.kind != "ipv4")


def _too_many(groups: Sequence[AddressGroup], by_id: Sequence[SecurityGroupRule], quota: int) -> PolicyError:
    """Return the error that names the entries with the most rules. groups: one for each key."""
    v4, v6 = counts(by_id)
    by_entry: Counter[str] = Counter()
    for rule in by_id:
        by_entry.update(dict.fromkeys(rule.entries, rule.weight))
    for group in groups:
        networks = list(_rendered(group))
        v4 += sum(version == 4 for version, _address, _length in networks)
        v6 += sum(version == 6 for version, _address, _length in networks)
        by_name: dict[str, list[AddressSet]] = {}
        for opening in group.openings:
            by_name.setdefault(opening.entry, []).append(opening.addresses)
        for name, several in by_name.items():
            own = addresses.union(several)
            by_entry[name] += sum(_touches(own, *network) for network in networks)
    most = sorted(by_entry.items(), key=lambda item: (-item[1], item[0]))[:3]
    cause = f"needs {v4} IPv4 and {v6} IPv6 rules, the quota is {quota}; most are for "
    cause += ", ".join(f"{entry} ({number})" for entry, number in most)
    fix = "write approximate: wider in these entries, name a prefix list by id in egress_aws.references, or have AWS"
    return PolicyError("egress_aws.rules", cause, f"{fix} raise the quota and set egress_aws.rules")


def _description(entries: Sequence[str], opening: Opening) -> str:
    """Return the names of the entries, with reason and owner of the first."""
    reason = f": {opening.reason}" if opening.reason else ""
    owner = f" ({opening.owner})" if opening.owner else ""
    return _UNFIT.sub("_", f"{', '.join(entries)}{reason}{owner}")[:_DESCRIPTION_MAX]
