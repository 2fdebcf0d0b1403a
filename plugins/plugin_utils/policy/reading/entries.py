# Copyright: (c) 2026, the tidegate developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Reads entries: what is allowed, what never is, and the policy tests."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from ansible_collections.tidegate.nftables.plugins.plugin_utils.policy.errors import Place
from ansible_collections.tidegate.nftables.plugins.plugin_utils.policy.model import (
    Approximation,
    Destination,
    DestinationKind,
    Entry,
    EntryKind,
    NeverEntry,
    PolicyTest,
    Sender,
)
from ansible_collections.tidegate.nftables.plugins.plugin_utils.policy.sets import services
from ansible_collections.tidegate.nftables.plugins.plugin_utils.policy.sets.services import ServiceSet

from . import destinations, known, values
from .context import Context

KEEP = ("used", "ttl")
"""Whether new connections to an address of a name renew it, or only answers do."""
APPROXIMATE: tuple[Approximation, ...] = ("wider", "narrower")
_SENDERS: tuple[Sender, ...] = ("host", "containers")
_ABOUT = ("reason", "owner")
_ENTRY = (
    "name",
    "to",
    "services",
    "except",
    "users",
    "units",
    "for",
    *_ABOUT,
    "expires",
    "review_by",
    "optional",
    "approximate",
    "within",
    "keep",
)
# kind of entry -> (its keys, those it must have)
KEYS: Mapping[EntryKind, tuple[tuple[str, ...], tuple[str, ...]]] = {
    "base": (_ENTRY, ("name", "to", "services")),
    "tier": (_ENTRY, ("name", "to", "services")),
    "allow": (_ENTRY, ("name", "to", "services")),
    "raise": (_ENTRY, ("name", "to", "services", "reason", "owner", "review_by")),
    "inbound": (
        ("name", "from", "services", "except", *_ABOUT, "expires", "review_by", "optional"),
        ("name", "from", "services"),
    ),
}
_NEVER_KEYS = ("to", "except", "services", "except_users", "except_units", *_ABOUT)
_QUIET_KEYS = ("to", "except", "services", *_ABOUT)
_TEST_KEYS = ("name", "reach", "not_reach", "except", "services", "user", "unit")
# The name is a part of set names and the comment of rules (128 characters, nft's limit), so no more than this.
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9_-]*")
_NAME_MAX = 128


def label(value: Any) -> str | None:
    """Return an entry's name for messages about it; None when it has no usable one."""
    name = value.get("name") if isinstance(value, Mapping) else None
    return str(name) if isinstance(name, str) and _NAME.fullmatch(name) else None


def parse_entry(context: Context, place: Place, value: Any, kind: EntryKind) -> Entry | None:
    """Read one entry of an allow list. None after an error."""
    keys, required = KEYS[kind]
    if kind in ("base", "allow", "raise", "inbound"):
        required = (*required, *(key for key in context.require if key not in required))
    errors = context.report.error_count
    if _is_bundle(value):
        required = tuple(key for key in required if key != "services")
    written = values.mapping(context.report, place, value, keys, required)
    if written is None:
        return None
    name = entry_name(context, place, written)
    inbound = kind == "inbound"
    to, except_ = _destinations(context, place, written, "from" if inbound else "to", names=not inbound)
    bundled = _bundled(context, place, to or ())
    to = None if to is None else tuple(part for each in to for part in _expanded(context, each))
    allowed = _services(context, place, written) if "services" in written else bundled
    if allowed is None and "services" not in written and context.report.error_count == errors:
        context.report.error(place, "services is missing", "write it: the bundles in to do not have any")
    users = _users(context, place, written, "users")
    units = _units(context, place, written, "units")
    senders = _senders(context, place, written)
    within = _within(context, place, written, to)
    optional = _optional_keys(context, place, written)
    if context.report.error_count > errors or name is None or to is None or except_ is None or allowed is None:
        return None
    return Entry(
        name=name,
        kind=kind,
        place=place,
        to=to,
        except_=except_,
        services=allowed[0],
        service_texts=allowed[1],
        users=users,
        units=units,
        for_=senders,
        within=within,
        raw=(kind, value),
        **optional,
    )


def _is_bundle(value: Any) -> bool:
    """Tell whether an entry names bundles alone, which say what to speak with them."""
    to = value.get("to") if isinstance(value, Mapping) else None
    texts = to if isinstance(to, list) else [to]
    return bool(texts) and all(isinstance(text, str) and text.strip().startswith(known.PREFIX) for text in texts)


def _bundled(context: Context, place: Place, to: tuple[Destination, ...]) -> tuple[ServiceSet, tuple[str, ...]] | None:
    """Return the services of an entry to bundles that has none of its own. None where there are none, an error."""
    bundles = [known.find(context.known, each.value) for each in to if each.kind == "known"]
    texts = list(dict.fromkeys(text for bundle in bundles if bundle for text in bundle.services))
    return context.services(place.key("to"), texts) if texts and None not in bundles else None


def _expanded(context: Context, destination: Destination) -> tuple[Destination, ...]:
    """Return what a bundle stands for; every other destination as it is."""
    if destination.kind != "known":
        return (destination,)
    bundle = known.find(context.known, destination.value)
    if bundle is None:
        context.report.error(destination.place, *known.unknown(context.known, destination.value))
        return (destination,)
    if bundle.read is not None and context.today - bundle.read > known.OLD:
        text = f"{destination.text} is of {bundle.read.isoformat()}: look whether its names are still the provider's"
        context.report.notice("known_old", destination.place, text)
    parts: tuple[tuple[DestinationKind, tuple[str, ...]], ...] = (
        ("name", bundle.names),
        ("prefix_list", bundle.prefix_lists),
    )
    return tuple(
        Destination(kind=kind, text=destination.text, value=value, place=destination.place)
        for kind, several in parts
        for value in several
    )


def parse_never(context: Context, place: Place, value: Any) -> NeverEntry | None:
    """Read one entry of egress_never; without services it applies to all of them. None after an error."""
    return _parse_closed(context, place, value, _NEVER_KEYS)


def parse_quiet(context: Context, place: Place, value: Any) -> NeverEntry | None:
    """Read one entry of egress_deny_quietly: rejected like everything else, but kept out of the ledger."""
    return _parse_closed(context, place, value, _QUIET_KEYS)


def _parse_closed(context: Context, place: Place, value: Any, keys: tuple[str, ...]) -> NeverEntry | None:
    errors = context.report.error_count
    written = values.mapping(context.report, place, value, keys, ("to",))
    if written is None:
        return None
    to, except_ = _destinations(context, place, written, "to")
    closed = _services(context, place, written) if "services" in written else (services.ANY, ())
    users = _users(context, place, written, "except_users")
    units = _units(context, place, written, "except_units")
    about = _texts(context, place, written)
    if context.report.error_count > errors or to is None or except_ is None or closed is None:
        return None
    return NeverEntry(
        place=place,
        to=to,
        except_=except_,
        services=closed[0],
        except_users=users or (),
        except_units=units or (),
        reason=about.get("reason", ""),
    )


def parse_test(context: Context, place: Place, value: Any) -> PolicyTest | None:
    """Read one entry of egress_tests_TOPIC: exactly one of reach and not_reach. None after an error."""
    errors = context.report.error_count
    written = values.mapping(context.report, place, value, _TEST_KEYS, ("name", "services"))
    if written is None:
        return None
    ways = [key for key in ("reach", "not_reach") if key in written]
    if len(ways) != 1:
        cause = "has both reach and not_reach" if ways else "has neither reach nor not_reach"
        context.report.error(place, cause, "write exactly one of them")
    name = entry_name(context, place, written)
    to, except_ = _destinations(context, place, written, ways[0] if ways else "reach")
    tested = _services(context, place, written)
    users = _users(context, place, written, "user") or ()
    units = _units(context, place, written, "unit") or ()
    for key, several in (("user", users), ("unit", units)):
        if len(several) > 1:
            context.report.error(place.key(key), f"names several {key}s", "write one test for each")
    if context.report.error_count > errors or name is None or to is None or except_ is None or tested is None:
        return None
    return PolicyTest(
        name=name,
        place=place,
        reach=ways[0] == "reach",
        to=to,
        except_=except_,
        services=tested[0],
        user=users[0] if users else None,
        unit=units[0] if units else None,
        raw=value,
    )


def entry_name(context: Context, place: Place, written: Mapping[str, Any]) -> str | None:
    """Read a name that nft takes as a part of a set's name and as a comment. None after an error."""
    name_place = place.key("name")
    name = values.text(context.report, name_place, written["name"]) if "name" in written else None
    if name is None:
        return None
    if len(name) > _NAME_MAX:
        cause = f"has {len(name)} characters; nft takes at most {_NAME_MAX} as the comment of a rule"
        context.report.error(name_place, cause, "shorten it")
        return None
    if not _NAME.fullmatch(name):
        fix = "use letters, digits, - and _, and begin with a letter or digit"
        context.report.error(name_place, f"{values.show(name)} is not a name", fix)
        return None
    return name


def _services(context: Context, place: Place, written: Mapping[str, Any]) -> tuple[ServiceSet, tuple[str, ...]] | None:
    return context.services(place.key("services"), written["services"]) if "services" in written else None


def _users(context: Context, place: Place, written: Mapping[str, Any], key: str) -> tuple[str, ...] | None:
    return values.users(context.report, place.key(key), written[key]) if key in written else None


def _units(context: Context, place: Place, written: Mapping[str, Any], key: str) -> tuple[str, ...] | None:
    return values.units(context.report, place.key(key), written[key]) if key in written else None


def _destinations(
    context: Context, place: Place, written: Mapping[str, Any], to_key: str, *, names: bool = False
) -> tuple[tuple[Destination, ...] | None, tuple[Destination, ...] | None]:
    """Read the key with the destinations, and `except`."""
    to, except_ = (
        destinations.parse_all(context.report, context.inventory, place.key(key), written[key], names=names)
        if key in written
        else ()
        for key, names in ((to_key, names), ("except", False))
    )
    return to, except_


def _within(
    context: Context, place: Place, written: Mapping[str, Any], to: tuple[Destination, ...] | None
) -> tuple[Destination, ...]:
    """Read `within`: the networks that the names of the entry may lead to. Like `keep`, it is about names alone."""
    if to is not None and not any(each.kind == "name" for each in to):
        for key in ("within", "keep"):
            if key in written:
                context.report.error(place.key(key), "is about domain names, and to has none", "remove it")
    if "within" not in written:
        return ()
    within = destinations.parse_all(context.report, context.inventory, place.key("within"), written["within"]) or ()
    for each in within:
        if each.kind == "prefix_list" or each.value == "any":
            fix = "write networks such as 10.0.0.0/8, hosts:PATTERN or internal"
            context.report.error(each.place, f'"{each.text}" bounds no name', fix)
    return within


def _senders(context: Context, place: Place, written: Mapping[str, Any]) -> tuple[Sender, ...]:
    """Read `for`: whose packets the entry is about, those of the host unless it says otherwise."""
    if "for" not in written:
        return ("host",)
    for_place = place.key("for")
    elements = values.items(context.report, for_place, written["for"])
    if elements == []:
        context.report.error(for_place, "is an empty list", "write for: [host], or leave the key out")
    senders = {
        sender
        for element_place, item in elements or []
        if (sender := values.choice(context.report, element_place, item, _SENDERS)) is not None
    }
    for key in ("users", "units"):
        if "containers" in senders and key in written:
            cause = f"the kernel does not know the {key} of forwarded packets"
            context.report.error(place.key(key), cause, f"write a separate entry for the containers, without {key}")
    return tuple(sender for sender in _SENDERS if sender in senders)


def _optional_keys(context: Context, place: Place, written: Mapping[str, Any]) -> dict[str, Any]:
    """Read the keys that are optional and simple."""
    read: dict[str, Any] = dict(_texts(context, place, written))
    for key in ("expires", "review_by"):
        if key in written:
            read[key] = values.date(context.report, place.key(key), written[key])
    if "approximate" in written:
        key_place = place.key("approximate")
        read["approximate"] = values.choice(context.report, key_place, written["approximate"], APPROXIMATE) or ""
    if "keep" in written:
        read["keep"] = values.choice(context.report, place.key("keep"), written["keep"], KEEP) or ""
    if "optional" in written:
        read["optional"] = bool(values.boolean(context.report, place.key("optional"), written["optional"]))
    return read


def _texts(context: Context, place: Place, written: Mapping[str, Any]) -> dict[str, str]:
    read = {key: values.text(context.report, place.key(key), written[key]) for key in _ABOUT if key in written}
    return {key: text for key, text in read.items() if text is not None}
