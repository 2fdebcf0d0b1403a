# Copyright: (c) 2026, the tidegate developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Sets of (user, protocol, port, destination address): regions for every user at once."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from .regions import EMPTY, Combine, Region

ROOT = "root"


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
class Reach:
    """What each user reaches. One form for each set: compare with ==, test for emptiness with bool(). Made by `of`.

    others: the owner of any socket who is not in named.
    nobody: packets without a socket, such as the kernel's own and those of connections that are already closed.
    named: (user name or uid, region), in order, only the users who differ from others. The superuser is called root.
    """

    others: Region = EMPTY
    nobody: Region = EMPTY
    named: tuple[tuple[str, Region], ...] = ()

    @classmethod
    def of(cls, others: Region, nobody: Region, named: Mapping[str, Region]) -> Reach:
        """Return the one form of it: users in order, without those who are like the others."""
        differing = {canonical(user): region for user, region in named.items() if region != others}
        return cls(others, nobody, tuple(sorted(differing.items(), key=lambda item: item[0])))

    def at(self, user: str | None) -> Region:
        """Return what one user reaches; None for a packet without a socket."""
        if user is None:
            return self.nobody
        return dict(self.named).get(canonical(user), self.others)

    def users(self) -> tuple[str, ...]:
        """Return the users who reach something else than the others."""
        return tuple(user for user, _region in self.named)

    def __bool__(self) -> bool:
        return bool(self.others or self.nobody or any(region for _user, region in self.named))

    def __or__(self, other: Reach) -> Reach:
        return _combined(self, other, Region.__or__)

    def __and__(self, other: Reach) -> Reach:
        return _combined(self, other, Region.__and__)

    def __sub__(self, other: Reach) -> Reach:
        return _combined(self, other, Region.__sub__)

    def __le__(self, other: Reach) -> bool:
        """Tell whether everything of this is in the other, for every user."""
        return not self - other

    def parts(self) -> Iterator[tuple[str | None, Region]]:
        """Yield (user, region) of each that is not empty: "" for the others, then the named, then None."""
        for user, region in (("", self.others), *self.named, (None, self.nobody)):
            if region:
                yield user, region

    def witness(self) -> Witness | None:
        """Return the smallest flow of the first user who has one; None when nothing is reached."""
        for user, region in self.parts():
            return Witness(user, *region.witness())
        return None


def canonical(user: str) -> str:
    """Return the one name of a user: the superuser has two, root and 0."""
    return ROOT if user == "0" else user


def _combined(left: Reach, right: Reach, combine: Combine) -> Reach:
    users = {*left.users(), *right.users()}
    return Reach.of(
        combine(left.others, right.others),
        combine(left.nobody, right.nobody),
        {user: combine(left.at(user), right.at(user)) for user in users},
    )
