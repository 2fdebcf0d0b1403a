# Copyright: (c) 2026, the tidegate developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Becoming another user in a child process, so that its sockets are that user's."""

from __future__ import annotations

import os
import pwd
from dataclasses import dataclass


@dataclass(frozen=True)
class Identity:
    """A user by number. ``name`` is None for a uid without a passwd entry, which belongs to no other group."""

    uid: int
    gid: int
    name: str | None


def identity(user: str) -> Identity:
    """Look up a user name, or a uid in digits. Raises LookupError with a sentence when there is no such user."""
    by_number = user.isdecimal()
    try:
        entry = pwd.getpwuid(int(user)) if by_number else pwd.getpwnam(user)
    except (KeyError, OverflowError) as error:
        if by_number and int(user) < 2**32 - 1:  # the largest number means "leave it" to setuid(2)
            return Identity(int(user), int(user), None)
        raise LookupError(f'there is no user "{user}" on this host') from error
    return Identity(entry.pw_uid, entry.pw_gid, entry.pw_name)


def become(who: Identity) -> None:
    """Turn this process into that user for good; nothing happens when it is that user already. Raises OSError."""
    if who.uid == os.geteuid():
        return
    if who.name is None:
        os.setgroups([])
    else:
        os.initgroups(who.name, who.gid)
    os.setgid(who.gid)
    os.setuid(who.uid)
