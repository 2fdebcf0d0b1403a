# Copyright: (c) 2026, the tidegate developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""From a host's variables to its resolved policy, with every error at once."""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping, Sequence
from dataclasses import replace
from functools import partial
from typing import Any

from ansible_collections.tidegate.nftables.plugins.plugin_utils.policy.proving.advice import advise
from ansible_collections.tidegate.nftables.plugins.plugin_utils.policy.proving.ceilings import Ceiling
from ansible_collections.tidegate.nftables.plugins.plugin_utils.policy.proving.policy_tests import failed_tests
from ansible_collections.tidegate.nftables.plugins.plugin_utils.policy.reading import (
    containers,
    lists,
    ntp_pool,
    root,
    settings,
    tiers,
    variables,
)
from ansible_collections.tidegate.nftables.plugins.plugin_utils.policy.reading.context import Context
from ansible_collections.tidegate.nftables.plugins.plugin_utils.policy.reading.entries import (
    parse_entry,
    parse_never,
    parse_quiet,
    parse_test,
)
from ansible_collections.tidegate.nftables.plugins.plugin_utils.policy.reading.settings import HostSettings
from ansible_collections.tidegate.nftables.plugins.plugin_utils.policy.resolving import prefix_lists
from ansible_collections.tidegate.nftables.plugins.plugin_utils.policy.resolving.resolve import Resolver, order

from .errors import ErrorReport, Origins, Place, variable
from .model import Entry, Inventory, PolicyTest, Tier
from .resolved import ResolvedEntry, ResolvedPolicy

_BASE = "egress_allow_base"
_ALLOW, _RAISE, _TESTS = "egress_allow_", "egress_ceiling_raise_", "egress_tests_"
Variables = Mapping[str, Any]
PlacedEntries = list[tuple[Place, ResolvedEntry]]


def build(
    host_variables: Variables,
    inventory: Inventory,
    today: dt.date | None = None,
    origins: Origins | None = None,
    *,
    check_tests: bool = True,
) -> ResolvedPolicy:
    """The policy of inventory.host.

    host_variables: the host's templated variables by name; those that do not begin with egress_ are ignored, but for
    ansible_port. today: the day for `expires`, in UTC, by default the present one. origins: says where a value was
    written, as a mapping of variable names or a callable that takes a path such as ("egress_allow_pci", 0, "to", 1).
    judge: are tests that are not true of the policy errors? If not, ask `failed_tests`.
    Raises PolicyErrors with everything that is wrong, tests that are not true of the policy among it.
    """
    report = ErrorReport(origins or {})
    mode = settings.read_mode(report, host_variables)
    if mode == "absent":
        # Taking the policy away must not depend on the policy being right.
        path = root.read(report, host_variables)
        report.raise_errors()
        return ResolvedPolicy(inventory.host, mode, root=path)
    variables.check_known(report, host_variables)
    context = Context(
        report,
        inventory,
        today or dt.datetime.now(dt.UTC).date(),
        settings.definitions(report, host_variables),
        settings.require(report, host_variables),
        prefix_lists.declared(host_variables),
        tiers.names(host_variables.get("egress_tiers")),
    )
    settings.check_definitions(context, host_variables)
    resolved = _resolve(context, host_variables, settings.read(context, host_variables, mode or "observe"), check_tests)
    report.raise_errors()
    return replace(resolved, notices=tuple(report.notices))


def _resolve(context: Context, given: Variables, setting: HostSettings, check_tests: bool) -> ResolvedPolicy:
    resolver = Resolver(context, setting.internal, setting.nat64)
    tier = _tier(context, given)
    current, expired = _entries(context, given, tier, setting)
    current = containers.held(context, current, setting.container_interfaces)
    entries = _placed(resolver, current)
    resolved = _together(context, given, setting, resolver, entries)
    if tier is not None:
        Ceiling(context.report, tier, setting.internal, setting.nat64).check(entries)
    tests = lists.once(
        context,
        [one for name in variables.topics(given, _TESTS) for one in lists.read(context, given, name, parse_test)],
    )
    resolved = _tested(context, resolver, resolved, tests, expired if check_tests else None)
    advise(context.report, resolved, entries, context.today)
    return resolved


def _together(
    context: Context, given: Variables, setting: HostSettings, resolver: Resolver, entries: PlacedEntries
) -> ResolvedPolicy:
    never = [resolver.never(entry) for entry in lists.read(context, given, "egress_never", parse_never)]
    quiet = [resolver.quiet(entry) for entry in lists.read(context, given, "egress_deny_quietly", parse_quiet)]
    bridges = setting.container_interfaces
    return ResolvedPolicy(
        host=context.inventory.host,
        mode=setting.mode,
        tier=str(given.get("egress_tier")),
        entries=order(entry for _place, entry in entries if "host" in entry.for_),
        containers=order(entry for _place, entry in entries if "containers" in entry.for_) if bridges else None,
        container_interfaces=bridges,
        never=tuple(one for one in never if one.addresses),
        quiet=tuple(one for one in quiet if one.addresses),
        inbound=_inbound(context, given, resolver),
        dns=resolver.addresses(setting.dns),
        host_dns=setting.host_dns,
        ntp=resolver.addresses(setting.ntp),
        floor=setting.floor,
        internal=setting.internal,
        internet=resolver.internet,
        outside=resolver.outside,
        missing_users=setting.missing_users,
        ansible_port=setting.ansible_port,
        max_removed=setting.max_removed,
        commit_confirm=setting.commit_confirm,
        enforcement=setting.enforcement,
        drift=setting.drift,
        root=setting.root,
    )


def _tested(
    context: Context,
    resolver: Resolver,
    resolved: ResolvedPolicy,
    tests: Sequence[PolicyTest],
    expired: Sequence[Entry] | None,
) -> ResolvedPolicy:
    """The policy with its tests; those that are not true of it are errors, unless only a date made them so.

    expired: the entries past their day; None: nobody wants to know whether the tests are true.
    """
    found = [(test.place, resolver.test(test)) for test in tests]
    resolved = replace(resolved, tests=tuple(test for _place, test in found if test is not None))
    places = {test: place for place, test in found if test is not None}
    # Of a policy that could only be read in part, most tests would be untrue.
    if context.report.errors or expired is None:
        return resolved
    unheard = Resolver(replace(context, report=ErrorReport()), resolver.internal, resolver.nat64)
    over = [entry for _place, entry in _placed(unheard, expired) if "host" in entry.for_]
    before = replace(resolved, entries=(*resolved.entries, *over))
    always = {failed.test for failed in failed_tests(before)}
    for failed in failed_tests(resolved):
        if failed.test in always:
            context.report.error(places[failed.test], str(failed), "mend the policy or the test")
        else:
            context.report.notice("expired", places[failed.test], f"{failed}; the entry for it has expired")
    return resolved


def _tier(context: Context, given: Variables) -> Tier | None:
    place = variable("egress_tier")
    if given.get("egress_tier") is None:
        context.report.error(place, "is not set", "name it: web, app, database, bastion, build or one of your own")
        return None
    tier = tiers.load(context, place, given["egress_tier"], given.get("egress_tiers"))
    if tier is None or given.get("egress_internal_services") is None:
        return tier
    at = variable("egress_internal_services")
    return replace(tier, internal_services=tiers.internal_services(context, at, given["egress_internal_services"]))


def _entries(
    context: Context, given: Variables, tier: Tier | None, setting: HostSettings
) -> tuple[list[Entry], list[Entry]]:
    """Every entry of the host, each name once: those that hold, and those past their day."""
    found: list[Entry] = [] if tier is None else [*_tier_internal(context, tier, given), *tier.allow]
    if setting.ntp_pool and "ntp" in setting.floor:
        found.append(ntp_pool.entry())
    allow = [name for name in variables.topics(given, _ALLOW) if name != _BASE]
    for kind, names in (("base", [_BASE]), ("allow", allow), ("raise", variables.topics(given, _RAISE))):
        for name in names:
            found.extend(lists.read(context, given, name, partial(parse_entry, kind=kind)))
    entries = lists.once(context, found)
    expired = [entry for entry in entries if _expired(context, entry)]
    return [entry for entry in entries if entry not in expired], expired


def _tier_internal(context: Context, tier: Tier, given: Variables) -> list[Entry]:
    """The tier's entry to `internal`; none when there are no services for it."""
    if not tier.internal_services:
        return []
    place = variable("egress_internal_services" if given.get("egress_internal_services") else "egress_tier")
    written = {"name": "tier-internal", "to": ["internal"], "services": list(tier.internal_services)}
    entry = parse_entry(context, place, written, "tier")
    return [entry] if entry else []


def _inbound(context: Context, given: Variables, resolver: Resolver) -> tuple[ResolvedEntry, ...] | None:
    """None when the inbound chain is off, which an empty list is, too: role defaults write it."""
    if not given.get("egress_inbound_allow"):
        return None
    entries = lists.once(
        context, lists.read(context, given, "egress_inbound_allow", partial(parse_entry, kind="inbound"))
    )
    kept = [entry for entry in entries if not _expired(context, entry)]
    return order(entry for _place, entry in _placed(resolver, kept))


def _placed(resolver: Resolver, entries: Sequence[Entry]) -> PlacedEntries:
    """The entries that open something, with the places of their errors."""
    found = [(entry.place, resolver.entry(entry)) for entry in entries]
    return [(place, entry) for place, entry in found if entry is not None]


def _expired(context: Context, entry: Entry) -> bool:
    """Is the entry past its day? Said, but never an error: a date must not stop a deploy."""
    if entry.expires is None or entry.expires >= context.today:
        return False
    context.report.notice("expired", entry.place, f"is left out: it expired on {entry.expires.isoformat()}")
    return True
