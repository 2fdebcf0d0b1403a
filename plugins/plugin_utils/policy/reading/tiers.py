# Copyright: (c) 2026, the tidegate developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Reads tier profiles: the shipped ones are data files, a user's own are written in egress_tiers."""

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
_SIDE_KEYS = ("services", "any", "widest", "most", "never", "wildcards")
_FAMILIES = {"ipv4": 32, "ipv6": 128}


def names(own: Any) -> tuple[str, ...]:
    """Return the names of the tiers that are shipped and of those in egress_tiers, with errors or not."""
    written = own if isinstance(own, Mapping) else {}
    return tuple(sorted({*datafiles.names("tiers"), *(key for key in written if isinstance(key, str))}))


def load(context: Context, place: Place, name: Any, own: Any) -> Tier | None:
    """Return the tier of this name. None after an error. place: where the name is written. own: egress_tiers."""
    tiers_place = variable("egress_tiers")
    if not isinstance(own, (Mapping, type(None))):
        context.report.error(tiers_place, "is not a mapping", "write NAME: {extends: app, …}")
    written = own if isinstance(own, Mapping) else {}
    for key in written:
        if not isinstance(key, str):
            cause = f"YAML reads {values.show(key)} as {values.kind(key)}"
            context.report.error(tiers_place, cause, "write it in quotes")
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
        cause = f"the tiers extend each other in a circle: {' -> '.join((*above, name))}"
        context.report.error(place, cause, "let one of them extend a shipped tier")
        return None
    if name not in own:
        shipped = Place(("data", "tiers", name), f"tier {name}")
        return _read(context, shipped, name, datafiles.load(f"tiers/{name}"), None)
    tier_place = variable("egress_tiers").key(str(name))
    written = values.mapping(context.report, tier_place, own[name], _KEYS)
    if written is None:
        return None
    if "extends" not in written:
        if "ceiling" not in written:
            fix = "write one, or extends: with the name of a tier to take it from"
            context.report.error(tier_place, "has no ceiling", fix)
            return None
        return _read(context, tier_place, name, written, None)
    parent = _load(context, tier_place.key("extends"), written["extends"], own, (*above, name))
    return None if parent is None else _read(context, tier_place, name, written, parent)


def _read(context: Context, place: Place, name: str, written: Mapping[str, Any], parent: Tier | None) -> Tier | None:
    base = parent or Tier(name=name)
    errors = context.report.error_count
    internal = base.internal_services
    if "internal_services" in written:
        internal = internal_services(context, place.key("internal_services"), written["internal_services"])
    allow = _allow(context, place.key("allow"), written["allow"]) if "allow" in written else base.allow
    inside, outside = base.inside, base.outside
    if "ceiling" in written:
        ceiling_place = place.key("ceiling")
        ceiling = values.mapping(context.report, ceiling_place, written["ceiling"], ("internal", "external")) or {}
        inside = _side(context, ceiling_place.key("internal"), ceiling.get("internal", {}), inside)
        outside = _side(context, ceiling_place.key("external"), ceiling.get("external", {}), outside)
    if context.report.error_count > errors:
        return None
    return Tier(name=name, internal_services=internal, allow=allow, inside=inside, outside=outside)


def internal_services(context: Context, place: Place, value: Any) -> tuple[str, ...]:
    """Read the services of the tier's entry to `internal`; an empty list means that there is no such entry."""
    if isinstance(value, (list, tuple)) and not value:
        return ()
    allowed = context.services(place, value)
    return allowed[1] if allowed else ()


def _allow(context: Context, place: Place, value: Any) -> tuple[Entry, ...]:
    """Return the tier's own entries; like every other key of a tier they replace those of the tier it extends."""
    own: list[Entry] = []
    for element_place, item in values.items(context.report, place, value) or []:
        entry_place = Place(element_place.path, f"{place.text}[{label(item)}]") if label(item) else element_place
        entry = parse_entry(context, entry_place, item, "tier")
        if entry is not None:
            own.append(entry)
    return tuple(own)


def _side(context: Context, place: Place, value: Any, inherited: CeilingSide) -> CeilingSide:
    """Read one side of a ceiling; a key that is not written stays as inherited."""
    written = values.mapping(context.report, place, value, _SIDE_KEYS) or {}
    changes: dict[str, Any] = {}
    if "services" in written:
        changes["services"] = _side_services(context, place.key("services"), written["services"])
    for key, field in (("any", "whole"), ("wildcards", "wildcards")):
        if key in written:
            changes[field] = values.boolean(context.report, place.key(key), written[key])
    for key, old in (("widest", inherited.widest), ("most", inherited.most)):
        if key in written:
            changes[key] = _lengths(context, place.key(key), written[key], old)
    if "never" in written:
        changes["never"] = _classes(context, place.key("never"), written["never"])
    return replace(inherited, **changes)


def _side_services(context: Context, place: Place, value: Any) -> services.ServiceSet | None:
    if value == "none" or (isinstance(value, (list, tuple)) and not value):
        return None
    allowed = context.services(place, value)
    return allowed[0] if allowed else None


def _lengths(context: Context, place: Place, value: Any, old: tuple[int, int]) -> tuple[int, int]:
    """Read prefix lengths {ipv4: 12, ipv6: 24}; one that is not written stays."""
    written = values.mapping(context.report, place, value, tuple(_FAMILIES)) or {}
    for key, length in written.items():
        if not isinstance(length, int) or isinstance(length, bool) or not 0 <= length <= _FAMILIES[key]:
            cause = f"{values.show(length)} is not a prefix length"
            context.report.error(place.key(key), cause, f"write a number from 0 to {_FAMILIES[key]}")
            return old
    return int(written.get("ipv4", old[0])), int(written.get("ipv6", old[1]))


def _classes(context: Context, place: Place, value: Any) -> tuple[str, ...]:
    known = {row["class"] for row in datafiles.load("services").values()}
    elements = values.items(context.report, place, value) or []
    classes = [values.choice(context.report, element_place, item, known) for element_place, item in elements]
    return tuple(name for name in classes if name is not None)
