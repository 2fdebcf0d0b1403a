# Copyright: (c) 2026, the tidegate developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Many flows as a table: one cell for each host and service, with a mark for each family and user."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import groupby

from .flows import MARKS, Flow, Tried

EVERY = "yes"
NONE = "."

Variant = tuple[str, str]
"""Family and user: ``("v4", "root")``."""


@dataclass(frozen=True)
class Cell:
    """What a host reaches of one service of one destination; ``expected`` and ``measured`` have a mark a variant."""

    destination: str
    service: str
    variants: tuple[Variant, ...]
    expected: str
    measured: str

    @property
    def agrees(self) -> bool:
        """Whether every packet met what the policy says."""
        return self.expected == self.measured


def cells(tried: Iterable[Tried]) -> list[Cell]:
    """Return the cells of one host, in the order in which its flows were tried."""
    return [_cell(list(group)) for _key, group in groupby(tried, key=lambda one: _key_of(one.flow))]


def _key_of(flow: Flow) -> tuple[str, str]:
    return flow.destination, flow.service


def _cell(tried: Sequence[Tried]) -> Cell:
    destination, service = _key_of(tried[0].flow)
    return Cell(
        destination,
        service,
        tuple((one.flow.family, one.flow.user) for one in tried),
        "".join(MARKS[one.expected] for one in tried),
        "".join(MARKS[one.outcome] for one in tried),
    )


def word(marks: str, variants: Sequence[Variant]) -> str:
    """Say a cell in one word: ``yes``, ``.``, the families or users that get through, else the marks themselves.

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
