# Copyright: (c) 2026, the tidegate developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Base chains: the hook that calls them, and their priority."""

from __future__ import annotations

import re
from dataclasses import replace
from typing import Any, Callable

from ansible_collections.tidegate.nftables.plugins.module_utils.nft.errors import bad_spec

from . import arguments, tokens, validate
from .spec import Hook, HookParts

_COMMON = {"raw": -300, "mangle": -150, "dstnat": -100, "filter": 0, "security": 50, "srcnat": 100}
PRIORITIES: dict[str, dict[str, int]] = {
    "inet": _COMMON,
    "ip": _COMMON,
    "ip6": _COMMON,
    "arp": {"filter": 0},
    "netdev": {"filter": 0},
    "bridge": {"dstnat": -300, "filter": -200, "out": 100, "srcnat": 300},
}
"""Names of priorities by family (nft(8), "standard priority names")."""

_PRIORITY = re.compile(r"(?:([a-z]+)\s*)?(?:([+-]?)\s*(\d+))?")
_DEVICE = re.compile(r'[^\s{},"=]+')
_KEYS = ("type", "hook", "priority", "policy", "devices")
_NEEDED = ("type", "hook", "priority")


def parse(value: dict[str, Any], family: str, where: str) -> HookParts:
    """Return what a chain's arguments say of its hook."""
    reads: dict[str, Callable[[Any, str], Any]] = {
        "type": validate.word,
        "hook": validate.word,
        "priority": lambda item, place: priority(item, family, place),
        "policy": lambda item, place: arguments.choice(item, place, ("accept", "drop")),
        "devices": lambda item, place: tuple(sorted(arguments.items(item, place, validate.device))),
        "base": arguments.boolean,
    }
    values = {key: read(value[key], f"{where}.{key}") for key, read in reads.items() if key in value}
    of_base = [key for key in _KEYS if values.get(key)]
    if values.get("base") is False and of_base:
        raise bad_spec(where, f"A chain with {of_base[0]!r} is a base chain, which 'base: false' excludes.")
    return HookParts(**values)


def complete(parts: HookParts, live: Hook | None, where: str) -> Hook | None:
    """Return the hook of a chain, None for a regular one. live: the hook that has what the parts leave out."""
    values = {key: getattr(parts, key) for key in _KEYS if getattr(parts, key) not in (None, ())}
    if parts.base is False or not (values or live or parts.base):
        return None
    for key in _NEEDED if live is None else ():
        if key not in values:
            first = next(iter(values), "base")
            raise bad_spec(
                where,
                f"A chain with {first!r} is a base chain and needs type, hook and priority; {key!r} is missing.",
            )
    if parts.devices is not None:
        values["devices"] = parts.devices
    return replace(live or Hook("", "", 0), **values)


def devices_line(line: str) -> str:
    """Return a line of a flowtable, with its devices in one spelling: nft 0.9 lists them unquoted."""
    if not line.startswith("devices"):
        return line
    names = sorted(set(_DEVICE.findall(line.partition("{")[2])))
    return f"devices = {{ {', '.join(tokens.device(name) for name in names)} }}"


def priority(value: object, family: str, where: str) -> int:
    """Return a priority as a number: -10, "filter", "filter + 10" (nft(8))."""
    names = PRIORITIES[family]
    match = _PRIORITY.fullmatch(str(value).strip())
    if isinstance(value, bool) or match is None or not (match.group(1) or match.group(3)):
        raise bad_spec(
            where,
            f"{value!r} is not a priority. Write a number, a name, or a name and a number: -10, filter, filter + 10.",
        )
    name, sign, number = match.groups()
    if name and name not in names:
        raise bad_spec(
            where, f"{name!r} is not a priority of family {family}; there are {', '.join(names)}, and numbers."
        )
    if name and number and not sign:
        raise bad_spec(where, f"{value!r} needs + or - between name and number.")
    total = names.get(name, 0) + int(f"{sign or ''}{number or 0}")
    if not -(2**31) <= total < 2**31:
        raise bad_spec(where, f"{value!r} does not fit into the 32 bits of a priority.")
    return total
