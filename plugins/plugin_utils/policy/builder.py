# Copyright: (c) 2026, the tidegate developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""From a host's variables to its resolved policy, with every error at once."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable, Mapping
from dataclasses import replace
from functools import partial
from typing import Any, TypeVar

from ansible_collections.tidegate.nftables.plugins.plugin_utils.policy import settings, tiers, values, variables
from ansible_collections.tidegate.nftables.plugins.plugin_utils.policy.ceilings import check_ceiling
from ansible_collections.tidegate.nftables.plugins.plugin_utils.policy.context import Context
from ansible_collections.tidegate.nftables.plugins.plugin_utils.policy.entries import (
    label,
    parse_entry,
    parse_never,
    parse_test,
)
from ansible_collections.tidegate.nftables.plugins.plugin_utils.policy.errors import Origins, Place, Report, variable
from ansible_collections.tidegate.nftables.plugins.plugin_utils.policy.model import Entry, ReachTest, Tier, World
from ansible_collections.tidegate.nftables.plugins.plugin_utils.policy.resolve import Resolver, order
from ansible_collections.tidegate.nftables.plugins.plugin_utils.policy.resolved import Resolved, ResolvedEntry
from ansible_collections.tidegate.nftables.plugins.plugin_utils.policy.settings import Settings
from ansible_collections.tidegate.nftables.plugins.plugin_utils.policy.words import lookup

Named = TypeVar("Named", bound=Entry | ReachTest)
_BASE = "egress_allow_base"


def build(
    host_variables: Mapping[str, Any],
    world: World,
    today: dt.date | None = None,
    origins: Origins | None = None,
) -> Resolved:
    """The policy of world.host.

    host_variables: the host's templated variables by name; those that do not begin with egress_ are ignored, but for
    ansible_port. today: the day for `expires`, in UTC, by default the present one. origins: says where a value was
    written, as a mapping of variable names or a callable that takes a path such as ("egress_allow_pci", 0, "to", 1).
    Raises PolicyErrors with everything that is wrong.
    """
    report = Report(origins or {})
    mode = settings.read_mode(report, host_variables)
    if mode == "absent":
        # Taking the policy away must not depend on the policy being right.
        return Resolved(world.host, mode)
    variables.check_known(report, host_variables)
    context = Context(
        report,
        world,
        today or dt.datetime.now(dt.UTC).date(),
        settings.definitions(report, host_variables),
        settings.require(report, host_variables),
    )
    settings.check_definitions(context, host_variables)
    resolved = _resolve(context, host_variables, mode or "observe")
    report.raise_errors()
    return replace(resolved, notices=tuple(report.notices))


def _resolve(context: Context, given: Mapping[str, Any], mode: str) -> Resolved:
    setting = settings.read(context, given, mode)
    tier = _tier(context, given)
    if mode == "enforce" and not setting.internal:
        cure = "name your networks, such as [10.0.0.0/8]; observe does without"
        context.report.error(variable("egress_internal_networks"), "is needed to enforce", cure)
    resolver = Resolver(context, setting.internal)
    entries = _entries(context, given, tier)
    resolved = tuple(found for found in (resolver.entry(entry) for entry in entries) if found is not None)
    if tier is not None:
        check_ceiling(context.report, tier, setting, resolved)
    return _together(context, given, setting, resolver, resolved)


def _together(
    context: Context,
    given: Mapping[str, Any],
    setting: Settings,
    resolver: Resolver,
    resolved: tuple[ResolvedEntry, ...],
) -> Resolved:
    never = _list(context, given, "egress_never", parse_never)
    tests = _merged(context, given, variables.topics(given, "egress_tests_"), parse_test)
    inbound = _inbound(context, given, resolver)
    return Resolved(
        host=context.world.host,
        mode=setting.mode,
        tier=str(given.get("egress_tier")),
        entries=order(resolved),
        never=tuple(one for one in (resolver.never(entry) for entry in never) if one.addresses),
        tests=tuple(one for one in (resolver.test(test) for test in tests) if one is not None),
        inbound=inbound,
        dns=resolver.addresses(setting.dns),
        ntp=resolver.addresses(setting.ntp),
        floor=setting.floor,
        internal=setting.internal,
        internet=lookup("internet", setting.internal),
        missing_users=setting.missing_users,
        ansible_port=setting.ansible_port,
    )


def _tier(context: Context, given: Mapping[str, Any]) -> Tier | None:
    place = variable("egress_tier")
    if given.get("egress_tier") is None:
        context.report.error(place, "is not set", "name it: web, app, database, bastion, build or one of your own")
        return None
    tier = tiers.load(context, place, given["egress_tier"], given.get("egress_tiers"))
    if tier is None or given.get("egress_internal_services") is None:
        return tier
    at = variable("egress_internal_services")
    return replace(tier, internal_services=tiers.internal_services(context, at, given["egress_internal_services"]))


def _entries(context: Context, given: Mapping[str, Any], tier: Tier | None) -> list[Entry]:
    """Every entry of the host that is not past its day, each name once."""
    found: list[Entry] = [] if tier is None else [*_tier_internal(context, tier, given), *tier.allow]
    allow, ceiling = variables.topics(given, "egress_allow_"), variables.topics(given, "egress_ceiling_raise_")
    for kind, names in (("base", [_BASE]), ("allow", [name for name in allow if name != _BASE]), ("raise", ceiling)):
        for name in names:
            found.extend(_list(context, given, name, partial(parse_entry, kind=kind)))
    return [entry for entry in _once(context, found) if not _expired(context, entry)]


def _tier_internal(context: Context, tier: Tier, given: Mapping[str, Any]) -> list[Entry]:
    """The tier's entry to `internal`; none when there are no services for it."""
    if not tier.internal_services:
        return []
    place = variable("egress_internal_services" if given.get("egress_internal_services") else "egress_tier")
    written = {"name": "tier-internal", "to": ["internal"], "services": list(tier.internal_services)}
    entry = parse_entry(context, place, written, "tier")
    return [entry] if entry else []


def _inbound(context: Context, given: Mapping[str, Any], resolver: Resolver) -> tuple[ResolvedEntry, ...] | None:
    """None when the inbound chain is off, which an empty list is, too: role defaults write it."""
    if not given.get("egress_inbound_allow"):
        return None
    entries = _list(context, given, "egress_inbound_allow", partial(parse_entry, kind="inbound"))
    kept = [entry for entry in _once(context, entries) if not _expired(context, entry)]
    return order(found for found in (resolver.entry(entry) for entry in kept) if found is not None)


Parsed = TypeVar("Parsed")


def _list(
    context: Context,
    given: Mapping[str, Any],
    name: str,
    parse: Callable[[Context, Place, Any], Parsed | None],
) -> list[Parsed]:
    """The elements of one list variable that could be read; an empty `egress_allow_app:` is no entry."""
    place, value = variable(name), given.get(name)
    if value is None:
        return []
    if not isinstance(value, (list, tuple)):
        cause = f"is {values.kind(value)} where a list of entries belongs"
        context.report.error(place, cause, "begin each entry with a dash")
        return []
    parsed = (parse(context, place.index(index, label(item)), item) for index, item in enumerate(value))
    return [one for one in parsed if one is not None]


def _merged(
    context: Context,
    given: Mapping[str, Any],
    names: list[str],
    parse: Callable[[Context, Place, Any], Named | None],
) -> list[Named]:
    return _once(context, [one for name in names for one in _list(context, given, name, parse)])


def _once(context: Context, entries: list[Named]) -> list[Named]:
    """Each name once. The same entry in two groups is one entry; another entry of the same name is a mistake."""
    by_name: dict[str, Named] = {}
    for entry in entries:
        first = by_name.setdefault(entry.name, entry)
        if first is not entry and first.raw != entry.raw:
            cause = f"the name {entry.name} is taken by another entry ({first.place.text})"
            context.report.error(entry.place, cause, "give one of them another name")
    return list(by_name.values())


def _expired(context: Context, entry: Entry) -> bool:
    """Is the entry past its day? Said, but never an error: a date must not stop a deploy."""
    if entry.expires is None or entry.expires >= context.today:
        return False
    context.report.notice("expired", entry.place, f"is left out: it expired on {entry.expires.isoformat()}")
    return True
