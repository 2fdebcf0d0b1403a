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
    """One flow. user: "" for any user whom nothing names, None for a packet without a socket."""

    user: str | None
    address: str
    service: str

    def __str__(self) -> str:
        whom = "a packet without a socket" if self.user is None else f"user {self.user}" if self.user else "everybody"
        return f"{whom} to {self.address} with {self.service}"


@dataclass(frozen=True)
class Reach:
    """What each user reaches. One form for each set: compare with ==, test for emptiness with bool().

    others: every socket's owner who is not named. nobody: packets without a socket, such as the kernel's own and those
    of connections that are already closed. named: by user name or uid, in order, only those who differ from others.
    The superuser is called root. Make it with `reach`.
    """

    others: Region = EMPTY
    nobody: Region = EMPTY
    named: tuple[tuple[str, Region], ...] = ()

    def at(self, user: str | None) -> Region:
        """What one user reaches; None for a packet without a socket."""
        if user is None:
            return self.nobody
        return dict(self.named).get(canonical(user), self.others)

    def users(self) -> tuple[str, ...]:
        """The users who reach something else than the others."""
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
        """Is everything of this in the other, for every user?"""
        return not self - other

    def parts(self) -> Iterator[tuple[str | None, Region]]:
        """(user, region) of each that is not empty: "" the others first, then the named, then None, the packets."""
        for user, region in (("", self.others), *self.named, (None, self.nobody)):
            if region:
                yield user, region

    def witness(self) -> Witness | None:
        """The smallest flow of the first user who has one; None when nothing is reached."""
        for user, region in self.parts():
            return Witness(user, *region.witness())
        return None


def canonical(user: str) -> str:
    """One name for the superuser, who has two."""
    return ROOT if user == "0" else user


def reach(others: Region, nobody: Region, named: Mapping[str, Region]) -> Reach:
    """The one form of it: users in order, without those who are like the others."""
    kept = {canonical(user): region for user, region in named.items() if region != others}
    return Reach(others, nobody, tuple(sorted(kept.items(), key=lambda item: item[0])))


def _combined(left: Reach, right: Reach, combine: Combine) -> Reach:
    users = {*left.users(), *right.users()}
    return reach(
        combine(left.others, right.others),
        combine(left.nobody, right.nobody),
        {user: combine(left.at(user), right.at(user)) for user in users},
    )
