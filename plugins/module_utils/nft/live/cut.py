# Copyright: (c) 2026, the tidegate developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Cut nft's own text of tables into blocks of whole statements: the one reader of that text on a host."""

from __future__ import annotations

import re
from dataclasses import dataclass

_TOKEN = re.compile(r'"[^"]*"|[{}\n]|[^"{}\n]+')
_INNER_HANDLE = re.compile(r" # handle \d+$")
_JOIN, _END = " ", "; "
"""Replacement of a line break inside of inner braces: _JOIN after a comma or the brace, else _END."""


@dataclass(frozen=True)
class ListingBlock:
    """An object of a listing; lines: its statements, one each, with nested braces on their line."""

    header: str
    lines: tuple[str, ...]


def cut(listing: str) -> list[ListingBlock]:
    """Return the blocks of a listing, each table before its content. Raise ValueError for other text."""
    blocks: list[ListingBlock] = []
    open_blocks: list[tuple[str, list[str], int]] = []
    line: list[str] = []
    depth = 0
    for mark in _TOKEN.findall(listing):
        if mark == "\n":
            _newline(line, open_blocks, depth)
        elif mark == "{" and depth < 2:
            depth += 1
            open_blocks.append((_flush(line), [], len(blocks)))
            blocks.append(ListingBlock("", ()))
        elif mark == "}" and not depth:
            raise ValueError("a brace closes that never opened")
        elif mark == "}" and depth <= 2:
            _newline(line, open_blocks, depth)
            header, lines, at = open_blocks.pop()
            blocks[at] = ListingBlock(header, tuple(lines))
            depth -= 1
        else:
            depth += {"{": 1, "}": -1}.get(mark, 0)
            line.append(mark.lstrip() if line[-1:] in ([_JOIN], [_END]) else mark)
    if depth:
        raise ValueError("braces do not match")
    return blocks


def _flush(line: list[str]) -> str:
    text = "".join(line).strip()
    line.clear()
    return text


def _newline(line: list[str], open_blocks: list[tuple[str, list[str], int]], depth: int) -> None:
    """End a statement; inside of inner braces a line break only separates items."""
    if depth <= 2:
        text = _flush(line)
        if text and open_blocks:
            open_blocks[-1][1].append(text)
        return
    if line:
        line[-1] = _INNER_HANDLE.sub("", line[-1]).rstrip()
    last = next((part for part in reversed(line) if part), "")
    line.append(_JOIN if last.endswith((",", "{")) else _END)
