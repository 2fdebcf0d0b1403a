# Copyright: (c) 2026, the tidegate developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""From a host's variables to its resolved policy, with every error at once."""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping, Sequence
from dataclasses import replace
from functools import partial
from itertools import islice
from typing import Any, cast

from ansible_collections.tidegate.nftables.plugins.module_utils.table_names import RESOLVER_USER
from ansible_collections.tidegate.nftables.plugins.plugin_utils.policy.proving.advice import advise
from ansible_collections.tidegate.nftables.plugins.plugin_utils.policy.proving.ceilings import Ceiling
from ansible_collections.tidegate.nftables.plugins.plugin_utils.policy.proving.policy_tests import failed_tests
from ansible_collections.tidegate.nftables.plugins.plugin_utils.policy.reading import (
    containers,
    known,
    lists,
    ntp_pool,
    proxy,
    reviewed,
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
from ansible_collections.tidegate.nftables.plugins.plugin_utils.policy.resolving.resolve import (
    Resolver,
    order,
    own_addresses,
)

from .errors import ErrorReport, Origins, variable
from .model import Entry, EntryKind, Inventory, PolicyTest, Tier
from .resolved import ExpiredEntry, ResolvedEntry, ResolvedPolicy, ResolvedProxy

_BASE = "egress_allow_base"
_ALLOW, _RAISE, _TESTS = "egress_allow_", "egress_ceiling_raise_", "egress_tests_"
_MOST_PROXIES = 16
Variables = Mapping[str, Any]
ResolvedPairs = list[tuple[Entry, ResolvedEntry]]
"""Each entry as it is written, for the place of errors, and resolved."""


def build(
    host_variables: Variables,
    inventory: Inventory,
    today: dt.date | None = None,
    origins: Origins | None = None,
    *,
    check_tests: bool = True,
) -> ResolvedPolicy:
    """Return the policy of inventory.host.

    host_variables: the host's templated variables by name; those that do not begin with egress_ are ignored, except
    ansible_port.
    today: the day for `expires`, in UTC, by default the present one.
    origins: where a value is written, as a mapping of variable names or a callable that takes a path such as
    ("egress_allow_pci", 0, "to", 1).
    check_tests: whether a policy test that fails is an error. If not, ask `failed_tests`.
    Raise PolicyErrors with all errors.
    """
    report = ErrorReport(origins or {})
    mode = settings.read_mode(report, host_variables)
    if mode == "absent":
        # Removing the policy must not depend on the policy being right.
        path = root.read(report, host_variables)
        report.raise_errors()
        origins_of_variables = reviewed.origins(report, host_variables)
        return ResolvedPolicy(host=inventory.host, mode=mode, root=path, origins=origins_of_variables)
    variables.check_known(report, host_variables)
    context = Context(
        report=report,
        inventory=inventory,
        today=today or dt.datetime.now(dt.UTC).date(),
        definitions=settings.definitions(report, host_variables),
        require=settings.require(report, host_variables),
        known=known.own(report, host_variables),
        lists=prefix_lists.declared(host_variables),
        tiers=tiers.names(host_variables.get("egress_tiers")),
    )
    settings.check_definitions(context, host_variables)
    setting = settings.read(context, host_variables, mode or "observe")
    resolved = _resolve(context, host_variables, setting, check_tests)
    report.raise_errors()
    return replace(resolved, notices=tuple(report.notices))


def _resolve(context: Context, written: Variables, setting: HostSettings, check_tests: bool) -> ResolvedPolicy:
    resolver = Resolver(context, setting.internal, setting.nat64, setting.names)
    tier = _tier(context, written)
    current, expired = _entries(context, written, tier, setting)
    current = containers.without_unfiltered(context, current, setting.container_interfaces)
    pairs = _resolve_entries(resolver, current)
    resolved = _assemble(context, written, setting, resolver, pairs)
    resolved = replace(resolved, expired=(*(_expired(context, entry) for entry in expired), *resolved.expired))
    if tier is not None:
        resolved = replace(resolved, ceilings=(tier.inside, tier.outside))
        Ceiling(context.report, tier, setting.internal, setting.nat64).check(pairs)
    tests = lists.unique(
        context,
        [test for name in variables.topics(written, _TESTS) for test in lists.read(context, written, name, parse_test)],
    )
    resolved = _with_tests(context, resolver, resolved, tests, expired if check_tests else None)
    advise(context.report, resolved, pairs, context.today)
    return resolved


def _assemble(
    context: Context, written: Variables, setting: HostSettings, resolver: Resolver, pairs: ResolvedPairs
) -> ResolvedPolicy:
    never = [resolver.never(entry) for entry in lists.read(context, written, "egress_never", parse_never)]
    quiet = [resolver.quiet(entry) for entry in lists.read(context, written, "egress_deny_quietly", parse_quiet)]
    bridges = setting.container_interfaces
    inbound, expired = _inbound(context, written, resolver)
    return ResolvedPolicy(
        host=context.inventory.host,
        mode=setting.mode,
        tier=str(written.get("egress_tier")),
        entries=order(entry for _written, entry in pairs if "host" in entry.for_),
        containers=order(entry for _written, entry in pairs if "containers" in entry.for_) if bridges else None,
        container_interfaces=bridges,
        never=tuple(entry for entry in never if entry.addresses),
        quiet=tuple(grant for grant in quiet if grant.addresses),
        inbound=inbound,
        dns=resolver.addresses(setting.dns),
        host_dns=setting.host_dns,
        dns_users=(RESOLVER_USER,) if setting.names.by_resolver else None,
        ntp=resolver.addresses(setting.ntp),
        floor=setting.floor,
        own=own_addresses(context.inventory, context.inventory.host),
        internal=setting.internal,
        internal_translated=resolver.translate(setting.internal),
        internet=resolver.internet,
        outside=resolver.outside,
        missing_users=setting.missing_users,
        ansible_port=setting.ansible_port,
        max_removed=setting.max_removed,
        commit_confirm=setting.commit_confirm,
        enforcement=setting.enforcement,
        drift=setting.drift,
        names=setting.names,
        proxy=_proxy(setting, resolver),
        root=setting.root,
        sight=setting.sight,
        expired=tuple(_expired(context, entry) for entry in expired),
        require=context.require,
        list_options=reviewed.list_options(written),
        beside=reviewed.beside(written),
        origins=reviewed.origins(context.report, written),
    )


def _proxy(setting: HostSettings, resolver: Resolver) -> ResolvedProxy | None:
    if not setting.names.by_proxy:
        return None
    each = [resolver.addresses([server]) for server in setting.proxy.servers]
    machines = dict.fromkeys(address for server in each for address in server.each())
    return ResolvedProxy(
        addresses=tuple(islice(machines, _MOST_PROXIES)),
        port=setting.proxy.port,
        configured=setting.proxy.configured,
        direct=setting.proxy.direct,
    )


def _with_tests(
    context: Context,
    resolver: Resolver,
    resolved: ResolvedPolicy,
    tests: Sequence[PolicyTest],
    expired: Sequence[Entry] | None,
) -> ResolvedPolicy:
    """Return the policy with its tests; those that fail are errors, unless they fail only because an entry expired.

    expired: the entries past their last day; None: do not check the tests.
    """
    pairs = [(test.place, resolver.test(test)) for test in tests]
    resolved = replace(resolved, tests=tuple(test for _place, test in pairs if test is not None))
    places = {test: place for place, test in pairs if test is not None}
    # Of a policy that can only be read in part, most tests would fail.
    if context.report.errors or expired is None:
        return resolved
    silent = replace(resolver, context=replace(context, report=ErrorReport()))
    expired_entries = [entry for _written, entry in _resolve_entries(silent, expired) if "host" in entry.for_]
    before = replace(resolved, entries=(*resolved.entries, *expired_entries))
    always = {failed.test for failed in failed_tests(before)}
    for failed in failed_tests(resolved):
        if failed.test in always:
            context.report.error(places[failed.test], str(failed), "correct the policy or the test")
        else:
            context.report.notice("expired", places[failed.test], f"{failed}; the entry for it has expired")
    return resolved


def _tier(context: Context, written: Variables) -> Tier | None:
    place = variable("egress_tier")
    if written.get("egress_tier") is None:
        fix = "name a tier: web, app, database, bastion, build or one of your own"
        context.report.error(place, "is not set", fix)
        return None
    tier = tiers.load(context, place, written["egress_tier"], written.get("egress_tiers"))
    if tier is None or written.get("egress_internal_services") is None:
        return tier
    services_place = variable("egress_internal_services")
    allowed = tiers.internal_services(context, services_place, written["egress_internal_services"])
    return replace(tier, internal_services=allowed)


def _entries(
    context: Context, written: Variables, tier: Tier | None, setting: HostSettings
) -> tuple[list[Entry], list[Entry]]:
    """Return every entry of the host, each name once: those that apply, and those past their last day."""
    entries: list[Entry] = [] if tier is None else [*_tier_internal(context, tier, written), *tier.allow]
    if setting.ntp_pool and "ntp" in setting.floor:
        entries.append(ntp_pool.entry())
    allow = [name for name in variables.topics(written, _ALLOW) if name != _BASE]
    if setting.names.by_proxy and setting.proxy.servers:
        entries.append(proxy.entry(setting.proxy))
    topics: tuple[tuple[EntryKind, list[str]], ...] = (
        ("base", [_BASE]),
        ("allow", allow),
        ("raise", variables.topics(written, _RAISE)),
    )
    for kind, names in topics:
        for name in names:
            entries.extend(lists.read(context, written, name, partial(parse_entry, kind=kind)))
    return _split_expired(context, lists.unique(context, entries))


def _split_expired(context: Context, entries: Sequence[Entry]) -> tuple[list[Entry], list[Entry]]:
    """Return the entries that apply, and those past their last day. A date must not stop a deploy: it is a notice."""
    current: list[Entry] = []
    expired: list[Entry] = []
    for entry in entries:
        if entry.expires is None or entry.expires >= context.today:
            current.append(entry)
            continue
        expired.append(entry)
        text = f"is left out: it expired on {entry.expires.isoformat()}"
        context.report.notice("expired", entry.place, text)
    return current, expired


def _tier_internal(context: Context, tier: Tier, written: Variables) -> list[Entry]:
    """Return the tier's entry to `internal`; none when there are no services for it."""
    if not tier.internal_services:
        return []
    place = variable("egress_internal_services" if written.get("egress_internal_services") else "egress_tier")
    data = {"name": "tier-internal", "to": ["internal"], "services": list(tier.internal_services)}
    entry = parse_entry(context, place, data, "tier")
    return [entry] if entry else []


def _inbound(
    context: Context, written: Variables, resolver: Resolver
) -> tuple[tuple[ResolvedEntry, ...] | None, Sequence[Entry]]:
    """Return what may come in, and the expired entries about it.

    None when inbound traffic is not filtered, as by the empty list of role defaults.
    """
    if not written.get("egress_inbound_allow"):
        return None, ()
    entries = lists.read(context, written, "egress_inbound_allow", partial(parse_entry, kind="inbound"))
    current, expired = _split_expired(context, lists.unique(context, entries))
    return order(entry for _written, entry in _resolve_entries(resolver, current)), expired


def _expired(context: Context, entry: Entry) -> ExpiredEntry:
    origin = context.report.origin(entry.place)
    expires = cast("dt.date", entry.expires)  # what has none is never past it
    return ExpiredEntry(name=entry.name, expires=expires, inbound=entry.kind == "inbound", origin=origin)


def _resolve_entries(resolver: Resolver, entries: Sequence[Entry]) -> ResolvedPairs:
    """Return the entries that open something, as written and resolved."""
    pairs = [(entry, resolver.entry(entry)) for entry in entries]
    return [(entry, resolved) for entry, resolved in pairs if resolved is not None]
