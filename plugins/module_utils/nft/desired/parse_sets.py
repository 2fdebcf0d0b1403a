# Copyright: (c) 2026, the tidegate developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Read sets, maps and their elements from untyped arguments."""

from __future__ import annotations

import re
from dataclasses import replace
from functools import partial
from typing import Any, Callable, Iterable, Literal, Mapping, Sequence

from ansible_collections.tidegate.nftables.plugins.module_utils import intervals
from ansible_collections.tidegate.nftables.plugins.module_utils.nft.errors import bad_spec

from . import arguments, element_files, tokens, validate
from .spec import ElementsFile, ElementSpec, SetSpec

KEYS = (
    "name", "type", "typeof", "flags", "timeout", "gc_interval", "size", "policy", "auto_merge", "counter",
    "statements", "comment",
    "elements", "elements_file", "elements_sum", "elements_src", "elements_from", "purge",
)  # fmt: skip
MAP_KEYS = tuple(key for key in KEYS if not key.startswith("elements_"))
ELEMENT_KEYS = ("value", "data", "comment", "timeout")
SET_ELEMENT_KEYS = tuple(key for key in ELEMENT_KEYS if key != "data")
SOURCES: tuple[Literal["resolvers"]] = ("resolvers",)
POLICIES = ("performance", "memory")
FLAGS = ("constant", "interval", "timeout", "dynamic")

_NOTHING: tuple[Any, ...] = (None, [], "", 0, "0")
"""Values of a key that mean that the set has none of it."""

_TIME = re.compile(r"(?:\d+(?:d|h|m|s|ms))+")
_VERSIONS = {
    "type ipv4_addr": 4, "type ipv6_addr": 6,
    "typeof ip saddr": 4, "typeof ip daddr": 4, "typeof ip6 saddr": 6, "typeof ip6 daddr": 6,
}  # fmt: skip


def parse(kind: Literal["set", "map"], value: object, where: str) -> SetSpec:
    """Return the set or map (kind) that a mapping of KEYS (MAP_KEYS) describes."""
    fields = arguments.mapping(value, where, MAP_KEYS if kind == "map" else KEYS)
    name = validate.name(arguments.needed(fields, "name", where), f"{where}.name")
    declaration = _declaration(kind, fields, where)
    elements = None
    if "elements" in fields:
        read = partial(element, kind=kind, version=address_version(declaration))
        elements = arguments.items(fields["elements"], f"{where}.elements", read)
    if "elements_src" in fields:
        raise bad_spec(
            f"{where}.elements_src",
            "This file is on the controller and was not uploaded. Fix: run the module as a task, not from another "
            "program.",
        )
    file = _file(fields, where) if "elements_file" in fields else None
    source: Literal["resolvers", ""] = ""
    if "elements_from" in fields:
        source = _source(fields["elements_from"], f"{where}.elements_from", declaration)
    if source and elements is None:
        elements = ()
    volatile = is_volatile(declaration)
    purge = arguments.boolean(fields["purge"], f"{where}.purge") if "purge" in fields else not volatile
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


def _file(fields: dict[str, Any], where: str) -> ElementsFile:
    path, where_file = fields["elements_file"], f"{where}.elements_file"
    if "elements" in fields:
        raise bad_spec(where_file, "'elements' and 'elements_file' exclude each other.")
    if not isinstance(path, str) or not path.startswith("/"):
        raise bad_spec(where_file, f"{path!r} is not an absolute path of a file on the host.")
    return element_files.identify(path, where_file, fields.get("elements_sum"))


def _source(value: object, where: str, declaration: tuple[str, ...]) -> Literal["resolvers"]:
    if address_version(declaration) is None:
        raise bad_spec(where, f"A set of {declaration[0]!r} cannot hold the addresses of name servers.")
    return arguments.choice(value, where, SOURCES)


def _declaration(kind: str, fields: dict[str, Any], where: str) -> tuple[str, ...]:
    if ("type" in fields) == ("typeof" in fields):
        raise bad_spec(where, f"A {kind} needs either 'type' or 'typeof'.")
    lines = [
        f"{key} {validate.statement(fields[key], f'{where}.{key}')}" for key in ("type", "typeof") if key in fields
    ]
    if (" : " in lines[0]) != (kind == "map"):
        raise bad_spec(where, f"{lines[0]!r}: a map has ' : ' between the types of keys and data, a set does not.")
    readers: tuple[tuple[str, str, Callable[[object, str], str]], ...] = (
        ("flags", "flags {}", _flags),
        ("timeout", "timeout {}", time),
        ("gc_interval", "gc-interval {}", time),
        ("size", "size {}", _size),
        ("comment", 'comment "{}"', validate.comment),
        ("statements", "{}", validate.statement),
    )
    lines += [
        form.format(read(fields[key], f"{where}.{key}"))
        for key, form, read in readers
        if fields.get(key) not in _NOTHING
    ]
    lines += [word for key, word in (("auto_merge", "auto-merge"), ("counter", "counter")) if _yes(fields, key, where)]
    if {"counter", "statements"} <= fields.keys() and fields["counter"]:
        raise bad_spec(f"{where}.statements", "'statements' and 'counter: true' exclude each other.")
    # nft does not list the default.
    if arguments.choice(fields.get("policy", POLICIES[0]), f"{where}.policy", POLICIES) != POLICIES[0]:
        lines.append(f"policy {fields['policy']}")
    return tuple(lines)


def is_volatile(declaration: Iterable[str]) -> bool:
    """Whether the elements of a set come and go by themselves."""
    flags = {flag for line in declaration if line.startswith("flags ") for flag in line[len("flags ") :].split(",")}
    return bool(flags & {"timeout", "dynamic"}) or any(line.startswith("timeout ") for line in declaration)


def named(fields: Mapping[str, Any]) -> tuple[str, ...]:
    """Return the keys of the declaration that a task decides, as in SetSpec.named."""
    keys = {key.replace("_", "-") for key in fields}
    return tuple(sorted({tokens.declared_key(key) for key in keys}))


def complete(spec: SetSpec, live: Sequence[str]) -> SetSpec:
    """Return a set with the lines of a live declaration that its task leaves out. Raise when they do not fit."""
    if spec.named is None or spec.declaration is None:
        return spec
    left_out = (line for line in live if tokens.declared_key(line) not in spec.named)
    declaration = (*spec.declaration, *left_out)
    volatile = is_volatile(declaration)
    whole = replace(spec, declaration=declaration, volatile=volatile, named=None)
    return replace(whole, mode="add") if volatile and "purge" not in spec.named else whole


def _yes(fields: dict[str, Any], key: str, where: str) -> bool:
    return key in fields and arguments.boolean(fields[key], f"{where}.{key}")


def _flags(value: object, where: str) -> str:
    return ",".join(arguments.items(value, where, lambda item, place: arguments.choice(item, place, FLAGS)))


def _size(value: object, where: str) -> str:
    if isinstance(value, bool) or not isinstance(value, int) or not 0 < value < 2**32:
        raise bad_spec(where, f"{value!r} is not a number of elements.")
    return str(value)


def time(value: object, where: str) -> str:
    """Return a duration as nft writes it. value: seconds, or text such as 1d, 2h30m."""
    text = f"{value}s" if isinstance(value, int) and not isinstance(value, bool) else str(value)
    text = f"{text}s" if text.isascii() and text.isdigit() else text
    if not _TIME.fullmatch(text):
        raise bad_spec(where, f"{value!r} is not a duration. Write seconds, or numbers with d, h, m, s: 90, 1d, 2h30m.")
    return text


def address_version(declaration: tuple[str, ...] | None) -> int | None:
    """Return 4 or 6 for a set or map whose key is a single address, None for others."""
    return _VERSIONS.get(declaration[0].partition(" : ")[0]) if declaration else None


def element(
    value: object, where: str, kind: str = "set", version: int | None = None, *, keys_only: bool = False
) -> ElementSpec:
    """Return the element that text or a mapping of ELEMENT_KEYS describes; keys_only: without data and options."""
    known = SET_ELEMENT_KEYS if kind == "set" else ELEMENT_KEYS
    arguments.check_quoted(value, where, known)
    fields = arguments.mapping(value, where, known) if isinstance(value, dict) else {"value": value}
    text = validate.element(arguments.needed(fields, "value", where), where)
    data = validate.element(fields["data"], f"{where}.data") if "data" in fields else None
    if data is None and " : " in tokens.unquoted(text):
        at = tokens.unquoted(text).index(" : ")
        text, data = text[:at].rstrip(), text[at + 3 :].strip()
    if kind == "map" and data is None and not keys_only:
        raise bad_spec(where, f"{text!r} has no data. Fix: write it as 'value : data' or add 'data'.")
    if kind == "set" and data is not None:
        raise bad_spec(where, f"{text!r} has data, which only an element of a map can have.")
    if version is not None:
        check_address(ElementSpec(text, data, where), version)
    if keys_only:
        return ElementSpec(tokens.element_key(text), None, where)
    if "timeout" in fields:
        text += f" timeout {time(fields['timeout'], f'{where}.timeout')}"
    if fields.get("comment"):
        text += f' comment "{validate.comment(fields["comment"], f"{where}.comment")}"'
    return ElementSpec(text, data, where)


def check_address(element: ElementSpec, version: int) -> None:
    """Raise for a key that is not an address; nft would look it up in the DNS, which may answer otherwise tomorrow."""
    key = tokens.element_key(element.text)
    interval = intervals.parse_address(key, version)
    if interval is None and key != "*":
        raise bad_spec(element.where, f"{key!r} is not an IPv{version} address, network or range.")
    if interval is not None and interval[0] > interval[1]:
        raise bad_spec(element.where, f"The range {key} is reversed.")
