# Copyright: (c) 2026, the tidegate developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Reads entries: what is allowed, what never is, and the tests."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from ansible_collections.tidegate.nftables.plugins.plugin_utils.policy.errors import Place
from ansible_collections.tidegate.nftables.plugins.plugin_utils.policy.model import (
    Destination,
    Entry,
    NeverEntry,
    PolicyTest,
)
from ansible_collections.tidegate.nftables.plugins.plugin_utils.policy.sets import services
from ansible_collections.tidegate.nftables.plugins.plugin_utils.policy.sets.services import ServiceSet

from . import destinations, values
from .context import Context

APPROXIMATE = ("wider", "narrower")
_ABOUT = ("reason", "owner")
_ENTRY = (
    "name",
    "to",
    "services",
    "except",
    "users",
    "for",
    *_ABOUT,
    "expires",
    "review_by",
    "optional",
    "approximate",
)
# kind of entry -> (its keys, those it must have)
KEYS: Mapping[str, tuple[tuple[str, ...], tuple[str, ...]]] = {
    "base": (_ENTRY, ("name", "to", "services")),
    "tier": (_ENTRY, ("name", "to", "services")),
    "allow": (_ENTRY, ("name", "to", "services")),
    "raise": (_ENTRY, ("name", "to", "services", "reason", "owner", "review_by")),
    "inbound": (
        ("name", "from", "services", "except", *_ABOUT, "expires", "review_by", "optional"),
        ("name", "from", "services"),
    ),
}
_NEVER_KEYS = ("to", "except", "services", "except_users", *_ABOUT)
_QUIET_KEYS = ("to", "except", "services", *_ABOUT)
_TEST_KEYS = ("name", "reach", "not_reach", "services", "user")
# The name is a part of set names and the comment of rules (128 characters, nft's limit), so no more than this.
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9_-]*")
_NAME_MAX = 128


def label(value: Any) -> str | None:
    """An entry's name for messages about it, when it has one."""
    name = value.get("name") if isinstance(value, Mapping) else None
    return str(name) if isinstance(name, str) and _NAME.fullmatch(name) else None


def parse_entry(context: Context, place: Place, value: Any, kind: str) -> Entry | None:
    """One entry of an allow list; None after an error."""
    keys, required = KEYS[kind]
    if kind in ("base", "allow", "raise", "inbound"):
        required = (*required, *(key for key in context.require if key not in required))
    errors = len(context.report.errors)
    given = values.mapping(context.report, place, value, keys, required)
    if given is None:
        return None
    name = entry_name(context, place, given)
    inbound = kind == "inbound"
    to, except_ = _where_to(context, place, given, "from" if inbound else "to", names=not inbound)
    spoken = _services(context, place, given)
    users = _users(context, place, given, "users")
    for_ = _for(context, place, given)
    extra = _extras(context, place, given)
    if len(context.report.errors) > errors or name is None or to is None or except_ is None or spoken is None:
        return None
    return Entry(name, kind, place, to, except_, spoken[0], spoken[1], users, for_=for_, raw=(kind, value), **extra)


def parse_never(context: Context, place: Place, value: Any) -> NeverEntry | None:
    """One entry of egress_never; without services it concerns all of them."""
    return _parse_closed(context, place, value, _NEVER_KEYS)


def _parse_closed(context: Context, place: Place, value: Any, keys: tuple[str, ...]) -> NeverEntry | None:
    errors = len(context.report.errors)
    given = values.mapping(context.report, place, value, keys, ("to",))
    if given is None:
        return None
    to, except_ = _where_to(context, place, given, "to")
    spoken = _services(context, place, given) if "services" in given else (services.ANY, ())
    users = _users(context, place, given, "except_users")
    about = _texts(context, place, given)
    if len(context.report.errors) > errors or to is None or except_ is None or spoken is None:
        return None
    return NeverEntry(place, to, except_, spoken[0], users or (), about.get("reason", ""))


def parse_quiet(context: Context, place: Place, value: Any) -> NeverEntry | None:
    """One entry of egress_deny_quietly: what is refused like everything else, but kept out of the ledger."""
    return _parse_closed(context, place, value, _QUIET_KEYS)


def parse_test(context: Context, place: Place, value: Any) -> PolicyTest | None:
    """One entry of egress_tests_<topic>: exactly one of reach and not_reach."""
    errors = len(context.report.errors)
    given = values.mapping(context.report, place, value, _TEST_KEYS, ("name", "services"))
    if given is None:
        return None
    ways = [key for key in ("reach", "not_reach") if key in given]
    if len(ways) != 1:
        context.report.error(place, "needs exactly one of reach and not_reach")
    name = entry_name(context, place, given)
    parsed = [destinations.parse_all(context.report, context.inventory, place.key(way), given[way]) for way in ways]
    spoken = _services(context, place, given)
    users = _users(context, place, given, "user") or ()
    if len(users) > 1:
        context.report.error(place.key("user"), "names several users", "write one test for each")
    if len(context.report.errors) > errors or name is None or not parsed or parsed[0] is None or spoken is None:
        return None
    return PolicyTest(name, place, ways[0] == "reach", parsed[0], spoken[0], users[0] if users else None, raw=value)


def entry_name(context: Context, place: Place, given: Mapping[str, Any]) -> str | None:
    """A name that nft takes as a part of a set's name and as a comment."""
    at = place.key("name")
    name = values.text(context.report, at, given["name"]) if "name" in given else None
    if name is None:
        return None
    if len(name) > _NAME_MAX:
        cause = f"has {len(name)} characters; it becomes a comment in nft, which takes {_NAME_MAX}"
        context.report.error(at, cause, "shorten it")
        return None
    if not _NAME.fullmatch(name):
        fix = "use letters, digits, - and _, beginning with a letter or digit"
        context.report.error(at, f"{values.show(name)} is no name", fix)
        return None
    return name


def _services(context: Context, place: Place, given: Mapping[str, Any]) -> tuple[ServiceSet, tuple[str, ...]] | None:
    return context.services(place.key("services"), given["services"]) if "services" in given else None


def _users(context: Context, place: Place, given: Mapping[str, Any], key: str) -> tuple[str, ...] | None:
    return values.users(context.report, place.key(key), given[key]) if key in given else None


def _where_to(
    context: Context, place: Place, given: Mapping[str, Any], to_key: str, *, names: bool = False
) -> tuple[tuple[Destination, ...] | None, tuple[Destination, ...] | None]:
    found = [
        destinations.parse_all(context.report, context.inventory, place.key(key), given[key], names=names)
        if key in given
        else ()
        for key, names in ((to_key, names), ("except", False))
    ]
    return found[0], found[1]


def _for(context: Context, place: Place, given: Mapping[str, Any]) -> tuple[str, ...]:
    """`for`: whose traffic the entry is about, the host's own unless it says so."""
    if "for" not in given:
        return ("host",)
    at = place.key("for")
    elements = values.items(context.report, at, given["for"])
    if elements == []:
        context.report.error(at, "is an empty list", "write for: [host], or leave it out")
    found = {
        values.choice(context.report, element_at, item, ("host", "containers")) for element_at, item in elements or []
    }
    if "containers" in found and "users" in given:
        fix = "write an entry of its own for the containers, without users"
        context.report.error(place.key("users"), "the kernel does not know the users of forwarded packets", fix)
    return tuple(sorted((one for one in found if one is not None), reverse=True))


def _extras(context: Context, place: Place, given: Mapping[str, Any]) -> dict[str, Any]:
    """The keys that are optional and simple."""
    found: dict[str, Any] = dict(_texts(context, place, given))
    for key in ("expires", "review_by"):
        if key in given:
            found[key] = values.date(context.report, place.key(key), given[key])
    if "approximate" in given:
        at = place.key("approximate")
        found["approximate"] = values.choice(context.report, at, given["approximate"], APPROXIMATE) or ""
    if "optional" in given:
        found["optional"] = bool(values.boolean(context.report, place.key("optional"), given["optional"]))
    return found


def _texts(context: Context, place: Place, given: Mapping[str, Any]) -> dict[str, str]:
    found = {key: values.text(context.report, place.key(key), given[key]) for key in _ABOUT if key in given}
    return {key: value for key, value in found.items() if value is not None}
