# Copyright: (c) 2026, the tidegate developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The one grammar of systemd units in a policy, for both sides.

A unit means its own processes and all below it: ``restic@.service`` every instance of this template, ``batch.slice``
everything in the slice. The names are those of the system's manager (systemd.unit(5)); units of a user's manager are
parts of ``user@UID.service``.
"""

from __future__ import annotations

import re

KINDS = ("service", "slice", "scope")
"""The kinds of units that have processes."""
_OTHER_KINDS = ("socket", "timer", "target", "path", "mount", "automount", "swap", "device")
_MAX = 255
_CHARACTERS = re.compile(r"[A-Za-z0-9:_.\\@-]+")
_SLICE = re.compile(r"[^@-]+(-[^@-]+)*\.slice")
_SERVICE_LEVELS = (2, 3, 4)
"""From system.slice/x.service to a service in a slice of a slice of a slice."""


class UnitNameError(ValueError):
    """A text that names no unit. cause: a sentence that follows the text. fix: what to write."""

    def __init__(self, cause: str, fix: str) -> None:
        super().__init__(f"{cause}; {fix}")
        self.cause = cause
        self.fix = fix


def check(text: str) -> None:
    """Raise UnitNameError, with the reason, for everything that is no name of a unit with processes."""
    if "/" in text:
        raise UnitNameError("is a path", "write the unit alone, such as nginx.service")
    if "*" in text or "?" in text:
        raise UnitNameError("is a pattern", "write a template such as restic@.service, or a slice")
    if not _CHARACTERS.fullmatch(text):
        raise UnitNameError("is not a unit", "unit names have letters, digits and : - _ . \\ @")
    if len(text) > _MAX:
        raise UnitNameError(f"has {len(text)} characters", f"units have names of at most {_MAX}")
    name, _dot, kind = text.rpartition(".")
    if kind not in KINDS:
        if kind in _OTHER_KINDS and name:
            raise UnitNameError("has no processes", "name the service, slice or scope that has them")
        raise UnitNameError("has no kind of unit at its end", f"write {text}.service, or a slice or scope")
    if text == "-.slice":
        raise UnitNameError("is the whole system", "leave units out to mean every unit")
    if not name or name.startswith("@") or (kind == "scope" and name.endswith("@")):
        raise UnitNameError("is not a unit", "write a name such as nginx.service")
    if kind == "slice" and not _SLICE.fullmatch(text):
        raise UnitNameError("is not a slice", "the parts of its name have a single - between them, and no @")


def parent(name: str) -> str:
    """Return the next wider unit that a name is a part of by itself, "" for none.

    Of an instance its template, of a slice the one that it is in. In which slice a service is, its name does not say.
    """
    rest, _dot, kind = name.rpartition(".")
    if kind == "slice":
        wider, dash, _last = rest.rpartition("-")
        return f"{wider}.slice" if dash else ""
    prefix, at, instance = rest.partition("@")
    return f"{prefix}@.{kind}" if at and instance else ""


def is_part(name: str, unit: str) -> bool:
    """Tell whether a unit is another one, or by its name a part of it."""
    while name and name != unit:
        name = parent(name)
    return bool(name)


def levels(name: str) -> tuple[int, ...]:
    """Return the depths of the cgroup tree at which a unit can be; below system.slice is 2.

    A slice has one place. A service or scope is in any slice; deeper ones are not matched.
    """
    if name.endswith(".slice"):
        return (name.count("-") + 1,)
    return (1,) if name == "init.scope" else _SERVICE_LEVELS
