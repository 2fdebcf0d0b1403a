# Copyright: (c) 2026, the tidegate developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What people decided about refused flows, with reason and date: a variable, so it lives in the repository."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from ansible_collections.tidegate.nftables.plugins.module_utils import domain_names
from ansible_collections.tidegate.nftables.plugins.module_utils.domain_names import DomainNameError, Pattern
from ansible_collections.tidegate.nftables.plugins.plugin_utils.errors import ControllerError
from ansible_collections.tidegate.nftables.plugins.plugin_utils.policy.errors import TextError
from ansible_collections.tidegate.nftables.plugins.plugin_utils.policy.sets import addresses, services
from ansible_collections.tidegate.nftables.plugins.plugin_utils.policy.sets.addresses import AddressSet
from ansible_collections.tidegate.nftables.plugins.plugin_utils.policy.sets.services import ServiceSet

IGNORED = "egress_suggest_ignored"
_KEYS = ("to", "services", "reason", "date", "until")


class DecisionError(ControllerError):
    """A decision that cannot be used."""

    reason = "bad_decision"


@dataclass(frozen=True, kw_only=True)
class Ignored:
    """Refused flows that people decided not to allow. date: of the decision; until: its last day, None for no end.

    names: that proxies are asked for.
    """

    addresses: AddressSet
    names: tuple[Pattern, ...] = ()
    services: ServiceSet
    reason: str
    date: dt.date
    until: dt.date | None = None

    def covers(self, destinations: Iterable[str], protocol: int, port: int | None) -> bool:
        """Return whether the decision is about a service of all of these destinations."""
        return self.services.contains(protocol, port or 0) and all(map(self._covers, destinations))

    def _covers(self, destination: str) -> bool:
        if domain_names.is_name(destination):
            return any(domain_names.matches(pattern, destination) for pattern in self.names)
        return destination in self.addresses

    @property
    def text(self) -> str:
        """The decision in words."""
        end = f", until {self.until}" if self.until else ""
        return f"ignored on {self.date}{end}: {self.reason}"


def current(variables: Mapping[str, Any], template: Callable[[Any], Any]) -> list[Ignored]:
    """Return the decisions of a host's variables that hold today. Raise DecisionError."""
    return ignored(template(variables.get(IGNORED)), dt.datetime.now(dt.UTC).date())


def ignored(value: Any, today: dt.date) -> list[Ignored]:
    """Return the decisions in egress_suggest_ignored that still hold. Raise DecisionError."""
    decisions = [_ignored(item, f"{IGNORED}[{place}]") for place, item in enumerate(items(value, IGNORED))]
    return [each for each in decisions if each.until is None or each.until >= today]


def items(value: Any, name: str) -> Sequence[Any]:
    """Return the items of a variable, [] when it is not set. Raise DecisionError for what is no list."""
    if value is None:
        return []
    if not isinstance(value, list | tuple):
        raise DecisionError(f"{name} is not a list. Fix: write one item for each decision.")
    return value


def _ignored(item: Any, place: str) -> Ignored:
    read = mapping(item, place, _KEYS, ("to", "reason", "date"))
    written = read["to"] if isinstance(read["to"], list | tuple) else [read["to"]]
    try:
        texts = [str(text) for text in written]
        names = tuple(domain_names.parse(text) for text in texts if domain_names.is_name(text.partition("/")[0]))
        reached = addresses.union(
            addresses.parse(text) for text in texts if not domain_names.is_name(text.partition("/")[0])
        )
        spoken = services.ANY if read.get("services") is None else _services(read["services"])
    except (TextError, DomainNameError, KeyError) as error:
        raise DecisionError(
            f"{place}: {error}. Nothing was judged. Fix: write addresses or domain names, and services."
        ) from error
    return Ignored(
        addresses=reached,
        names=names,
        services=spoken,
        reason=text(read["reason"], f"{place}.reason"),
        date=date(read["date"], f"{place}.date"),
        until=None if read.get("until") is None else date(read["until"], f"{place}.until"),
    )


def mapping(item: Any, place: str, keys: Sequence[str], required: Sequence[str]) -> Mapping[str, Any]:
    """Return a decision whose keys are known. Raise DecisionError."""
    if not isinstance(item, Mapping):
        raise DecisionError(f"{place} is not a mapping. Fix: write {', '.join(required)}.")
    for key in item:
        if key not in keys:
            raise DecisionError(f"{place} has the unknown key {key}. Fix: the keys are {', '.join(keys)}.")
    for key in required:
        if item.get(key) in (None, ""):
            raise DecisionError(f"{place} has no {key}. Fix: a decision needs {' and '.join(required[1:])}.")
    return item


def date(value: Any, place: str) -> dt.date:
    """Return a day. Raise DecisionError."""
    if isinstance(value, dt.datetime):
        return value.date()
    if isinstance(value, dt.date):
        return value
    try:
        return dt.date.fromisoformat(str(value))
    except ValueError:
        raise DecisionError(f'{place}: "{value}" is not a day. Fix: write it as 2026-11-30.') from None


def text(value: Any, place: str) -> str:
    """Return a text that says something. Raise DecisionError."""
    if not isinstance(value, str) or not value.strip():
        raise DecisionError(f"{place} is not a text. Fix: say why, in a sentence.")
    return value.strip()


def _services(value: Any) -> ServiceSet:
    service_set = ServiceSet()
    for name in value if isinstance(value, list | tuple) else [value]:
        literal = services.parse_literal(str(name))
        service_set |= services.expand(services.catalogue(), str(name)) if literal is None else literal
    return service_set
