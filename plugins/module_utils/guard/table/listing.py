# Copyright: (c) 2026, the tidegate developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The text of ``nft list table``, taken apart as far as putting a table back needs it: blocks, elements, numbers.

What stands inside double quotes is never looked at; nft has no escape for a quote, so a comment cannot end early.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, replace
from typing import Callable

from ansible_collections.tidegate.nftables.plugins.module_utils.guard.host.errors import GuardError

_HEAD = re.compile(r"^\t(\S.*?) (\S+) \{$")
_ELEMENTS = "\t\telements = { "
_BETWEEN = ",\n\t\t\t     "
_QUOTED = r'"[^"]*"'
_NUMBERS = re.compile(_QUOTED + r"|packets \d+ bytes \d+")
_USED = re.compile(_QUOTED + r"| used (?:never|\d+ \w+|\S+)")
_SOON = " expires "
"""In every element that ends; looked for first, because most do not and there may be a hundred thousand."""
_EXPIRES = re.compile(_QUOTED + r"| expires (\S+)")
_DURATION = re.compile(r"(\d+)(ms|[wdhms])")
_MILLISECONDS = {"w": 604_800_000, "d": 86_400_000, "h": 3_600_000, "m": 60_000, "s": 1000, "ms": 1}


@dataclass(frozen=True)
class Block:
    """One set, map, chain or object. kind: nft's word or words for it; lines: declaration or rules, as listed."""

    kind: str
    name: str
    lines: tuple[str, ...] = ()
    elements: tuple[str, ...] = ()

    @property
    def dynamic(self) -> bool:
        """Whether packets write into it."""
        return self.kind == "set" and any(
            line.startswith("\t\tflags ") and "dynamic" in line.split("flags ", 1)[1].split(",") for line in self.lines
        )


@dataclass(frozen=True)
class Listing:
    """A whole table. head: its first line; lines: what it says of itself before the first block."""

    head: str
    lines: tuple[str, ...]
    blocks: tuple[Block, ...]

    def block(self, kind: str, name: str) -> Block | None:
        """Return a block, None when there is none of that kind and name."""
        return next((block for block in self.blocks if (block.kind, block.name) == (kind, name)), None)


def parse(text: str) -> Listing:
    """Take the listing of one table apart; GuardError (damaged) for anything else."""
    lines = text.rstrip("\n").split("\n")
    if len(lines) < 2 or not lines[0].startswith("table ") or lines[-1] != "}":
        raise _unreadable("it is no listing of one table")
    own: list[str] = []
    blocks: list[Block] = []
    at = 1
    while at < len(lines) - 1:
        found = _HEAD.match(lines[at])
        if found is None:
            if lines[at]:
                own.append(lines[at])
            at += 1
            continue
        end = next((place for place in range(at, len(lines)) if lines[place] == "\t}"), None)
        if end is None:
            raise _unreadable(f"{found[1]} {found[2]} has no end")
        blocks.append(_block(found[1], found[2], lines[at + 1 : end]))
        at = end + 1
    return Listing(lines[0], tuple(own), tuple(blocks))


def render(listing: Listing) -> str:
    """Return the text that was taken apart."""
    body = "\n".join(_render_block(block) for block in listing.blocks)
    own = "".join(f"{line}\n" for line in listing.lines)
    between = "\n" if own and body else ""
    return f"{listing.head}\n{own}{between}{body}}}\n"


def change_blocks(listing: Listing, change: Callable[[Block], Block | None]) -> Listing:
    """Return the listing with every block changed, or left out where the change is None."""
    changed = (change(block) for block in listing.blocks)
    return replace(listing, blocks=tuple(block for block in changed if block is not None))


def zeroed(text: str) -> str:
    """Return a text with every counter at 0 and every quota unused."""
    text = _NUMBERS.sub(lambda found: found[0] if found[0][0] == '"' else "packets 0 bytes 0", text)
    return _USED.sub(lambda found: found[0] if found[0][0] == '"' else "", text)


def temporary(element: str) -> bool:
    """Whether an element ends by itself."""
    return _SOON in element and any(found[1] for found in _EXPIRES.finditer(element))


def timeless(element: str) -> str:
    """Return an element without the time that it has left."""
    if _SOON not in element:
        return element
    return _EXPIRES.sub(lambda found: found[0] if found[1] is None else "", element)


def aged(element: str, seconds: float) -> str | None:
    """Return an element as it is that many seconds later, None when it has ended by then."""
    if _SOON not in element:
        return element
    left: list[int] = []

    def older(found: re.Match[str]) -> str:
        if found[1] is None:
            return found[0]
        left.append(milliseconds(found[1]) - int(seconds * 1000))
        return f" expires {duration(left[-1])}"

    text = _EXPIRES.sub(older, element)
    return None if left and min(left) <= 0 else text


def milliseconds(duration_text: str) -> int:
    """Return how long nft's 1d2h3m4s5ms is."""
    parts = _DURATION.findall(duration_text)
    if not parts or "".join(number + unit for number, unit in parts) != duration_text:
        raise _unreadable(f"{duration_text!r} is no duration of nft")
    return sum(int(number) * _MILLISECONDS[unit] for number, unit in parts)


def duration(length: int) -> str:
    """Return milliseconds as nft writes them; at least one."""
    length = max(length, 1)
    text = ""
    for unit in ("d", "h", "m", "s", "ms"):
        number, length = divmod(length, _MILLISECONDS[unit])
        text += f"{number}{unit}" if number else ""
    return text


def rules(block: Block) -> list[str]:
    """Return a chain's rules, each whole: nft breaks long lists of elements over lines that are set in deeper."""
    found: list[str] = []
    for line in block.lines:
        if line.startswith("\t\t\t") and found:
            found[-1] += f"\n{line}"
        else:
            found.append(line)
    return found


def _unreadable(why: str) -> GuardError:
    return GuardError("damaged", f"A table's listing cannot be understood: {why}.")


def _block(kind: str, name: str, lines: list[str]) -> Block:
    at = next((place for place, line in enumerate(lines) if line.startswith(_ELEMENTS)), None)
    if at is None or kind == "chain":
        return Block(kind, name, tuple(lines))
    text = "\n".join(lines[at:])[len(_ELEMENTS) :]
    if not text.endswith(" }"):
        raise _unreadable(f"the elements of {kind} {name} have no end")
    return Block(kind, name, tuple(lines[:at]), tuple(_split(text[:-2])))


def _split(text: str) -> list[str]:
    """Split at the commas that stand between elements."""
    if '"' not in text and "{" not in text:
        return [element.strip() for element in text.split(",")]
    found, start, depth, quoted = [], 0, 0, False
    for at, sign in enumerate(text):
        if sign == '"':
            quoted = not quoted
        elif quoted:
            continue
        elif sign in "{}":
            depth += 1 if sign == "{" else -1
        elif sign == "," and depth == 0:
            found.append(text[start:at].strip())
            start = at + 1
    return [*found, text[start:].strip()]


def _render_block(block: Block) -> str:
    lines = "".join(f"{line}\n" for line in block.lines)
    elements = f"{_ELEMENTS}{_BETWEEN.join(block.elements)} }}\n" if block.elements else ""
    return f"\t{block.kind} {block.name} {{\n{lines}{elements}\t}}\n"
