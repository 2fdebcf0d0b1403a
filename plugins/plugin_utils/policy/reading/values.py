# Copyright: (c) 2026, the tidegate developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Reads single values out of YAML, where everything may have another type than its author thought.

Each function returns None after it has reported an error.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Collection, Mapping, Sequence
from typing import Any, TypeVar

from ansible_collections.tidegate.nftables.plugins.module_utils import unit_names
from ansible_collections.tidegate.nftables.plugins.plugin_utils.policy.errors import ErrorReport, Place

from . import hints

Choice = TypeVar("Choice", bound=str)
NO_UID = 2**32 - 1
"""The kernel's "no uid", (uid_t) -1."""
_TYPES = (
    (bool, "true or false"),
    (int, "a number"),
    (float, "a number"),
    (str, "a text"),
    (Mapping, "a mapping"),
    (list, "a list"),
    (dt.date, "a date"),
)
_UNITS = {"s": 1, "m": 60, "h": 3600, "d": 86400}
_LIST_IN_A_LIST = 'write it without the outer brackets, or join lists: "{{ these + those }}"'


def show(value: object) -> str:
    """Return a value in quotes for a message, of at most 60 characters."""
    text = str(value)
    text = text if len(text) <= 60 else text[:57] + "…"
    return '"' + text.replace("\n", "\\n") + '"'


def enumeration(words: Sequence[str], conjunction: str = "and") -> str:
    """Return words as a sentence has them: `a, b and c`."""
    return f" {conjunction} ".join(part for part in (", ".join(words[:-1]), words[-1]) if part)


def items(report: ErrorReport, place: Place, value: Any) -> list[tuple[Place, Any]] | None:
    """Return (place, element) of a list; a single text or number stands for a list of one.

    A list in a list comes from a template such as `["{{ networks }}"]`. It is an error, and its elements are read too,
    to find the errors in them.
    """
    if isinstance(value, (list, tuple)):
        return [element for index, item in enumerate(value) for element in _item(report, place.index(index), item)]
    if isinstance(value, Mapping):
        report.error(place, "is a mapping where a list is needed", "begin each element with a dash")
        return None
    if value is None:
        report.error(place, "is empty", "write at least one element")
        return None
    return [(place, value)]


def _item(report: ErrorReport, place: Place, value: Any) -> list[tuple[Place, Any]]:
    if not isinstance(value, (list, tuple)):
        return [(place, value)]
    report.error(place, "is a list inside a list", _LIST_IN_A_LIST)
    return [(place, item) for item in value if not isinstance(item, (list, tuple))]


def mapping(
    report: ErrorReport,
    place: Place,
    value: Any,
    keys: Collection[str],
    required: Collection[str] = (),
    *,
    fix: str = "",
) -> dict[str, Any] | None:
    """Return the known keys of a mapping; of one with errors those that can be read, to find all errors.

    fix: what to write where required keys are missing.
    """
    if not isinstance(value, Mapping):
        needed = enumeration(list(required or keys)[:3])
        report.error(place, f"{show(value)} is not a mapping", f"write one with the keys {needed}")
        return None
    meant = set()
    for key in value:
        if key not in keys:
            guess = hints.guess(str(key), keys, "keys")
            report.error(place, f"unknown key {show(key)}", _key_fix(str(key), guess, keys))
            meant.add(guess)
    missing = [key for key in required if key not in value and key not in meant]
    if missing:
        report.error(place, f"{enumeration(missing)} {'is' if len(missing) == 1 else 'are'} missing", fix)
    return {str(key): item for key, item in value.items() if key in keys}


def _key_fix(key: str, guess: str | None, keys: Collection[str]) -> str:
    """Return what to write for an unknown key; the name of a group or host alone is not a destination."""
    form = hints.DESTINATION_KEYS.get(key.lower()) if guess in ("to", "from") else None
    return f'write {guess}: ["{form}"]' if form else hints.did_you_mean(key, keys, "keys")


def text(report: ErrorReport, place: Place, value: Any) -> str | None:
    """Read a text of one line that is not empty."""
    if not isinstance(value, str):
        report.error(place, f"YAML reads {show(value)} as {kind(value)}", "write a text in quotes")
        return None
    if not value.strip():
        report.error(place, "is an empty text")
        return None
    if "\n" in value:
        report.error(place, f"{show(value)} has more than one line", "write it in one line")
        return None
    return str(value).strip()


def choice(
    report: ErrorReport, place: Place, value: Any, choices: Collection[Choice], table: str = ""
) -> Choice | None:
    """Read one of a few words. YAML 1.1 reads off and on as false and true, which count as the words that they were."""
    if isinstance(value, bool):
        value = "on" if value else "off"
    for word in choices:
        if isinstance(value, str) and word == value:
            return word
    report.error(place, f"unknown value {show(value)}", hints.did_you_mean(str(value), choices, table))
    return None


def boolean(report: ErrorReport, place: Place, value: Any) -> bool | None:
    """Read true or false, not a text that looks like it."""
    if isinstance(value, bool):
        return value
    report.error(place, f"{show(value)} is neither true nor false", "write true or false, without quotes")
    return None


def date(report: ErrorReport, place: Place, value: Any) -> dt.date | None:
    """Read a day, as YAML's date or as a text."""
    if isinstance(value, dt.date) and not isinstance(value, dt.datetime):
        return value
    if isinstance(value, str):
        try:
            return dt.date.fromisoformat(value)
        except ValueError:
            pass
    report.error(place, f"{show(value)} is not a date", "write it as 2027-03-31")
    return None


def seconds(value: Any) -> int | None:
    """Return the seconds of 90, "90", "90s", "10m", "1h" or "7d"; None for what is no length of time."""
    if isinstance(value, bool) or not isinstance(value, int | str):
        return None
    text = str(value).strip()
    number, unit = (text[:-1], text[-1]) if text[-1:] in _UNITS else (text, "s")
    return int(number) * _UNITS[unit] if number.isascii() and number.isdigit() else None


def users(report: ErrorReport, place: Place, value: Any) -> tuple[str, ...] | None:
    """Read user names and uids, sorted, at least one: only a key that is left out means every user."""
    elements = items(report, place, value)
    if elements is None:
        return None
    if not elements:
        report.error(place, "is an empty list", "name at least one user, or leave the key out to mean every user")
        return None
    names = [_user(report, element_place, item) for element_place, item in elements]
    if any(name is None for name in names):
        return None
    return tuple(sorted({name for name in names if name is not None}))


def units(report: ErrorReport, place: Place, value: Any) -> tuple[str, ...] | None:
    """Read names of systemd units, sorted, at least one: only a key that is left out means every unit."""
    elements = items(report, place, value)
    if elements is None:
        return None
    if not elements:
        report.error(place, "is an empty list", "name at least one unit, or leave the key out to mean every unit")
        return None
    names = [_unit(report, element_place, item) for element_place, item in elements]
    return None if None in names else tuple(sorted({name for name in names if name is not None}))


def _unit(report: ErrorReport, place: Place, value: Any) -> str | None:
    if not isinstance(value, str):
        report.error(place, f"YAML reads {show(value)} as {kind(value)}", "write the unit's name in quotes")
        return None
    if value in ("any", "all", "*"):
        report.error(place, f"{show(value)} is not a unit", "leave the key out to mean every unit")
        return None
    try:
        unit_names.check(value)
    except unit_names.UnitNameError as error:
        report.error(place, f"{show(value)} {error.cause}", error.fix)
        return None
    return str(value)


def kind(value: object) -> str:
    """Return what YAML read a value as, in a person's words."""
    if value is None:
        return "nothing"
    return next((name for type_, name in _TYPES if isinstance(value, type_)), type(value).__name__)


def _user(report: ErrorReport, place: Place, value: Any) -> str | None:
    if isinstance(value, int) and not isinstance(value, bool):
        value = str(int(value))
    if not isinstance(value, str):
        report.error(place, f"YAML reads {show(value)} as {kind(value)}", "write the user's name in quotes")
        return None
    if value in ("any", "all", "*"):
        report.error(place, f"{show(value)} is not a user", "leave users out to mean every user")
        return None
    if value.isdigit():
        if int(value) < NO_UID:
            return str(int(value))
        report.error(place, f"{show(value)} is not a uid", f"write a number up to {NO_UID - 1}")
        return None
    if not value or len(value) > 256 or any(char.isspace() or char in "\"',;{}" for char in value):
        report.error(place, f"{show(value)} is not a user name", "write one name in each element, without spaces")
        return None
    return str(value)
