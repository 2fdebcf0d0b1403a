# Copyright: (c) 2026, the tidegate developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Sets, maps and their elements out of untyped arguments."""

from __future__ import annotations

import re
from functools import partial
from typing import Any, Callable

from ansible_collections.tidegate.nftables.plugins.module_utils import intervals
from ansible_collections.tidegate.nftables.plugins.module_utils.nft.errors import bad_spec

from . import arguments, element_files, tokens, validate
from .spec import ElementsFile, ElementSpec, SetSpec

KEYS = (
    "name", "type", "typeof", "flags", "timeout", "gc_interval", "size", "policy", "auto_merge", "counter",
    "statements", "comment",
    "elements", "elements_file", "elements_sum", "elements_src", "elements_from", "purge",
)  # fmt: skip
ELEMENT_KEYS = ("value", "data", "comment", "timeout")
SOURCES = ("resolvers",)
POLICIES = ("performance", "memory")
FLAGS = ("constant", "interval", "timeout", "dynamic")

_TIME = re.compile(r"(?:\d+(?:d|h|m|s|ms))+")
_VERSIONS = {
    "type ipv4_addr": 4, "type ipv6_addr": 6,
    "typeof ip saddr": 4, "typeof ip daddr": 4, "typeof ip6 saddr": 6, "typeof ip6 daddr": 6,
}  # fmt: skip


def parse(kind: str, value: object, where: str) -> SetSpec:
    """Return the set or map (kind) that a mapping of KEYS describes."""
    given = arguments.mapping(value, where, KEYS)
    name = validate.name(arguments.needed(given, "name", where), f"{where}.name")
    declaration = _declaration(kind, given, where)
    elements = None
    if "elements" in given:
        read = partial(element, kind=kind, version=address_version(declaration))
        elements = arguments.items(given["elements"], f"{where}.elements", read)
    if "elements_src" in given:
        raise bad_spec(f"{where}.elements_src", "The controller reads this file, and it did not.")
    file = _file(given, where) if "elements_file" in given else None
    source = _source(given["elements_from"], f"{where}.elements_from", declaration) if "elements_from" in given else ""
    if source and elements is None:
        elements = ()
    volatile = bool({"timeout", "dynamic"} & set(given.get("flags", []))) or "timeout" in given
    purge = arguments.boolean(given["purge"], f"{where}.purge") if "purge" in given else not volatile
    return SetSpec(
        kind=kind,
        name=name,
        declaration=declaration,
        volatile=volatile,
        elements=elements,
        mode="exact" if purge else "add",
        source=source,
        file=file,
        where=where,
    )


def _file(given: dict[str, Any], where: str) -> ElementsFile:
    path, place = given["elements_file"], f"{where}.elements_file"
    if "elements" in given:
        raise bad_spec(place, "Give either 'elements' or 'elements_file'.")
    if not isinstance(path, str) or not path.startswith("/"):
        raise bad_spec(place, f"{path!r} is no absolute path of a file on the host.")
    return element_files.seal(path, place, given.get("elements_sum"))


def _source(value: object, where: str, declaration: tuple[str, ...]) -> str:
    if declaration[0] not in ("type ipv4_addr", "type ipv6_addr"):
        raise bad_spec(where, f"A set of {declaration[0]!r} cannot hold addresses of the host's name servers.")
    return arguments.choice(value, where, SOURCES)


def _declaration(kind: str, given: dict[str, Any], where: str) -> tuple[str, ...]:
    if ("type" in given) == ("typeof" in given):
        raise bad_spec(where, f"A {kind} needs either 'type' or 'typeof'.")
    lines = [f"{key} {validate.statement(given[key], f'{where}.{key}')}" for key in ("type", "typeof") if key in given]
    if (" : " in lines[0]) != (kind == "map"):
        raise bad_spec(where, f"{lines[0]!r}: a map has ' : ' between what it maps and what to, a set has not.")
    readers: tuple[tuple[str, str, Callable[[object, str], str]], ...] = (
        ("flags", "flags {}", _flags),
        ("timeout", "timeout {}", time),
        ("gc_interval", "gc-interval {}", time),
        ("size", "size {}", _size),
        ("comment", 'comment "{}"', validate.comment),
        ("statements", "{}", validate.statement),
    )
    lines += [
        form.format(read(given[key], f"{where}.{key}"))
        for key, form, read in readers
        if given.get(key) not in (None, [], "")
    ]
    lines += [word for key, word in (("auto_merge", "auto-merge"), ("counter", "counter")) if _yes(given, key, where)]
    if {"counter", "statements"} <= given.keys() and given["counter"]:
        raise bad_spec(f"{where}.statements", "Give either 'statements' or 'counter: true'.")
    # The kernel's choice of itself is not listed.
    if arguments.choice(given.get("policy", POLICIES[0]), f"{where}.policy", POLICIES) != POLICIES[0]:
        lines.append(f"policy {given['policy']}")
    return tuple(lines)


def _yes(given: dict[str, Any], key: str, where: str) -> bool:
    return key in given and arguments.boolean(given[key], f"{where}.{key}")


def _flags(value: object, where: str) -> str:
    return ",".join(arguments.items(value, where, lambda item, place: arguments.choice(item, place, FLAGS)))


def _size(value: object, where: str) -> str:
    if isinstance(value, bool) or not isinstance(value, int) or not 0 < value < 2**32:
        raise bad_spec(where, f"{value!r} is no number of elements.")
    return str(value)


def time(value: object, where: str) -> str:
    """Return a time in nft's words: seconds as a number, or text such as 1d, 2h30m."""
    text = f"{value}s" if isinstance(value, int) and not isinstance(value, bool) else str(value)
    text = f"{text}s" if text.isascii() and text.isdigit() else text
    if not _TIME.fullmatch(text):
        raise bad_spec(where, f"{value!r} is no time. Write seconds, or numbers with d, h, m, s: 90, 1d, 2h30m.")
    return text


def address_version(declaration: tuple[str, ...] | None) -> int | None:
    """Return 4 or 6 for a set or map whose key is one address, None for others."""
    return _VERSIONS.get(declaration[0].partition(" : ")[0]) if declaration else None


def element(
    value: object, where: str, kind: str = "set", version: int | None = None, *, keys_only: bool = False
) -> ElementSpec:
    """Return one element, given as text or as a mapping of ELEMENT_KEYS; keys_only: data and options do not matter."""
    given = arguments.mapping(value, where, ELEMENT_KEYS) if isinstance(value, dict) else {"value": value}
    text = validate.element(arguments.needed(given, "value", where), where)
    data = validate.element(given["data"], f"{where}.data") if "data" in given else None
    if data is None and " : " in tokens.unquoted(text):
        at = tokens.unquoted(text).index(" : ")
        text, data = text[:at].rstrip(), text[at + 3 :].strip()
    if kind == "map" and data is None and not keys_only:
        raise bad_spec(where, f"{text!r} maps to nothing: write it as 'value : data' or give 'data'.")
    if kind == "set" and data is not None:
        raise bad_spec(where, f"{text!r} has data, which only an element of a map can have.")
    if version is not None:
        check_address(ElementSpec(text, data, where), version)
    if keys_only:
        return ElementSpec(tokens.element_key(text), None, where)
    if "timeout" in given:
        text += f" timeout {time(given['timeout'], f'{where}.timeout')}"
    if given.get("comment"):
        text += f' comment "{validate.comment(given["comment"], f"{where}.comment")}"'
    return ElementSpec(text, data, where)


def check_address(element: ElementSpec, version: int) -> None:
    """Refuse what is no address, which nft would look up in the DNS, at the risk of another answer tomorrow."""
    key = tokens.element_key(element.text)
    found = intervals.parse_address(key, version)
    if found is None and key != "*":
        raise bad_spec(element.where, f"{key!r} is no IPv{version} address, network or range.")
    if found is not None and found[0] > found[1]:
        raise bad_spec(element.where, f"The range {key} is reversed.")
