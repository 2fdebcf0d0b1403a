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
"""What a line break inside of inner braces becomes: nothing after a comma or the brace, else the end of a statement."""


@dataclass(frozen=True)
class ListingBlock:
    """One thing of a listing with braces; lines: what is in them, one statement each, nested braces in line."""

    header: str
    lines: tuple[str, ...]


def cut(listing: str) -> list[ListingBlock]:
    """Cut a listing into its blocks, each table before what is in it. Raise ValueError when it is none."""
    found: list[ListingBlock] = []
    open_blocks: list[tuple[str, list[str], int]] = []
    line: list[str] = []
    depth = 0
    for sign in _TOKEN.findall(listing):
        if sign == "\n":
            _newline(line, open_blocks, depth)
        elif sign == "{" and depth < 2:
            depth += 1
            open_blocks.append((_flush(line), [], len(found)))
            found.append(ListingBlock("", ()))
        elif sign == "}" and not depth:
            raise ValueError("a brace closes that never opened")
        elif sign == "}" and depth <= 2:
            _newline(line, open_blocks, depth)
            header, lines, at = open_blocks.pop()
            found[at] = ListingBlock(header, tuple(lines))
            depth -= 1
        else:
            depth += {"{": 1, "}": -1}.get(sign, 0)
            line.append(sign.lstrip() if line[-1:] in ([_JOIN], [_END]) else sign)
    if depth:
        raise ValueError("braces do not match")
    return found


def _flush(line: list[str]) -> str:
    text = "".join(line).strip()
    line.clear()
    return text


def _newline(line: list[str], open_blocks: list[tuple[str, list[str], int]], depth: int) -> None:
    """End a statement; inside inner braces a line break only separates what is in them."""
    if depth <= 2:
        text = _flush(line)
        if text and open_blocks:
            open_blocks[-1][1].append(text)
        return
    if line:
        line[-1] = _INNER_HANDLE.sub("", line[-1]).rstrip()
    last = next((piece for piece in reversed(line) if piece), "")
    line.append(_JOIN if last.endswith((",", "{")) else _END)
