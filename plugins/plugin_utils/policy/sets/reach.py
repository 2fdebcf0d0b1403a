# Copyright: (c) 2026, the tidegate developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Sets of (user, protocol, port, destination address): the regions of every user at once."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from functools import partial

from . import cells
from .addresses import AddressSet
from .cells import EVERYBODY, NOBODY
from .regions import Region
from .services import ServiceSet
from .steps import Steps

ROOT = "root"
Users = Iterable[str | None] | None
"""Names or uids, None among them for packets without a socket; None in their place for everybody, these included."""
_PLACES: dict[str | None, int] = {None: 0}
"""The bit of each user who was ever named, in the numbers of `cells`; None for packets without a socket."""


@dataclass(frozen=True)
class Witness:
    """One flow of a reach.

    user: a name or uid; "" for any user whom nothing names; None for a packet without a socket.
    address: the destination. service: as a policy writes it, such as `tcp/22`.
    """

    user: str | None
    address: str
    service: str

    def __str__(self) -> str:
        whom = "a packet without a socket" if self.user is None else f"user {self.user}" if self.user else "everybody"
        return f"{whom} to {self.address} with {self.service}"


@dataclass(frozen=True)
class Reach(Steps):
    """What each user reaches. One form for each set: compare with ==, test for emptiness with bool().

    The superuser is called root. A user whom nothing names has the name "".
    """

    @classmethod
    def of_boxes(cls, boxes: Iterable[tuple[AddressSet, ServiceSet, Users]], *, excepted: bool = False) -> Reach:
        """Return the union of boxes. excepted: whether the users of each are those to whom it does not apply."""
        return cls.of((reached, spoken, number(users, excepted=excepted)) for reached, spoken, users in boxes)

    @classmethod
    def of_region(cls, region: Region) -> Reach:
        """Return what everybody reaches who reaches a region."""
        return cls(region.borders, region.cells)

    def at(self, user: str | None) -> Region:
        """Return what one user reaches; None for a packet without a socket."""
        place = _place(user)
        return self.mapped(Region, lambda users: -(users >> place & 1))

    @property
    def others(self) -> Region:
        """What the owner of any socket reaches whom nothing names."""
        return self.at("")

    @property
    def nobody(self) -> Region:
        """What packets without a socket reach, such as the kernel's own and those of connections already closed."""
        return self.at(None)

    def users(self) -> tuple[str, ...]:
        """Return the users who reach something else than the others, in order."""
        differing = 0
        for users in cells.users(self.cells):
            differing |= ~users if users < 0 else users
        return tuple(sorted(user for user, place in _PLACES.items() if user is not None and differing >> place & 1))

    def by_user(self) -> Iterator[tuple[str | None, Region]]:
        """Yield (user, region) of each that is not empty: "" for the others, then those who differ, then None."""
        for user in ("", *self.users(), None):
            if region := self.at(user):
                yield user, region

    def by_users(self) -> list[tuple[frozenset[str | None], Region]]:
        """Return disjoint regions, each with all who have it; "" for the others, None for packets without a socket."""
        everyone = ("", *self.users(), None)
        rows = []
        for users in cells.users(self.cells) - {NOBODY}:
            who = frozenset(user for user in everyone if users >> _place(user) & 1)
            rows.append((who, self.mapped(Region, partial(_are, users))))
        return sorted(rows, key=lambda row: ("" not in row[0], sorted(user or "" for user in row[0])))

    def witness(self) -> Witness | None:
        """Return the smallest flow of the first user who has one; None when nothing is reached."""
        for user, region in self.by_user():
            return Witness(user, *region.witness())
        return None


def _are(these: int, users: int) -> int:
    """Return everybody where users are these, else nobody."""
    return EVERYBODY if users == these else NOBODY


def canonical(user: str) -> str:
    """Return the one name of a user: the superuser has two, root and 0."""
    return ROOT if user == "0" else user


def _place(user: str | None) -> int:
    return _PLACES.setdefault(canonical(user) if user else user, len(_PLACES))


def number(users: Users, *, excepted: bool = False) -> int:
    """Return users, or all who are not among them, as a number of `cells`."""
    if users is None:
        return EVERYBODY
    among = 0
    for user in users:
        among |= 1 << _place(user)
    return ~among if excepted else among
