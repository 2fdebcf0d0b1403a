# Copyright: (c) 2026, the tidegate developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Raise for what stands in a rule where an address belongs and is none: nft would look it up in the DNS.

nft takes any other word there for a host name, a mistyped address too, and the DNS may answer otherwise tomorrow.
"""

from __future__ import annotations

import re
from typing import Iterable

from ansible_collections.tidegate.nftables.plugins.module_utils import intervals
from ansible_collections.tidegate.nftables.plugins.module_utils.nft.errors import bad_spec

from . import tokens

_FIELD = r"(?:\b(?P<family>ip6?) [sd]addr|\barp [sd]addr ip|\bct (?:original|reply) [sd]addr|\brt ip6? nexthop)\b"
_OPERATORS = r"(?:\s*(?:[=!<>]=?|[<>]{2}|[&|^]|eq\b|ne\b|lt\b|gt\b|le\b|ge\b|in\b|set\b|v?map\b))?\s*"
_VALUE = re.compile(r"(?<!\. )" + _FIELD + _OPERATORS + r"(?P<value>\{[^{}]*\}|[^\s{},;]+)")
_JOINED = re.compile(r"(?P<fields>[^{}]* \. [^{}]*)\{(?P<value>[^{}]*)\}")
_AT_END = re.compile(_FIELD + r"$")
_AT_START = re.compile(_FIELD)
_TRANSLATION = re.compile(r"\b(?:[sd]nat|tproxy)(?: (?P<family>ip6?))? to (?P<value>[^\s{}@:,;\[]\S*|\[[^\]]*\])")
_PORT = re.compile(r":\d+(?:-\d+)?$")
_DOTTED = re.compile(r"(?<![\w.:/@%-])\d+(?:\.\d+){2,}\.?(?![\w.])")
_NUMBER = re.compile(r"0x[0-9a-fA-F]+|\d+")
_WORDS = frozenset((
    ".", "and", "or", "xor", "map", "vmap", "set", "prefix", "interval", "addr", "port", "to", "ip", "ip6", "arp",
    "ether", "vlan", "tcp", "udp", "th", "sctp", "dccp", "udplite", "icmp", "icmpv6", "meta", "ct", "mark", "iif",
    "oif", "iifname", "oifname", "numgen", "jhash", "symhash", "fib", "rt", "socket", "osf", "ipsec", "mod", "seed",
    "timeout", "limit", "counter", "quota", "last", "random", "persistent", "fully-random",
))  # fmt: skip
"""Words of nft's language that may follow the field or the statement that an address follows."""


def check(text: str, where: str) -> None:
    """Raise for a rule in which something else stands in the place of an address."""
    blank = tokens.unquoted(text)
    for match in _DOTTED.finditer(blank):
        _address(match.group(), 4, where)
    for match in _VALUE.finditer(blank):
        for value in _elements(match["value"]):
            _address(value, _version(match["family"]), where)
    for match in _TRANSLATION.finditer(blank):
        value, version = match["value"].strip("[]"), _version(match["family"])
        if not intervals.parse_address(value, 6):
            _address(_PORT.sub("", value), version, where)
    for match in _JOINED.finditer(blank) if " . " in blank else ():
        _joined(match["fields"], match["value"], where)


def _joined(fields: str, elements: str, where: str) -> None:
    """Check the elements of a set of concatenations, each column by its field."""
    parts = fields.split(" . ")
    columns = [_AT_END.search(parts[0].rstrip()), *(_AT_START.match(part) for part in parts[1:])]
    for element in _elements(elements):
        for match, value in zip(columns, element.split(" . ")):
            if match:
                _address(value.split()[0] if value.split() else "", _version(match["family"]), where)


def _elements(value: str) -> Iterable[str]:
    """Return the keys of a set in braces, or the one value."""
    for element in value.strip("{} ").split(","):
        key = tokens.element_key(element.strip())
        if key:
            yield key


def _version(family: str | None) -> int | None:
    return {"ip": 4, "ip6": 6}.get(family or "")


def _address(value: str, version: int | None, where: str) -> None:
    word = value.partition("-")[0].partition("/")[0]
    if not value or value[0] in "@$*\"'" or word in _WORDS or value in _WORDS or _NUMBER.fullmatch(value):
        return
    if not any(intervals.parse_address(value, number) for number in ((version,) if version else (4, 6))):
        kind = f"an IPv{version} address" if version else "an address"
        raise bad_spec(
            where,
            f"{value!r} stands where {kind}, network or range belongs and is none. nft would ask the DNS for a host of "
            "that name. Fix: write the address.",
        )
