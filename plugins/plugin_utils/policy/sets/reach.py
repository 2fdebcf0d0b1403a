# Copyright: (c) 2026, the tidegate developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Sets of (socket, protocol, port, destination address): the regions of every user and unit at once."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from functools import partial

from . import cells, units
from .addresses import AddressSet
from .cells import EVERYBODY, NOBODY
from .regions import Region
from .services import ServiceSet
from .steps import Steps
from .units import ELSEWHERE, Cgroup, Who

ROOT = "root"
Users = Iterable[str | None] | None
"""Names or uids, None among them for packets without a socket; None in their place for everybody, these included."""
_PLACES: dict[str | None, int] = {None: 0}
"""The bit of each user who was ever named, in the numbers of `cells`; None for packets without a socket."""


@dataclass(frozen=True)
class Sockets:
    """Whose sockets: of these users, in these units; both must hold.

    users: names or uids, None among them for packets without a socket; None for everybody. units: names of systemd
    units, None for any; then packets without a socket count only where users has them.
    """

    users: Users = None
    units: Iterable[str] | None = None

    def __str__(self) -> str:
        users, named = (", ".join(str(name) for name in names or ()) for names in (self.users, self.units))
        return f"{users} in {named}" if users and named else users or named or "everybody"

    @property
    def who(self) -> Who:
        """The same as `cells` has it."""
        users = number(self.users)
        return users if self.units is None else units.of_units(self.units, users & ~number([None]))


@dataclass(frozen=True)
class Witness:
    """One flow of a reach.

    user: a name or uid; "" for any user whom nothing names; None for a packet without a socket.
    address: the destination. service: as a policy writes it, such as `tcp/22`. cgroup: where the socket is.
    """

    user: str | None
    address: str
    service: str
    cgroup: Cgroup = ELSEWHERE

    def __str__(self) -> str:
        whom = "a packet without a socket" if self.user is None else f"user {self.user}" if self.user else "everybody"
        whom += f" in {self.cgroup}" if self.cgroup != ELSEWHERE else ""
        return f"{whom} to {self.address} with {self.service}"


@dataclass(frozen=True)
class Reach(Steps):
    """What each user reaches, in each unit. One form for each set: compare with ==, test for emptiness with bool().

    The superuser is called root. A user whom nothing names has the name "".
    """

    @classmethod
    def of_boxes(cls, boxes: Iterable[tuple[AddressSet, ServiceSet, Users | Sockets]]) -> Reach:
        """Return the union of boxes."""
        return cls.of((reached, spoken, _who(whose)) for reached, spoken, whose in boxes)

    @classmethod
    def of_excepting(cls, boxes: Iterable[tuple[AddressSet, ServiceSet, Sockets]]) -> Reach:
        """Return the union of boxes, each for all but its sockets."""
        return cls.of((reached, spoken, ~whose.who) for reached, spoken, whose in boxes)

    @classmethod
    def of_region(cls, region: Region) -> Reach:
        """Return what everybody reaches who reaches a region."""
        return cls(region.borders, region.cells)

    def at(self, user: str | None, cgroup: Cgroup = ELSEWHERE) -> Region:
        """Return what a socket of one user reaches; None for a packet without a socket."""
        place = _place(user)
        return self.mapped(Region, lambda who: -(units.at(who, cgroup) >> place & 1))

    def within(self, cgroup: Cgroup) -> Reach:
        """Return what sockets in one place reach, without units."""
        return self.mapped(Reach, lambda who: units.at(who, cgroup))

    def units(self) -> tuple[str, ...]:
        """Return the units whose sockets reach something else than others, in order."""
        return tuple(sorted({name for who in cells.users(self.cells) for name in units.names(who)}))

    def by_cgroup(self) -> list[tuple[tuple[Cgroup, ...], Reach]]:
        """Return disjoint reaches without units, each with all places where sockets have it; ELSEWHERE is the first."""
        rows: dict[Reach, list[Cgroup]] = {}
        for cgroup in units.places("", self.units()):
            rows.setdefault(self.within(cgroup), []).append(cgroup)
        return [(tuple(cgroups), reach) for reach, cgroups in rows.items()]

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
        for who in cells.users(self.cells):
            for users in units.every(who):
                differing |= ~users if users < 0 else users
        return tuple(sorted(user for user, place in _PLACES.items() if user is not None and differing >> place & 1))

    def by_user(self) -> Iterator[tuple[str | None, Region]]:
        """Yield (user, region) of each that is not empty: "" for the others, then those who differ, then None.

        Of a reach without units, as `by_cgroup` has it.
        """
        for user in ("", *self.users(), None):
            if region := self.at(user):
                yield user, region

    def by_users(self) -> list[tuple[frozenset[str | None], Region]]:
        """Return disjoint regions, each with all who have it; "" for the others, None for packets without a socket.

        Of a reach without units, as `by_cgroup` has it.
        """
        everyone = ("", *self.users(), None)
        rows = []
        for who in cells.users(self.cells) - {NOBODY}:
            users = frozenset(user for user in everyone if units.at(who, ELSEWHERE) >> _place(user) & 1)
            rows.append((users, self.mapped(Region, partial(_are, who))))
        return sorted(rows, key=lambda row: ("" not in row[0], sorted(user or "" for user in row[0])))

    def witness(self) -> Witness | None:
        """Return the smallest flow of the first user who has one; None when nothing is reached."""
        for cgroups, reach in self.by_cgroup():
            for user, region in reach.by_user():
                return Witness(user, *region.witness(), cgroups[0])
        return None


def _are(these: Who, users: Who) -> int:
    """Return everybody where users are these, else nobody."""
    return EVERYBODY if users == these else NOBODY


def canonical(user: str) -> str:
    """Return the one name of a user: the superuser has two, root and 0."""
    return ROOT if user == "0" else user


def _place(user: str | None) -> int:
    return _PLACES.setdefault(canonical(user) if user else user, len(_PLACES))


def _who(whose: Users | Sockets) -> Who:
    return whose.who if isinstance(whose, Sockets) else number(whose)


def number(users: Users) -> int:
    """Return users as a number of `cells`."""
    if users is None:
        return EVERYBODY
    among = 0
    for user in users:
        among |= 1 << _place(user)
    return among
