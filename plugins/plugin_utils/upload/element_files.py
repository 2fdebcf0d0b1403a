# Copyright: (c) 2026, the tidegate developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The sets of a task whose elements are in files of the controller, and the arguments that replace these files."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

FOLDER = "/var/lib/tidegate/elements"
"""The folder of uploaded files on the host. A file is uploaded again when it is missing or its digest differs."""

SOURCE = "elements_src"
_CHUNK = 1 << 20
"""Bytes that are read at once."""


@dataclass(frozen=True)
class ElementFile:
    """One file. arguments: those that name it. where: the path into the arguments at which the module misses it."""

    arguments: dict[str, Any]
    name: str
    where: str

    def use_uploaded(self, folder: str, digest: str) -> None:
        """Have the module read the copy in a folder on the host, when its digest is this."""
        self.arguments.update(elements_file=f"{folder}/{self.name}", elements_sum=digest)

    def use_temporary(self, path: str) -> None:
        """Have the module read a file that is on the host for this run only."""
        self.arguments.update(elements_file=path)


def element_files(arguments: dict[str, Any]) -> list[tuple[ElementFile, str]]:
    """Return (file, path as written) for each file, and remove the paths from the arguments.

    arguments: those of nft_set, or of nft_ruleset with its tables and their sets. What is not a mapping or a list is
    left for the module to reject. Raise ValueError for a set whose elements come from two options.
    """
    if SOURCE in arguments:
        return [_element_file(arguments, arguments.get("family"), arguments.get("table"), "")]
    return [
        _element_file(set_, table.get("family"), table.get("name"), f"tables[{table_index}].sets[{set_index}].")
        for table_index, table in _mappings(arguments.get("tables"))
        for set_index, set_ in _mappings(table.get("sets"))
        if SOURCE in set_
    ]


def _mappings(value: object) -> list[tuple[int, dict[str, Any]]]:
    elements = value if isinstance(value, list) else []
    return [(index, element) for index, element in enumerate(elements) if isinstance(element, dict)]


def _element_file(arguments: dict[str, Any], family: object, table: object, where: str) -> tuple[ElementFile, str]:
    if any(arguments.get(key) is not None for key in ("elements", "elements_file")):
        raise ValueError(f"{where}{SOURCE}: Give one of 'elements', 'elements_file' and '{SOURCE}'.")
    path = str(arguments.pop(SOURCE))
    words = (str(family or "inet"), str(table), str(arguments.get("name")))
    name = ".".join("".join(sign if sign.isalnum() or sign in "_-" else "_" for sign in word) for word in words)
    return ElementFile(arguments, f"{name}.txt", f"{where}elements_file"), path


def digest(path: str) -> str:
    """Return a file's SHA-256 in hexadecimal. Raise OSError when it cannot be read."""
    total = hashlib.sha256()
    with Path(path).open("rb") as file:
        for chunk in iter(partial(file.read, _CHUNK), b""):
            total.update(chunk)
    return total.hexdigest()


def missing(outcome: Mapping[str, Any]) -> str | None:
    """Return the path into the arguments of the file that a module asks for, None when it asks for none."""
    return str(outcome.get("where")) if outcome.get("reason") == "file_needed" else None
