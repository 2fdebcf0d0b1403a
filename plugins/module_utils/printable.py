# Copyright: (c) 2026, the tidegate developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What others wrote (comments, names, reasons, paths, errors), as text that a terminal, a file or a log can hold.

A comment of a foreign table may hold escape sequences for the terminal that shows it, line ends that begin a new line
of a file, or marks that turn the direction of text.
"""

from __future__ import annotations

from typing import Any, Mapping

LIMIT = 4096
"""Characters of a line; nft's longest comment has 128, a path 4096."""

_KEPT = "\n\t"
"""Characters of a text of several lines that only move the cursor."""


def printable(text: str, limit: int = LIMIT) -> str:
    """Return a text as one line: what is not printable is escaped, what is too long is cut and ends in ``...``."""
    shown = text if text.isprintable() else "".join(map(_letter, text))
    return shown if len(shown) <= limit else shown[: limit - 3] + "..."


def printable_lines(text: str) -> str:
    """Return a text of several lines with everything but line ends and tabs printable. Its length stays."""
    return "".join(letter if letter in _KEPT else _letter(letter) for letter in text)


def printable_values(value: Any) -> Any:
    """Return a copy of plain data whose texts, keys among them, are printable; texts may have several lines."""
    if isinstance(value, str):
        return value if value.isprintable() else printable_lines(value)
    if isinstance(value, Mapping):
        return {printable_values(key): printable_values(inner) for key, inner in value.items()}
    if isinstance(value, (list, tuple)):
        return [printable_values(inner) for inner in value]
    return value


def _letter(letter: str) -> str:
    return letter if letter.isprintable() else letter.encode("unicode_escape").decode("ascii")
