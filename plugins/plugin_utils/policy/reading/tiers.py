# Copyright: (c) 2026, the tidegate developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Tier profiles: the shipped ones are data files, a user's own are written in egress_tiers."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from ansible_collections.tidegate.nftables.plugins.plugin_utils.policy.errors import Place, variable
from ansible_collections.tidegate.nftables.plugins.plugin_utils.policy.model import CeilingSide, Entry, Tier
from ansible_collections.tidegate.nftables.plugins.plugin_utils.policy.sets import datafiles, services

from . import hints, values
from .context import Context
from .entries import label, parse_entry

_KEYS = ("about", "extends", "internal_services", "allow", "ceiling")
_REALM_KEYS = ("services", "any", "widest", "most", "never")
_FAMILIES = {"ipv4": 32, "ipv6": 128}


def names(own: Any) -> tuple[str, ...]:
    """The tiers that are shipped, and those of egress_tiers, well written or not."""
    written = own if isinstance(own, Mapping) else {}
    return tuple(sorted({*datafiles.names("tiers"), *(key for key in written if isinstance(key, str))}))


def load(context: Context, place: Place, name: Any, own: Any) -> Tier | None:
    """The tier of this name. place: where the name stands; own: egress_tiers. None after an error."""
    at = variable("egress_tiers")
    if not isinstance(own, (Mapping, type(None))):
        context.report.error(at, "is no mapping", "write NAME: {extends: app, …}")
    written = own if isinstance(own, Mapping) else {}
    for key in written:
        if not isinstance(key, str):
            context.report.error(at, f"{values.show(key)} is read by YAML as {values.kind(key)}", "write it in quotes")
    return _load(context, place, name, {key: tier for key, tier in written.items() if isinstance(key, str)}, ())


def _load(context: Context, place: Place, name: Any, own: Mapping[str, Any], above: tuple[str, ...]) -> Tier | None:
    known = {*datafiles.names("tiers"), *own}
    if not isinstance(name, str) or name not in known:
        context.report.error(place, f"unknown tier {values.show(name)}", hints.did_you_mean(str(name), known, "tiers"))
        return None
    if above and name == above[-1] and name in datafiles.names("tiers"):
        # `web: {extends: web}` changes the shipped tier.
        own = {}
    if name in above and name in own:
        context.report.error(place, f"the tiers {' -> '.join((*above, name))} extend each other in a circle")
        return None
    if name not in own:
        shipped = Place(("data", "tiers", name), f"tier {name}")
        return _read(context, shipped, name, datafiles.load(f"tiers/{name}"), None)
    at = variable("egress_tiers").key(str(name))
    given = values.mapping(context.report, at, own[name], _KEYS)
    if given is None:
        return None
    if "extends" not in given:
        if "ceiling" not in given:
            context.report.error(at, "has no ceiling", "write one, or extends: with a tier whose ceiling it takes")
            return None
        return _read(context, at, name, given, None)
    parent = _load(context, at.key("extends"), given["extends"], own, (*above, name))
    return None if parent is None else _read(context, at, name, given, parent)


def _read(context: Context, place: Place, name: str, given: Mapping[str, Any], parent: Tier | None) -> Tier | None:
    base = parent or Tier(name, (), (), CeilingSide(), CeilingSide())
    errors = len(context.report.errors)
    internal = base.internal_services
    if "internal_services" in given:
        internal = internal_services(context, place.key("internal_services"), given["internal_services"])
    allow = _allow(context, place.key("allow"), given.get("allow", []), base.allow)
    inside, outside = base.inside, base.outside
    if "ceiling" in given:
        at = place.key("ceiling")
        ceiling = values.mapping(context.report, at, given["ceiling"], ("internal", "external")) or {}
        inside = _realm(context, at.key("internal"), ceiling.get("internal", {}), inside)
        outside = _realm(context, at.key("external"), ceiling.get("external", {}), outside)
    if len(context.report.errors) > errors:
        return None
    return Tier(name, internal, allow, inside, outside)


def internal_services(context: Context, place: Place, value: Any) -> tuple[str, ...]:
    """What the tier's entry to `internal` may speak; an empty list means that there is no such entry."""
    if isinstance(value, (list, tuple)) and not value:
        return ()
    found = context.services(place, value)
    return found[1] if found else ()


def _allow(context: Context, place: Place, value: Any, inherited: tuple[Entry, ...]) -> tuple[Entry, ...]:
    """The tier's own entries; one of the same name as an inherited one replaces it."""
    own: list[Entry] = []
    for at, item in values.items(context.report, place, value) or []:
        named = Place(at.path, f"{place.text}[{label(item)}]") if label(item) else at
        entry = parse_entry(context, named, item, "tier")
        if entry is not None:
            own.append(entry)
    names = {entry.name for entry in own}
    return (*(entry for entry in inherited if entry.name not in names), *own)


def _realm(context: Context, place: Place, value: Any, inherited: CeilingSide) -> CeilingSide:
    """One side of a ceiling; what it does not say stays as inherited."""
    given = values.mapping(context.report, place, value, _REALM_KEYS) or {}
    changes: dict[str, Any] = {}
    if "services" in given:
        changes["services"] = _realm_services(context, place.key("services"), given["services"])
    if "any" in given:
        changes["whole"] = values.boolean(context.report, place.key("any"), given["any"])
    for key, old in (("widest", inherited.widest), ("most", inherited.most)):
        if key in given:
            changes[key] = _lengths(context, place.key(key), given[key], old)
    if "never" in given:
        changes["never"] = _classes(context, place.key("never"), given["never"])
    return replace(inherited, **changes)


def _realm_services(context: Context, place: Place, value: Any) -> services.ServiceSet | None:
    if value == "none" or (isinstance(value, (list, tuple)) and not value):
        return None
    found = context.services(place, value)
    return found[0] if found else None


def _lengths(context: Context, place: Place, value: Any, old: tuple[int, int]) -> tuple[int, int]:
    """Prefix lengths {ipv4: 12, ipv6: 24}; the one that is not named stays."""
    given = values.mapping(context.report, place, value, tuple(_FAMILIES)) or {}
    for key, length in given.items():
        if not isinstance(length, int) or isinstance(length, bool) or not 0 <= length <= _FAMILIES[key]:
            context.report.error(place.key(key), f"{values.show(length)} is no prefix length of {key}")
            return old
    return int(given.get("ipv4", old[0])), int(given.get("ipv6", old[1]))


def _classes(context: Context, place: Place, value: Any) -> tuple[str, ...]:
    known = {row["class"] for row in datafiles.load("services").values()}
    found = [
        values.choice(context.report, at, item, known) for at, item in values.items(context.report, place, value) or []
    ]
    return tuple(one for one in found if one is not None)
