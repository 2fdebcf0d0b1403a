# Copyright: (c) 2026, the tidegate developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""From the flows that a host's rules accept to entries of a policy, never wider than the rules are."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import reduce
from typing import Any

from ansible_collections.tidegate.nftables.plugins.module_utils import protocols
from ansible_collections.tidegate.nftables.plugins.module_utils.table_names import TABLE_TEXT
from ansible_collections.tidegate.nftables.plugins.plugin_utils.entry_yaml import service_name
from ansible_collections.tidegate.nftables.plugins.plugin_utils.plural import count
from ansible_collections.tidegate.nftables.plugins.plugin_utils.policy.proving.floor import services_of
from ansible_collections.tidegate.nftables.plugins.plugin_utils.policy.sets import addresses, services
from ansible_collections.tidegate.nftables.plugins.plugin_utils.policy.sets.addresses import EVERYTHING, AddressSet

from .conditions import PORTED
from .model import FirewallTable, FlowSet
from .walk import accepted_flows, is_everything, through_both

_MAX_SERVICES = 24
"""Services that one entry names; more are the rest of a rule that rejects a few."""

_COMMENTS = (re.compile(r'--comment "?(?P<name>[^"]+?)"?(?: -|$)'), re.compile(r' "(?P<name>[^"]+)"$'))
_WHOLE = {"0.0.0.0/0": "any-ipv4", "::/0": "any-ipv6"}
_MAPPED = addresses.interval(6, 0xFFFF << 32, (0xFFFF << 32) + 0xFFFFFFFF)
"""::ffff:0:0/96, which is never on the wire, so that entries cannot name it (RFC 4291)."""

_ALL = {"services": "any", "any": True, "widest": {"ipv4": 0, "ipv6": 0}, "most": {"ipv4": 0, "ipv6": 0}}
UNBOUND: Mapping[str, Any] = {
    "egress_mode": "observe",
    "egress_tier": "adopted",
    "egress_tiers": {"adopted": {"ceiling": {"internal": _ALL, "external": _ALL}}},
}
"""The policy of a host that has none yet: it allows every entry that is well formed."""


@dataclass(frozen=True)
class Draft:
    """The draft of one host's policy.

    entries: ready to use. held: (entry, reason) of those that would be wider than the rules. sentences: what the rules
    really let through. unknown: rules that could not be read, or only in part.
    """

    entries: tuple[dict[str, Any], ...]
    held: tuple[tuple[dict[str, Any], str], ...]
    sentences: tuple[str, ...]
    unknown: tuple[str, ...]


def draft(tables: Sequence[FirewallTable], unread: Sequence[str] = (), *, own: bool = False) -> Draft:
    """Return the draft for the tables of one host; every packet goes through all of them.

    own: whether the role's own table is loaded, which is not among them.
    """
    chains = [(table, base) for table in tables for base in table.bases]
    unknown = [*unread, *(text for table in tables for text in table.unread)]
    if not chains:
        return Draft((), (), (_without_rules(own=own, unread=bool(unknown)),), tuple(unknown))
    accepted_by_chain, narrowed = [], list[str]()
    for table, base in chains:
        accepted, narrower = accepted_flows(table, base)
        accepted_by_chain.append(accepted)
        narrowed += [f"narrower than its rule: {text}" for text in narrower]
    passed = reduce(through_both, accepted_by_chain)
    everything = [flows for flows in passed if is_everything(flows)]
    groups = _groups(flows for flows in passed if not is_everything(flows))
    messages = [group for group in groups if _is_about_messages(group)]
    names: set[str] = set()
    drafted = [_entry(group, names) for group in groups if group not in messages]
    known = {group.rule for group in groups}
    return Draft(
        tuple(entry for entry, reason in drafted if not reason),
        tuple((entry, reason) for entry, reason in drafted if reason),
        (*_everything(everything), *_messages(messages), *narrowed),
        tuple(dict.fromkeys([*unknown, *(text for rule, text in _doubtful(tables) if rule not in known)])),
    )


def _without_rules(*, own: bool, unread: bool) -> str:
    """Return what is known of a host where no rule filters; own and unread limit what can be said."""
    readable = " that can be read" if unread else ""
    beside = f" beside the role's own table {TABLE_TEXT}" if own else ""
    conclusion = "" if own or unread else ": it reaches everything"
    return f"no rule{readable}{beside} filters what this host sends{conclusion}"


def _doubtful(tables: Sequence[FirewallTable]) -> list[tuple[str, str]]:
    """Return (rule, the rule with its doubts) of rules about output with conditions that entries cannot express."""
    return [
        (rule.text, f"{rule.text} (asks for {', '.join(rule.flows.doubts)})")
        for table in tables
        for rule in table.reachable_rules()
        if rule.flows is not None and rule.flows.doubts and rule.verdict
    ]


def _everything(accepted: Iterable[FlowSet]) -> list[str]:
    """Return a sentence about each rule that makes all others pointless."""
    by_rule: dict[str, AddressSet] = {}
    for flows in accepted:
        by_rule[flows.rule] = by_rule.get(flows.rule, addresses.NOTHING) | flows.addresses
    sentences = []
    for rule, reached in by_rule.items():
        families = [name for name, part in (("IPv4", reached.v4), ("IPv6", reached.v6)) if part]
        over = " and ".join(families)
        sentences.append(f"everything over {over} passes, because of {rule}; no entry is drafted from it")
    return sentences


def _groups(accepted: Iterable[FlowSet]) -> list[FlowSet]:
    """Return the flows joined where the same rule accepts them: first equal services, then equal addresses."""
    by_services: dict[Any, FlowSet] = {}
    for flows in accepted:
        key = (flows.rule, flows.users, flows.doubts, flows.services)
        known = by_services.get(key)
        by_services[key] = flows if known is None else replace(known, addresses=known.addresses | flows.addresses)
    by_addresses: dict[Any, FlowSet] = {}
    for flows in by_services.values():
        place = (flows.rule, flows.users, flows.doubts, flows.addresses)
        known = by_addresses.get(place)
        by_addresses[place] = flows if known is None else replace(known, services=known.services | flows.services)
    return list(by_addresses.values())


def _is_about_messages(group: FlowSet) -> bool:
    """Return whether it is about some messages of ICMP; a policy only has ICMP as a whole."""
    return group.services <= services.ICMP_BOTH and any(
        ports != services.WHOLE for ports in group.services.protocols().values()
    )


def _messages(groups: Sequence[FlowSet]) -> list[str]:
    on_the_floor = services_of("icmp-errors", "neighbours", "memberships")
    beyond = [group.rule for group in groups if not group.services <= on_the_floor]
    sentences = []
    if covered := len(groups) - len(beyond):
        sentences.append(
            f"the floor of every policy covers {count(covered, 'rule')} about ICMP errors and neighbour discovery"
        )
    if beyond:
        more = f" and {len(beyond) - 1} more" if len(beyond) > 1 else ""
        sentences.append(f"no entry is drafted from {beyond[0]}{more}: entries have icmp as a whole, not its types")
    return sentences


def _entry(group: FlowSet, names: set[str]) -> tuple[dict[str, Any], str]:
    """Return an entry, and why it is held back, "" when it is not."""
    to, excepted = _destinations(group.addresses)
    texts, reason = _services(group)
    entry: dict[str, Any] = {"name": _name(group, texts, to, names), "to": to}
    if excepted:
        entry["except"] = excepted
    entry["services"] = texts
    if group.users is not None:
        entry["users"] = sorted(group.users)
    entry["reason"] = f"adopted: {group.rule}"
    doubts = f"the rule asks for {', '.join(group.doubts)}" if group.doubts else ""
    return entry, "; ".join(text for text in (doubts, reason) if text)


def _destinations(reached: AddressSet) -> tuple[list[str], list[str]]:
    """Return (to, except): for each family its elements, or one network and exceptions where that is shorter."""
    if reached == EVERYTHING:
        return ["any"], []
    to, excepted = list[str](), list[str]()
    for version in (4, 6):
        texts = reached.elements(version)
        network = _smallest_network(reached, version)
        rest = (network - reached - _MAPPED).elements(version)
        shorter = len(texts) > 1 and len(rest) <= len(texts)
        to += network.elements(version) if shorter else texts
        excepted += rest if shorter else []
    return to, excepted


def _smallest_network(reached: AddressSet, version: int) -> AddressSet:
    """Return the smallest network around all addresses of one family."""
    stretches = reached.family(version)
    if not stretches:
        return addresses.NOTHING
    first, last = stretches[0][0], stretches[-1][1]
    bits = (first ^ last).bit_length()
    return addresses.interval(version, first >> bits << bits, (first >> bits << bits) + (1 << bits) - 1)


def _services(group: FlowSet) -> tuple[list[str], str]:
    """Return the services as people write them, and what cannot be written."""
    if group.services == services.ANY:
        return ["any"], ""
    texts: list[str] = []
    reason = ""
    for number, ports in group.services.protocols().items():
        of_protocol = _of_protocol(number, ports, group.addresses)
        texts += [text for text in of_protocol if text not in texts]
        if not of_protocol:
            reason = "it is about a part of a protocol that a policy only has as a whole"
            texts += [f"proto/{number}"]
    if len(texts) > _MAX_SERVICES:
        return ["any"], "it is about everything but a few services; name the services that are needed instead"
    return texts, reason


def _of_protocol(number: int, ports: Iterable[tuple[int, int]], reached: AddressSet) -> list[str]:
    """Return the texts of one protocol; [] when there are none for these ports."""
    is_whole = tuple(ports) == services.WHOLE
    if number in (services.ICMP, services.ICMPV6):
        only = not (reached.v6 if number == services.ICMP else reached.v4)
        return [] if not is_whole else ["icmp"] if only else [f"proto/{number}"]
    name = next((name for name in PORTED if protocols.WITH_PORTS[name] == number), "")
    if not name:
        return [f"proto/{number}"] if is_whole else []
    return [_ports(name, max(first, 1), last) for first, last in ports if last]


def _ports(protocol: str, first: int, last: int) -> str:
    if first != last:
        return f"{protocol}/{first}-{last}"
    return service_name(f"{protocol}/{first}")


def _name(group: FlowSet, texts: list[str], to: list[str], names: set[str]) -> str:
    """Return a name that no other entry has: the rule's comment, else its first service and destination."""
    comment = next((match["name"] for form in _COMMENTS if (match := form.search(group.rule))), "")
    text = comment or f"{texts[0]}-{_WHOLE.get(to[0], to[0])}"
    stem = re.sub(r"[^A-Za-z0-9_-]+", "-", text).strip("-_")[:100] or "adopted"
    name, number = stem, 2
    while name in names:
        name, number = f"{stem}-{number}", number + 1
    names.add(name)
    return name
