# Copyright: (c) 2026, the tidegate developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The matrix as text: a block of rows for each host, a column for each destination."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from ansible_collections.tidegate.nftables.plugins.plugin_utils.plural import count

from .cells import EVERY, NONE, MatrixCell, word

GAP = "  "
INDENT = "  "
MARK = "> "


@dataclass(frozen=True)
class HostBlock:
    """The rows of one host. title: such as `app1 (app)`."""

    title: str
    cells: tuple[MatrixCell, ...]


def legend(blocks: Sequence[HostBlock]) -> list[str]:
    """Return lines that explain the words of the matrix, with the IP versions and users that were tried."""
    variants = list(dict.fromkeys(variant for block in blocks for cell in block.cells for variant in cell.variants))
    families = " and ".join(sorted({family for family, _user in variants}))
    users = list(dict.fromkeys(user for _family, user in variants))
    both = f"over {families}, as {' and as '.join(users)}"
    marks = ", ".join(f"{family} {user}" for family, user in variants)
    return [
        f"{EVERY}: answered, {both}.  {NONE}  refused at once, {both}.",
        f"{users[-1]}, v6, v6:{users[-1]}: answered for that user, over that family, for both only; else refused.",
        f"{MARK.strip()} marks a row that differs from the policy; the next row is what the policy expects.",
        f"Several marks are + answered, - refused, ? silent, ! not sent, for {marks}.",
    ]


def matrix(blocks: Sequence[HostBlock]) -> list[str]:
    """Return the lines. Services with the same, expected result everywhere share one row."""
    columns = list(dict.fromkeys(cell.destination for block in blocks for cell in block.cells))
    rows = [(block.title, _rows(block.cells)) for block in blocks]
    every = [row for _title, block_rows in rows for row in block_rows]
    first = max((len(label) for label, _texts in every), default=0)
    widths = {name: max([len(name), *(len(texts.get(name, "")) for _label, texts in every)]) for name in columns}
    lines = [_line("", {name: name for name in columns}, first, widths)]
    for title, block_rows in rows:
        lines += [title, *(_line(label, texts, first, widths) for label, texts in block_rows)]
    return lines


def _line(label: str, texts: Mapping[str, str], first: int, widths: Mapping[str, int]) -> str:
    return GAP.join(
        [label.ljust(first), *(texts.get(name, "").ljust(width) for name, width in widths.items())]
    ).rstrip()


Row = tuple[str, Mapping[str, str]]
"""A label, and a text for each destination by its name."""


def _rows(cells: Iterable[MatrixCell]) -> list[Row]:
    services: dict[str, list[MatrixCell]] = {}
    for cell in cells:
        services.setdefault(cell.service, []).append(cell)
    rows: list[Row] = []
    alike: dict[str, list[str]] = {NONE: [], EVERY: []}
    for service in sorted(services, key=_by_number):
        everywhere = _everywhere(services[service])
        if everywhere in alike:
            alike[everywhere].append(service)
        else:
            rows += _own_rows(service, services[service])
    for text, same in alike.items():
        if same:
            rows.append((f"{INDENT}{_count(same, rows)}", {cell.destination: text for cell in services[same[0]]}))
    return rows


def _own_rows(service: str, row: Sequence[MatrixCell]) -> list[Row]:
    measured = {cell.destination: word(cell.measured, cell.variants) for cell in row}
    if all(cell.agrees for cell in row):
        return [(f"{INDENT}{service}", measured)]
    expected = {cell.destination: word(cell.expected, cell.variants) for cell in row if not cell.agrees}
    return [(f"{MARK}{service}", measured), (f"{INDENT}{INDENT}expected", expected)]


def _everywhere(row: Sequence[MatrixCell]) -> str:
    """Return the word that all cells of a row have and the policy expects, else ""."""
    words = {word(cell.measured, cell.variants) for cell in row}
    return words.pop() if len(words) == 1 and all(cell.agrees for cell in row) else ""


def _count(same: Sequence[str], rows: Sequence[Row]) -> str:
    return count(len(same), "other") if rows else f"all {len(same)}"


def _by_number(service: str) -> tuple[int, str]:
    protocol, _slash, port = service.partition("/")
    return int(port), protocol
