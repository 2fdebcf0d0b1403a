# Copyright: (c) 2026, the tidegate developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A listed table as text in blocks: what is compared, changed and loaded again without being interpreted.

Unlike the engine's model, a block keeps the numbers of counters and the remaining time of elements, and it renders to
text that nft loads.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, replace
from typing import Callable

from ansible_collections.tidegate.nftables.plugins.module_utils.guard.host.errors import GuardError
from ansible_collections.tidegate.nftables.plugins.module_utils.nft.desired import tokens
from ansible_collections.tidegate.nftables.plugins.module_utils.nft.live.cut import ListingBlock, cut

_ELEMENTS = "elements = {"
_BETWEEN = ",\n\t\t\t     "
_NUMBERS = re.compile(r'"[^"]*"|packets \d+ bytes \d+')
_USED = re.compile(r'"[^"]*"| used (?:never|\d+ \w+|\S+)')


@dataclass(frozen=True)
class Block:
    """A set, map, chain or object. kind: nft's word or words for it; lines: declaration or rules, one each."""

    kind: str
    name: str
    lines: tuple[str, ...] = ()
    elements: tuple[str, ...] = ()

    @property
    def dynamic(self) -> bool:
        """Whether packets add elements to it."""
        return self.kind == "set" and any(
            line.startswith("flags ") and "dynamic" in line[len("flags ") :].split(",") for line in self.lines
        )


@dataclass(frozen=True)
class Listing:
    """A table. head: family and name; lines: comment and flags."""

    head: str
    lines: tuple[str, ...]
    blocks: tuple[Block, ...]

    def block(self, kind: str, name: str) -> Block | None:
        """Return the block of this kind and name, None when there is none."""
        return next((block for block in self.blocks if (block.kind, block.name) == (kind, name)), None)


def parse(text: str) -> Listing:
    """Parse the listing of one table; raise GuardError (damaged) for any other text."""
    try:
        # Text around the table would be lost.
        if not text.startswith("table ") or not text.rstrip("\n").endswith("\n}"):
            raise ValueError("it is not the listing of one table")
        table, *parts = cut(text)
        if any(part.header.startswith("table ") for part in parts):
            raise ValueError("it has more than one table")
    except ValueError as error:
        raise GuardError("damaged", f"The listing of a table cannot be read: {error}.") from error
    return Listing(table.header[len("table ") :], table.lines, tuple(_block(part) for part in parts))


def render(listing: Listing) -> str:
    """Return the text of a listing, as nft loads it."""
    body = "\n".join(_render_block(block) for block in listing.blocks)
    own = "".join(f"\t{line}\n" for line in listing.lines)
    between = "\n" if own and body else ""
    return f"table {listing.head} {{\n{own}{between}{body}}}\n"


def change_blocks(listing: Listing, change: Callable[[Block], Block | None]) -> Listing:
    """Return the listing with every block changed, or left out where the change is None."""
    changed = (change(block) for block in listing.blocks)
    return replace(listing, blocks=tuple(block for block in changed if block is not None))


def zeroed(text: str) -> str:
    """Return a text with every counter at 0 and every quota unused."""
    text = _NUMBERS.sub(lambda match: match[0] if match[0][0] == '"' else "packets 0 bytes 0", text)
    return _USED.sub(lambda match: match[0] if match[0][0] == '"' else "", text)


def _block(part: ListingBlock) -> Block:
    kind, _space, name = part.header.rpartition(" ")
    lines = tuple(line for line in part.lines if not line.startswith(_ELEMENTS))
    line = next((line for line in part.lines if line.startswith(_ELEMENTS)), _ELEMENTS + "}")
    return Block(kind, name, lines, tuple(tokens.split_elements(line[len(_ELEMENTS) : -1])))


def _render_block(block: Block) -> str:
    lines = "".join(f"\t\t{line}\n" for line in block.lines)
    elements = f"\t\t{_ELEMENTS} {_BETWEEN.join(block.elements)} }}\n" if block.elements else ""
    return f"\t{block.kind} {block.name} {{\n{lines}{elements}\t}}\n"
