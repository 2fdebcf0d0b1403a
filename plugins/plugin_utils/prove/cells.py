# Copyright: (c) 2026, the tidegate developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Results as cells of a matrix: one for each destination and service, with a mark for each IP version and user."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import groupby

from .probe_flows import MARKS, ProbeFlow, ProbeResult

EVERY = "yes"
NONE = "."

Variant = tuple[str, str]
"""IP version and user: `("v4", "root")`."""


@dataclass(frozen=True)
class MatrixCell:
    """The results of one service of one destination. expected, measured: a mark for each variant."""

    destination: str
    service: str
    variants: tuple[Variant, ...]
    expected: str
    measured: str

    @property
    def agrees(self) -> bool:
        """Return whether every packet had the expected outcome."""
        return self.expected == self.measured


def cells(results: Iterable[ProbeResult]) -> list[MatrixCell]:
    """Return the cells of one host, in the order of its results."""
    return [_cell(list(group)) for _key, group in groupby(results, key=lambda result: _key_of(result.flow))]


def _key_of(flow: ProbeFlow) -> tuple[str, str]:
    return flow.destination, flow.service


def _cell(results: Sequence[ProbeResult]) -> MatrixCell:
    destination, service = _key_of(results[0].flow)
    return MatrixCell(
        destination,
        service,
        tuple((result.flow.family, result.flow.user) for result in results),
        "".join(MARKS[result.expected] for result in results),
        "".join(MARKS[result.outcome] for result in results),
    )


def word(marks: str, variants: Sequence[Variant]) -> str:
    """Return a cell as one word: `yes`, `.`, the IP versions or users that get through, else the marks themselves.

    >>> word("+-+-", [("v4", "root"), ("v4", "payd"), ("v6", "root"), ("v6", "payd")])
    'root'
    """
    through = [variant for mark, variant in zip(marks, variants, strict=True) if mark == "+"]
    if len(through) == len(variants):
        return EVERY
    if set(marks) <= {"-"}:
        return NONE
    if not set(marks) <= {"+", "-"}:
        return marks
    families, users = ({variant[place] for variant in through} for place in (0, 1))
    if len(through) != sum(variant[0] in families and variant[1] in users for variant in variants):
        return marks
    parts = [sorted(families)] if families != {variant[0] for variant in variants} else []
    parts += [sorted(users)] if users != {variant[1] for variant in variants} else []
    return ":".join("+".join(part) for part in parts)
