# Copyright: (c) 2026, the tidegate developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Files with one element per line; '#' outside of quotes starts a remark."""

from __future__ import annotations

import hashlib
from functools import partial
from pathlib import Path

from ansible_collections.tidegate.nftables.plugins.module_utils.nft.errors import UNCHANGED, EngineError, bad_spec

from . import validate
from .spec import ElementsFile

_BLOCK = 1 << 20


def identify(path: str, where: str, expected: object = None) -> ElementsFile:
    """Return the file at a path with the checksum of its content; raise when it cannot be read.

    expected: the SHA-256 that it must have.
    """
    checksum = hashlib.sha256()
    try:
        with Path(path).open("rb") as file:
            for block in iter(partial(file.read, _BLOCK), b""):
                checksum.update(block)
    except OSError as error:
        if expected is not None and isinstance(error, FileNotFoundError):
            raise EngineError("file_needed", f"{path} does not exist. {UNCHANGED}", where) from error
        raise _unreadable(path, where, error) from error
    if expected not in (None, checksum.hexdigest()):
        raise EngineError(
            "file_needed", f"{path} has the SHA-256 {checksum.hexdigest()}, not {expected}. {UNCHANGED}", where
        )
    return ElementsFile(path, checksum.hexdigest(), where)


def text(file: ElementsFile) -> bytes:
    """Return the elements as the file has them, one per line, in its order, without remarks and empty lines."""
    content = _content(file)
    plain = content.isascii() and not any(mark in content for mark in ("#", "\n ", " \n", "\n\n", "\t", "\r"))
    if plain and content[:1] not in ("\n", " ") and content[-1:] != " ":
        return content[: -1 if content.endswith("\n") else None].encode()
    return "\n".join(line for line in _stripped(content) if line).encode()


def lines(file: ElementsFile) -> list[str]:
    """Return every line of the file without its remark, so that indexes are line numbers."""
    return _stripped(_content(file))


def place(file: ElementsFile, text: str) -> str:
    """Return the place of an element in the file, for an error."""
    numbers = (number for number, line in enumerate(lines(file), 1) if line == text)
    return f"{file.where} {file.path}:{next(numbers, 0)}"


def _content(file: ElementsFile) -> str:
    try:
        content = Path(file.path).read_bytes()
        text = content.decode("utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise _unreadable(file.path, file.where, error) from error
    if hashlib.sha256(content).hexdigest() != file.digest:
        raise EngineError("busy", f"{file.path} changed while it was being read. Run again. {UNCHANGED}", file.where)
    return text


def _stripped(content: str) -> list[str]:
    if "#" not in content:
        plain = not any(mark in content for mark in ("\n ", " \n", "\t", "\r")) and content[:1] != " "
        return content.split("\n") if plain else [line.strip() for line in content.splitlines()]
    return [validate.without_remark(line) if "#" in line else line.strip() for line in content.splitlines()]


def _unreadable(path: str, where: str, error: Exception) -> EngineError:
    return bad_spec(where, f"{path} cannot be read: {getattr(error, 'strerror', None) or error}.")
