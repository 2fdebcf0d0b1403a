# Copyright: (c) 2026, the tidegate developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Reads the elements of `to`, `from` and `except`."""

from __future__ import annotations

import re
from typing import Any

from ansible_collections.tidegate.nftables.plugins.plugin_utils.policy.errors import ErrorReport, Place
from ansible_collections.tidegate.nftables.plugins.plugin_utils.policy.model import HOST_KINDS, Destination, Inventory
from ansible_collections.tidegate.nftables.plugins.plugin_utils.policy.sets import addresses

from . import hints, values
from .words import RANKS

_NUMERIC = re.compile(r"[0-9][0-9./ -]*|[0-9a-fA-F.]*:[0-9a-fA-F:./% -]*(%.*)?")
_WITH_PORT = re.compile(r"(?P<host>\[[0-9a-fA-F:.]+\]|[^:\[\]]+):(?P<port>[0-9]+)")
_LABEL = re.compile(r"(?!-)[A-Za-z0-9_-]{1,63}(?<!-)")
_NAME_MAX = 253
_PREFIXES = (*HOST_KINDS, "prefix_list")
NAMES_REFUSED = "domain names are not resolved by this release"
WRITE_ADDRESSES = "write the addresses or networks, or hosts:PATTERN for hosts of the inventory"


def parse_all(
    report: ErrorReport, inventory: Inventory, place: Place, value: Any, *, names: bool = False
) -> tuple[Destination, ...] | None:
    """All elements; None after an error. An empty list is an error: it could be read as nothing and as everything.

    names: whether a domain name is a destination here.
    """
    elements = values.items(report, place, value)
    if elements is None:
        return None
    if not elements:
        report.error(place, "is an empty list", "name at least one destination; everything is the word any")
        return None
    found = [parse(report, inventory, at, item, names=names) for at, item in elements]
    return None if any(one is None for one in found) else tuple(one for one in found if one is not None)


def parse(
    report: ErrorReport, inventory: Inventory, place: Place, value: Any, *, names: bool = False
) -> Destination | None:
    """One element. names: whether a domain name is one here."""
    if not isinstance(value, str):
        report.error(place, *_not_a_text(value))
        return None
    text = str(value).strip()
    if text in RANKS:
        return Destination("word", text, text, place)
    kind, colon, rest = text.partition(":")
    if colon and kind in _PREFIXES and rest.strip():
        return Destination(kind, text, rest.strip(), place)
    ported = _WITH_PORT.fullmatch(text)
    if _NUMERIC.fullmatch(text) and not (ported and ported["host"].count(".") == 3):
        return _literal(report, place, text)
    if names and is_name(text):
        return Destination("name", text, text.rstrip(".").lower(), place)
    report.error(place, *_explain(inventory, text))
    return None


def is_name(text: str) -> bool:
    """Is it a whole domain name, without wildcards? One label alone is none: words and hosts look like that.

    At most 253 characters in labels of 63 (RFC 1035). The last label is no number: that is an address (RFC 1123).
    """
    labels = text.removesuffix(".").split(".")
    whole = len(text) <= _NAME_MAX and len(labels) > 1 and all(_LABEL.fullmatch(label) for label in labels)
    return whole and not labels[-1].isdigit()


def _literal(report: ErrorReport, place: Place, text: str) -> Destination | None:
    try:
        return Destination("literal", text, text, place, addresses.parse(text))
    except addresses.AddressError as error:
        report.error(place, str(error))
        return None


def _explain(inventory: Inventory, text: str) -> tuple[str, str]:
    """Cause and fix for a text that is no destination."""
    shown = values.show(text)
    ported = _WITH_PORT.fullmatch(text)
    if "://" in text:
        host = text.split("://", 1)[1].split("/", 1)[0]
        return f"{shown} is a URL", f"write the host ({host}) here and the service in services"
    if ported:
        return f"{shown} has a port", f"write {ported['host'].strip('[]')} here and the port in services"
    if "," in text or " " in text:
        return f"{shown} is one text", "write a list: [one, other]"
    labels = text.rstrip(".").removeprefix("*.").split(".")
    if len(labels) > 1 and all(_LABEL.fullmatch(label) for label in labels):
        return f"{shown}: {NAMES_REFUSED}", WRITE_ADDRESSES
    prefix = text.partition(":")[0] if ":" in text else ""
    if prefix:
        close = hints.guess(prefix, _PREFIXES, "") or "hosts"
        return f"{shown} is no destination", f"did you mean {close}:{text.partition(':')[2].strip() or 'NAME'}?"
    if _LABEL.fullmatch(text) and inventory.hosts(text):
        return f"{shown} is no destination", f"hosts of the inventory are written hosts:{text}"
    fix = hints.did_you_mean(text, RANKS, "destinations")
    return f"{shown} is no destination", f"{fix}{'' if fix.endswith('?') else ', an address or hosts:PATTERN'}"


def _not_a_text(value: Any) -> tuple[str, str]:
    """Cause and fix for what YAML did not read as a text."""
    if isinstance(value, dict) and len(value) == 1:
        key, rest = next(iter(value.items()))
        if rest is None:
            return f"YAML reads {values.show(f'{key}:')} as a mapping", f'write it in quotes: "{key}:"'
        if key in _PREFIXES:
            return f"YAML reads {values.show(f'{key}: {rest}')} as a mapping", f"write {key}:{rest} without the space"
    return f"{values.show(value)} is read by YAML as {values.kind(value)}", "write it in quotes"
