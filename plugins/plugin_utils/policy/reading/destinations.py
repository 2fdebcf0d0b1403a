# Copyright: (c) 2026, the tidegate developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Reads destinations: the elements of `to`, `from` and `except`, networks and servers."""

from __future__ import annotations

import re
from typing import Any

from ansible_collections.tidegate.nftables.plugins.plugin_utils.policy.errors import ErrorReport, Place
from ansible_collections.tidegate.nftables.plugins.plugin_utils.policy.model import (
    HOST_KINDS,
    Destination,
    DestinationKind,
    Inventory,
)
from ansible_collections.tidegate.nftables.plugins.plugin_utils.policy.sets import addresses

from . import hints, values
from . import names as domain_names
from .words import RANKS

_NUMERIC = re.compile(r"[0-9][0-9./ -]*|[0-9a-fA-F.]*:[0-9a-fA-F:./% -]*(%.*)?")
_WITH_PORT = re.compile(r"(?P<host>\[[0-9a-fA-F:.]+\]|[^:\[\]]+):(?P<port>[0-9]+)")
_GROUP = re.compile(r"groups\[['\"]?(?P<name>[\w-]+)['\"]?\]")
"""What a template calls the hosts of a group."""
_LABEL = re.compile(r"(?!-)[A-Za-z0-9_-]{1,63}(?<!-)")
_PREFIXES: dict[str, DestinationKind] = {**{kind: kind for kind in HOST_KINDS}, "prefix_list": "prefix_list"}
NO_NAMES = "a domain name is a destination of entries that allow, and not here"
WRITE_ADDRESSES = "write the addresses or networks, or hosts:PATTERN for hosts of the inventory"
PORT_IN_SERVICES = "the port in services"
"""What to do with a port that is written with the address."""


def parse_all(
    report: ErrorReport,
    inventory: Inventory,
    place: Place,
    value: Any,
    *,
    names: bool = False,
    port: str = PORT_IN_SERVICES,
) -> tuple[Destination, ...] | None:
    """Read a list of destinations. None after an error; an empty list, which could mean everything, is one.

    names, port: as of `parse`.
    """
    elements = values.items(report, place, value)
    if elements is None:
        return None
    if not elements:
        report.error(place, "is an empty list", "name at least one destination; the word any means everything")
        return None
    read = [parse(report, inventory, element_place, item, names=names, port=port) for element_place, item in elements]
    destinations = tuple(destination for destination in read if destination is not None)
    return destinations if len(destinations) == len(read) else None


def parse(
    report: ErrorReport,
    inventory: Inventory,
    place: Place,
    value: Any,
    *,
    names: bool = False,
    port: str = PORT_IN_SERVICES,
) -> Destination | None:
    """Read one destination. None after an error.

    names: whether a domain name is one here. port: what to do with a port that is written with the address.
    """
    if not isinstance(value, str):
        report.error(place, *_not_a_text(value))
        return None
    text = str(value).strip()
    if text in RANKS:
        return Destination(kind="word", text=text, value=text, place=place)
    prefix, colon, rest = text.partition(":")
    if colon and prefix in _PREFIXES and rest.strip():
        return Destination(kind=_PREFIXES[prefix], text=text, value=rest.strip(), place=place)
    with_port = _WITH_PORT.fullmatch(text)
    if _NUMERIC.fullmatch(text) and not (with_port and with_port["host"].count(".") == 3):
        return _literal(report, place, text)
    if colon and prefix == "known" and rest.strip():
        if names:
            return Destination(kind="known", text=text, value=rest.strip(), place=place)
        report.error(place, f"{values.show(text)}: {NO_NAMES}", WRITE_ADDRESSES)
        return None
    if domain_names.is_meant(text):
        return _name(report, place, text, allowed=names)
    report.error(place, *_explain(inventory, text, port))
    return None


def _name(report: ErrorReport, place: Place, text: str, *, allowed: bool) -> Destination | None:
    pattern = domain_names.pattern(report, place, text)
    if pattern is None:
        return None
    if not allowed:
        report.error(place, f"{values.show(text)}: {NO_NAMES}", WRITE_ADDRESSES)
        return None
    return Destination(kind="name", text=text, value=str(pattern), place=place)


def _literal(report: ErrorReport, place: Place, text: str) -> Destination | None:
    try:
        parsed = addresses.parse(text)
    except addresses.AddressError as error:
        report.error(place, error.cause, error.fix)
        return None
    return Destination(kind="literal", text=text, value=text, place=place, addresses=parsed)


def _explain(inventory: Inventory, text: str, port: str) -> tuple[str, str]:
    """Return cause and fix for a text that is not a destination."""
    quoted = values.show(text)
    if "://" in text:
        host = text.split("://", 1)[1].split("/", 1)[0]
        service = " and the service in services" if port == PORT_IN_SERVICES else ""
        return f"{quoted} is a URL", f"write the host ({host}) here{service}"
    group = _GROUP.fullmatch(text)
    if group:
        return f"{quoted} is not a destination", f"write group:{group['name']} for the hosts of this group"
    with_port = _WITH_PORT.fullmatch(text)
    if with_port:
        return f"{quoted} has a port", f"write {with_port['host'].strip('[]')} here and {port}"
    if "," in text or " " in text:
        return f"{quoted} is one text", "write a list: [FIRST, SECOND]"
    return f"{quoted} is not a destination", _destination_fix(inventory, text)


def _destination_fix(inventory: Inventory, text: str) -> str:
    prefix, colon, rest = text.partition(":")
    if colon and prefix:
        guess = hints.guess(prefix, _PREFIXES) or "hosts"
        return f"did you mean {guess}:{rest.strip() or 'NAME'}?"
    if text in inventory.groups:
        return f"write group:{text} for the hosts of this group"
    if _LABEL.fullmatch(text) and inventory.hosts(text):
        return f"write hosts:{text} for this host of the inventory"
    fix = hints.did_you_mean(text, RANKS, "destinations")
    if fix.endswith("?"):
        return fix
    group = hints.guess(text, inventory.groups)
    return f"did you mean hosts:{group}?" if group else f"{fix}, an address or hosts:PATTERN"


def _not_a_text(value: Any) -> tuple[str, str]:
    """Return cause and fix for a value that YAML did not read as a text."""
    if isinstance(value, dict) and len(value) == 1:
        key, rest = next(iter(value.items()))
        if rest is None:
            return f"YAML reads {values.show(f'{key}:')} as a mapping", f'write it in quotes: "{key}:"'
        if key in _PREFIXES:
            return f"YAML reads {values.show(f'{key}: {rest}')} as a mapping", f"write {key}:{rest} without the space"
    return f"YAML reads {values.show(value)} as {values.kind(value)}", "write it in quotes"
