# Copyright: (c) 2026, the tidegate developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Users that differ from unit to unit: what a leaf of `cells` holds where a policy names systemd units.

A socket is in one service or scope, which may be an instance of a template, and in one slice, which may be in others.
Names say which instance is of which template, and which slice is in which, not in which slice a service is. So where a
socket is has two dimensions, and what is said of a service must hold for it in every slice.
Sets of users without units stay plain numbers.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from functools import lru_cache
from itertools import product
from operator import and_, or_
from typing import NamedTuple, Union

from ansible_collections.tidegate.nftables.plugins.module_utils import unit_names

Who = Union[int, "ByUnit"]
"""Users as in `cells`, of all units or of each."""
SLICE = ".slice"


class Cgroup(NamedTuple):
    """Where a socket is, as far as names that somebody wrote tell.

    service: a service or scope, a template for its other instances; "" for any that nothing names. slice: the innermost
    slice that is named; "" for none.
    """

    service: str = ""
    slice: str = ""

    def __str__(self) -> str:
        return f"{self.service} in {self.slice}" if self.service and self.slice else self.service or self.slice


ELSEWHERE = Cgroup()


@dataclass(frozen=True)
class ByUnit:
    """Users by service, or of one service by slice. slices: which of both the names are.

    parts: (name, users), in order; the first name is "", for all that have no name of their own. A name without a part
    has that of the next wider one, and no part says what the wider one does, so that equal sets are equal.
    """

    slices: bool
    parts: tuple[tuple[str, Who], ...]

    def at(self, name: str) -> Who:
        """Return the users of a unit."""
        parts = dict(self.parts)
        while name not in parts:
            name = unit_names.parent(name)
        return parts[name]

    def __and__(self, other: Who) -> Who:
        return _combined(and_, self, other)

    __rand__ = __and__

    def __or__(self, other: Who) -> Who:
        return _combined(or_, self, other)

    __ror__ = __or__

    def __invert__(self) -> ByUnit:
        return ByUnit(self.slices, tuple((name, ~users) for name, users in self.parts))


@lru_cache(maxsize=65536)
def _combined(operation: Callable[[Who, Who], Who], left: Who, right: Who) -> Who:
    both = [each for each in (left, right) if isinstance(each, ByUnit)]
    slices = all(each.slices for each in both)
    names = {name for each in both if each.slices == slices for name, _users in each.parts}

    def at(who: Who, name: str) -> Who:
        return who.at(name) if isinstance(who, ByUnit) and who.slices == slices else who

    return _of({name: operation(at(left, name), at(right, name)) for name in names}, slices=slices)


def _of(parts: dict[str, Who], *, slices: bool) -> Who:
    """Return users by unit without the parts that say what the next wider one does."""
    kept: dict[str, Who] = {}
    # A wider unit has a shorter name.
    for name in sorted(parts, key=len):
        wider = unit_names.parent(name)
        while wider and wider not in kept:
            wider = unit_names.parent(wider)
        if not name or kept[wider] != parts[name]:
            kept[name] = parts[name]
    return ByUnit(slices, tuple(sorted(kept.items()))) if len(kept) > 1 else kept[""]


def of_units(units: Iterable[str], users: int) -> Who:
    """Return these users where they are in one of the units, and nobody elsewhere."""
    who: Who = 0
    for unit in units:
        who |= _of({"": 0, unit: users}, slices=unit.endswith(SLICE))
    return who


def at(who: Who, unit: Cgroup) -> int:
    """Return the users of one unit."""
    while isinstance(who, ByUnit):
        who = who.at(unit.slice if who.slices else unit.service)
    return who


def every(who: Who) -> Iterator[int]:
    """Yield the users of each unit, some of them more than once."""
    if isinstance(who, ByUnit):
        for _name, users in who.parts:
            yield from every(users)
    else:
        yield who


def names(who: Who) -> Iterator[str]:
    """Yield the units that are told apart, some of them more than once."""
    if isinstance(who, ByUnit):
        for name, users in who.parts:
            if name:
                yield name
            yield from names(users)


def places(unit: str, named: Iterable[str]) -> list[Cgroup]:
    """Return where a socket of a unit can be, among the units that are named; "" for any socket."""
    services = {"", *(name for name in named if not name.endswith(SLICE))}
    slices = {"", *(name for name in named if name.endswith(SLICE))}
    if unit.endswith(SLICE):
        slices = {unit, *(name for name in slices if unit_names.is_part(name, unit))}
    elif unit:
        services = {unit, *(name for name in services if unit_names.is_part(name, unit))}
    return [Cgroup(*pair) for pair in product(sorted(services), sorted(slices))]
