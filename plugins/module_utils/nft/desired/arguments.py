# Copyright: (c) 2026, the tidegate developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Read typed values from untyped arguments; every error names its place in them."""

from __future__ import annotations

from typing import Any, Callable, Iterable, Sequence, TypeVar

from ansible_collections.tidegate.nftables.plugins.module_utils.nft.errors import bad_spec

Item = TypeVar("Item")
Word = TypeVar("Word", bound=str)


def mapping(value: object, where: str, known: Sequence[str]) -> dict[str, Any]:
    """Return a mapping without the keys that are not set; raise on an unknown key."""
    if not isinstance(value, dict):
        raise bad_spec(where, f"{_shown(value)} is not a mapping; its keys are {', '.join(known)}.")
    for key in value:
        if key not in known:
            import difflib

            close = difflib.get_close_matches(str(key), known, 1)
            guess = f" Did you mean {close[0]!r}?" if close else f" Known keys are {', '.join(known)}."
            raise bad_spec(where, f"{key!r} is not a key here.{guess}")
    return {key: item for key, item in value.items() if item is not None}


def check_quoted(value: object, where: str, known: Sequence[str]) -> None:
    """Raise for text that YAML read as a mapping, because it has ": " and no quotes."""
    if isinstance(value, dict) and len(value) == 1:
        ((key, rest),) = value.items()
        if key in known or str(key).isidentifier():
            return
        text = f"{key} : {rest}"
        quoted = f"'{text}'" if "'" not in text else f'"{text}"'
        raise bad_spec(where, f"YAML reads `{text}` as a mapping, because it has ': '. Fix: quote it: {quoted}.")


def items(value: object, where: str, read: Callable[[object, str], Item]) -> tuple[Item, ...]:
    """Return the items of a list, each converted by ``read``, which also gets the item's path."""
    if not isinstance(value, (list, tuple)):
        fix = f" Write it as [{value}]." if isinstance(value, (str, int)) and len(str(value)) < 40 else ""
        raise bad_spec(where, f"{_shown(value)} is not a list.{fix}")
    return tuple(read(item, f"{where}[{at}]") for at, item in enumerate(value))


def needed(value: dict[str, Any], key: str, where: str) -> Any:
    """Return the value of a required key."""
    if key not in value:
        raise bad_spec(where, f"The key {key!r} is missing.")
    return value[key]


def boolean(value: object, where: str) -> bool:
    """Return a boolean."""
    if not isinstance(value, bool):
        raise bad_spec(where, f"{_shown(value)} is neither true nor false.")
    return value


def choice(value: object, where: str, choices: Sequence[Word]) -> Word:
    """Return a value that is one of the choices."""
    for word in choices:
        if value == word:
            return word
    raise bad_spec(where, f"{_shown(value)} is not one of {', '.join(choices)}.")


def unique(entries: Iterable[tuple[Any, str]], what: str) -> None:
    """Raise when two entries, each (name, where), have the same name."""
    seen: dict[Any, str] = {}
    for name, where in entries:
        if name in seen:
            shown = " ".join(name) if isinstance(name, tuple) else name
            raise bad_spec(where, f"There are two {what} named {shown!r}; the first is {seen[name]}.")
        seen[name] = where


def _shown(value: object) -> str:
    text = repr(value)
    return text if len(text) <= 80 else f"{text[:77]}…"
