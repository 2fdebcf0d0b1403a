# Copyright: (c) 2026, the tidegate developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Which sets of a task have their elements in a file of the controller, and what the module is told in its place."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

FOLDER = "/var/lib/tidegate/elements"
"""Where a host keeps them; a file is shipped again when it is not there or has another sum."""

SOURCE = "elements_src"
_PIECE = 1 << 20


@dataclass(frozen=True)
class Parcel:
    """One file. given: the arguments that name it. where: the path into the arguments at which a module misses it."""

    given: dict[str, Any]
    name: str
    where: str

    def address(self, digest: str) -> None:
        """Have the module take the host's copy, if that has this sum."""
        self.given.update(elements_file=f"{FOLDER}/{self.name}", elements_sum=digest)

    def hand_over(self, path: str) -> None:
        """Have the module take a file that is on the host for this run only."""
        self.given.update(elements_file=path)


def parcels(arguments: dict[str, Any]) -> list[tuple[Parcel, str]]:
    """Return (parcel, path as written) for each file, and take the paths out of the arguments.

    arguments: those of nft_set, or of nft_ruleset with its tables and their sets. What is no mapping or list is left
    for the module to complain about. ValueError when a set has its elements twice.
    """
    if SOURCE in arguments:
        return [_parcel(arguments, arguments.get("family"), arguments.get("table"), "")]
    found = []
    for place, table in _mappings(arguments.get("tables")):
        for at, one in _mappings(table.get("sets")):
            if SOURCE in one:
                found.append(_parcel(one, table.get("family"), table.get("name"), f"tables[{place}].sets[{at}]."))
    return found


def _mappings(value: object) -> list[tuple[int, dict[str, Any]]]:
    listed = value if isinstance(value, list) else []
    return [(place, one) for place, one in enumerate(listed) if isinstance(one, dict)]


def _parcel(given: dict[str, Any], family: object, table: object, where: str) -> tuple[Parcel, str]:
    if any(given.get(key) is not None for key in ("elements", "elements_file")):
        raise ValueError(f"{where}{SOURCE}: Give one of 'elements', 'elements_file' and '{SOURCE}'.")
    path = str(given.pop(SOURCE))
    words = (str(family or "inet"), str(table), str(given.get("name")))
    name = ".".join("".join(sign if sign.isalnum() or sign in "_-" else "_" for sign in word) for word in words)
    return Parcel(given, f"{name}.txt", f"{where}elements_file"), path


def digest(path: str) -> str:
    """Return a file's SHA-256; OSError when it cannot be read."""
    found = hashlib.sha256()
    with Path(path).open("rb") as file:
        for piece in iter(partial(file.read, _PIECE), b""):
            found.update(piece)
    return found.hexdigest()


def missing(outcome: Mapping[str, Any]) -> str | None:
    """Return where in the arguments the file is that a module asks for, None when it asks for none."""
    return str(outcome.get("where")) if outcome.get("reason") == "file_needed" else None
