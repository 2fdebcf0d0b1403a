# Copyright: (c) 2026, the tidegate developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a page shows that a reader may paste: commands and YAML, in the order of the page."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Literal

PROGRAMS = (
    "ansible-playbook",
    "ansible-galaxy",
    "ansible-doc",
    "ansible-rulebook",
    "pip",
    "make",
    "molecule",
    "podman",
    "tidegate",
    "nft",
    "systemctl",
)
_COMMAND = re.compile(rf"(?:{'|'.join(PROGRAMS)})(?: (?!is\b|has\b|are\b).*)")
_FENCE = re.compile(r"^( *)```(\w*)$")
_INLINE = re.compile(r"`([^`]+)`")


@dataclass(frozen=True)
class Block:
    """One thing to paste. line: where it begins; kind: YAML, or one command; text: without indentation and prompt.

    output: the lines below a command that show what it prints.
    """

    line: int
    kind: Literal["yaml", "command"]
    text: str
    output: tuple[str, ...] = ()


def blocks(path: Path) -> list[Block]:
    """Return the YAML blocks and commands of a page: fenced, indented, and between backticks."""
    of_page: list[Block] = []
    lines = iter(enumerate(path.read_text(encoding="utf-8").splitlines(), 1))
    for number, line in lines:
        if fence := _FENCE.match(line):
            body = list(_until_fence(lines, fence[1]))
            if fence[2] in ("yaml", "yml"):
                of_page.append(Block(number, "yaml", "".join(f"{text}\n" for text in body)))
            elif not fence[2]:
                of_page += _commands(number, body)
        elif line.startswith("    ") and line.strip():
            of_page += _indented(number, line, lines)
        else:
            of_page += [Block(number, "command", text) for text in _INLINE.findall(line) if _COMMAND.fullmatch(text)]
    return of_page


def _until_fence(lines: Iterator[tuple[int, str]], indent: str) -> Iterator[str]:
    for _number, line in lines:
        if line == f"{indent}```":
            return
        yield line.removeprefix(indent)


def _indented(number: int, line: str, lines: Iterator[tuple[int, str]]) -> list[Block]:
    """Return an indented block: YAML when it begins with an item of a list, else commands."""
    body = [line[4:]]
    for _number, following in lines:
        if not following.startswith("    "):
            break
        body.append(following[4:])
    if body[0].startswith("- "):
        return [Block(number, "yaml", "".join(f"{text}\n" for text in body))]
    return _commands(number, body)


def _commands(number: int, body: list[str]) -> list[Block]:
    """Return the commands among lines that also show what they print; a command may go on behind a backslash."""
    blocks: list[Block] = []
    for line in re.sub(r"\\\n\s*", "", "\n".join(body)).split("\n"):
        text = re.sub(r"\s+#\s.*", "", re.sub(r"^[#$] ", "", line))
        if _COMMAND.fullmatch(text):
            blocks.append(Block(number, "command", text))
        elif blocks and line.strip():
            blocks[-1] = replace(blocks[-1], output=(*blocks[-1].output, line.strip()))
    return blocks
