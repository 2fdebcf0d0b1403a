# Copyright: (c) 2026, the tidegate developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Records of many hosts as what a tier talked to: one line for each destination, service and user."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import reduce
from typing import Any

from ansible_collections.tidegate.nftables.plugins.module_utils import domain_names, protocols
from ansible_collections.tidegate.nftables.plugins.plugin_utils.policy.sets import services

REFUSED = ("rejected", "would_reject")
"""Decisions of what the policy does not allow."""
_OPEN = ("unlisted", "never", "entry", "names")
"""Causes of what no entry, or none for this user, allows now."""


@dataclass(frozen=True, kw_only=True)
class Seen:
    """What hosts of a tier sent to one destination, or to several.

    destinations: addresses, or names that a proxy was asked for. protocol: its number; port: as in a record. user: name
    or uid, "" for no socket. hosts: who sent it. packets: how many altogether, requests where nobody counted packets.
    first, last: seconds since 1970, 0 where no record has them.
    moments: the times of first and last packets, all that records know of when it was seen.
    answered: whether anything was answered; None where nobody knows.
    decisions, causes, nearest, names, policies: what the records have of each. named_by: names and who said each.
    """

    tier: str
    destinations: frozenset[str]
    protocol: int
    port: int | None
    user: str
    hosts: frozenset[str]
    packets: int
    moments: frozenset[int]
    answered: bool | None
    decisions: frozenset[str]
    causes: frozenset[str]
    nearest: frozenset[str] = frozenset()
    names: frozenset[str] = frozenset()
    named_by: frozenset[tuple[str, str]] = frozenset()
    policies: frozenset[str] = frozenset()

    def __or__(self, other: Seen) -> Seen:
        return Seen(
            tier=self.tier,
            destinations=self.destinations | other.destinations,
            protocol=self.protocol,
            port=self.port,
            user=self.user,
            hosts=self.hosts | other.hosts,
            packets=self.packets + other.packets,
            moments=self.moments | other.moments,
            answered=_either(self.answered, other.answered),
            decisions=self.decisions | other.decisions,
            causes=self.causes | other.causes,
            nearest=self.nearest | other.nearest,
            names=self.names | other.names,
            named_by=self.named_by | other.named_by,
            policies=self.policies | other.policies,
        )

    @property
    def addresses(self) -> frozenset[str]:
        """The destinations that are addresses."""
        return self.destinations - self.proxied

    @property
    def proxied(self) -> frozenset[str]:
        """The destinations that are names."""
        return frozenset(filter(domain_names.is_name, self.destinations))

    @property
    def service(self) -> str:
        """The service as a policy writes it, such as tcp/443."""
        return services.to_text(self.protocol, self.port)

    @property
    def first(self) -> int:
        """When it was first seen."""
        return min(self.moments, default=0)

    @property
    def last(self) -> int:
        """When it was last seen."""
        return max(self.moments, default=0)


def is_refused(record: Mapping[str, Any]) -> bool:
    """Return whether the policy still does not allow what it refused then."""
    return record["decision"] in REFUSED and record["cause"] in _OPEN and record["entry"] is None


def together(several: Iterable[Seen]) -> Seen:
    """Return all of them as one; they have the same tier, service and user."""
    return reduce(lambda one, other: one | other, several)


def by_destination(records: Iterable[Mapping[str, Any]]) -> list[Seen]:
    """Return records of the shape docs/schema/flow-1.json by tier, destination, service and user, in a fixed order."""
    by_key: dict[tuple[Any, ...], list[Mapping[str, Any]]] = {}
    for record in records:
        user = record["user"] or ("" if record["uid"] is None else str(record["uid"]))
        key = (record["tier"] or "", record["destination"], record["protocol"], record["port"], user)
        by_key.setdefault(key, []).append(record)
    return [
        _seen(key, alike) for key, alike in sorted(by_key.items(), key=lambda item: [str(part) for part in item[0]])
    ]


def _seen(key: tuple[Any, ...], alike: list[Mapping[str, Any]]) -> Seen:
    tier, destination, protocol, port, user = key
    answered = None
    for record in alike:
        answered = _either(answered, record["answered"])
    number = protocols.number(protocol)

    def every(name: str) -> frozenset[Any]:
        return frozenset(record[name] for record in alike if record[name])

    return Seen(
        tier=tier,
        destinations=frozenset([destination]),
        protocol=int(protocol) if number is None else number,
        port=port,
        user=user,
        hosts=every("host"),
        packets=sum(record["packets"] or record["flows"] or 0 for record in alike),
        moments=frozenset(record[name] for record in alike for name in ("first", "last") if record[name] is not None),
        answered=answered,
        decisions=every("decision"),
        causes=every("cause"),
        nearest=every("nearest"),
        names=every("name"),
        named_by=frozenset((record["name"], record["host"]) for record in alike if record["name"]),
        policies=every("policy"),
    )


def _either(one: bool | None, other: bool | None) -> bool | None:
    return other if one is None else one if other is None else one or other
