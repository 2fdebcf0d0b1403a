# Copyright: (c) 2026, the tidegate developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Plain data as YAML, whatever subclasses of Python's types Ansible made of the values.

ansible-core 2.17 and 2.18 read texts as subclasses of str, which PyYAML's safe dumper refuses to represent.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

import yaml


def dump(value: Any, **options: Any) -> str:
    """Return a value as YAML, keys in their order. options: of PyYAML's dumper."""
    text: str = yaml.safe_dump(plain(value), sort_keys=False, **options)
    return text


def document(value: Any) -> str:
    """Return a value as a YAML document in which a long list that is there many times is put into words once.

    PyYAML takes a millisecond for ten elements. A long list below a key becomes a placeholder, and its text takes the
    place of it.
    """
    lists: dict[int, list[Any]] = {}
    short = _with_placeholders(value, lists)
    text = dump(short, explicit_start=True)
    if not lists:
        return text
    written = {str(identity): dump(elements).splitlines(keepends=True) for identity, elements in lists.items()}
    return _PLACEHOLDER.sub(lambda match: _indented(match, written.get(match["identity"])), text)


_LONG = 100
"""Elements of a list that is worth a placeholder."""
_KEY = re.compile("[A-Za-z_-]{1,100}")
"""Keys that stand on one line with their value, whatever the value is."""
_MARK = "list-that-is-written-once-"
_PLACEHOLDER = re.compile(rf"^(?P<lead> *(?:- )*)(?P<key>.*:) {_MARK}(?P<identity>[0-9]+)$\n", re.MULTILINE)


def _with_placeholders(value: Any, lists: dict[int, list[Any]]) -> Any:
    """Return a copy without the long lists below simple keys, which are put into `lists` by their identity."""
    if isinstance(value, list):
        return [_with_placeholders(inner, lists) for inner in value]
    if not isinstance(value, Mapping):
        return value
    copy = {}
    for key, inner in value.items():
        if not _KEY.fullmatch(str(key)):
            copy[key] = inner
        elif isinstance(inner, list) and len(inner) >= _LONG:
            lists[id(inner)] = inner
            copy[key] = f"{_MARK}{id(inner)}"
        else:
            copy[key] = _with_placeholders(inner, lists)
    return copy


def _indented(match: re.Match[str], lines: list[str] | None) -> str:
    """Return a key with its list, whose dashes stand below the key. lines: None for a text that is no placeholder."""
    if lines is None:
        return match[0]
    indent = " " * len(match["lead"])
    return f"{match['lead']}{match['key']}\n{indent}{indent.join(lines)}"


def plain(value: Any) -> Any:
    """Return a copy of mappings, lists and scalars that has Python's own types only."""
    if isinstance(value, Mapping):
        return {plain(key): plain(inner) for key, inner in value.items()}
    if isinstance(value, (list, tuple)):
        return [plain(inner) for inner in value]
    if isinstance(value, str):
        return str.__str__(value)  # str() would ask the subclass, and Ansible's returns itself
    for own in (bool, int, float):
        if isinstance(value, own):
            return own(value)
    return value
