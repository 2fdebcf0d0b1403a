# Copyright: (c) 2026, the tidegate developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Reads plain YAML values, and recognises what YAML made of something else. None is what an error leaves."""

from __future__ import annotations

import datetime as dt
from collections.abc import Collection, Mapping
from typing import Any

from ansible_collections.tidegate.nftables.plugins.plugin_utils.policy.errors import ErrorReport, Place

from . import hints


def show(value: object) -> str:
    """A value as the message about it quotes it, never longer than a line."""
    text = str(value)
    text = text if len(text) <= 60 else text[:57] + "…"
    return '"' + text.replace("\n", "\\n") + '"'


def items(report: ErrorReport, place: Place, value: Any) -> list[tuple[Place, Any]] | None:
    """(place, element) of a list; a single text or number stands for a list of one."""
    if isinstance(value, (list, tuple)):
        return [(place.index(index), item) for index, item in enumerate(value)]
    if isinstance(value, Mapping):
        report.error(place, "is a mapping where a list belongs", "begin each element with a dash")
        return None
    if value is None:
        report.error(place, "is empty", "write at least one element")
        return None
    return [(place, value)]


def mapping(
    report: ErrorReport, place: Place, value: Any, keys: Collection[str], required: Collection[str] = ()
) -> dict[str, Any] | None:
    """The known keys of a mapping. None only for what is no mapping: what can be read is read, to find all errors."""
    if not isinstance(value, Mapping):
        needed = ", ".join(required or list(keys)[:3])
        report.error(place, f"{show(value)} is no mapping", f"write one with the keys {needed}")
        return None
    meant = set()
    for key in value:
        if key not in keys:
            report.error(place, f"unknown key {show(key)}", hints.did_you_mean(str(key), keys, "keys"))
            meant.add(hints.guess(str(key), keys, "keys"))
    missing = [key for key in required if key not in value and key not in meant]
    if missing:
        report.error(place, f"{' and '.join(missing)} {'is' if len(missing) == 1 else 'are'} missing")
    return {str(key): item for key, item in value.items() if key in keys}


def text(report: ErrorReport, place: Place, value: Any) -> str | None:
    """A text of one line that is not empty."""
    if not isinstance(value, str):
        report.error(place, f"{show(value)} is read by YAML as {kind(value)}", "write a text, in quotes")
        return None
    if not value.strip() or "\n" in value:
        report.error(place, f"{show(value)} is no text of one line")
        return None
    return str(value).strip()


def choice(report: ErrorReport, place: Place, value: Any, choices: Collection[str], table: str = "") -> str | None:
    """One of a few words. The off and on of YAML 1.1, which are false and true, are taken for the words they were."""
    if isinstance(value, bool):
        value = "on" if value else "off"
    if isinstance(value, str) and value in choices:
        return str(value)
    report.error(place, f"unknown word {show(value)}", hints.did_you_mean(str(value), choices, table))
    return None


def boolean(report: ErrorReport, place: Place, value: Any) -> bool | None:
    """true or false, not a text that looks like it."""
    if isinstance(value, bool):
        return value
    report.error(place, f"{show(value)} is neither true nor false")
    return None


def date(report: ErrorReport, place: Place, value: Any) -> dt.date | None:
    """A day, as YAML's date or as a text."""
    if isinstance(value, dt.date) and not isinstance(value, dt.datetime):
        return value
    try:
        return dt.date.fromisoformat(value) if isinstance(value, str) else _no_date()
    except ValueError:
        report.error(place, f"{show(value)} is no day", "write it as 2027-03-31")
        return None


def users(report: ErrorReport, place: Place, value: Any) -> tuple[str, ...] | None:
    """User names and uids, sorted, at least one: no users is said by leaving the key out, never by an empty list."""
    elements = items(report, place, value)
    if elements is None:
        return None
    if not elements:
        report.error(place, "is an empty list", "name at least one user, or leave it out to mean every user")
        return None
    names = [_user(report, at, item) for at, item in elements]
    if any(name is None for name in names):
        return None
    return tuple(sorted({name for name in names if name is not None}))


def kind(value: object) -> str:
    """What YAML took a value for, in a person's words."""
    if value is None:
        return "nothing"
    for type_, name in (
        (bool, "true or false"),
        (int, "a number"),
        (float, "a number"),
        (str, "a text"),
        (Mapping, "a mapping"),
        (list, "a list"),
        (dt.date, "a date"),
    ):
        if isinstance(value, type_):
            return name
    return type(value).__name__


def _no_date() -> dt.date:
    raise ValueError


def _user(report: ErrorReport, place: Place, value: Any) -> str | None:
    if isinstance(value, int) and not isinstance(value, bool):
        value = str(int(value))
    if not isinstance(value, str):
        report.error(place, f"{show(value)} is read by YAML as {kind(value)}", "write the user's name in quotes")
        return None
    if value in ("any", "all", "*"):
        report.error(place, f"{show(value)} is no user", "leave users out to mean every user")
        return None
    if value.isdigit():
        # 4294967295 is the kernel's "no uid" ((uid_t) -1).
        if int(value) < 2**32 - 1:
            return str(int(value))
        report.error(place, f"{show(value)} is no uid", "uids end at 4294967294")
        return None
    if not value or len(value) > 256 or any(char.isspace() or char in "\"',;{}" for char in value):
        report.error(place, f"{show(value)} is no user name")
        return None
    return str(value)
