# Copyright: (c) 2026, the tidegate developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Switch a child process to another user, so that its sockets belong to that user."""

from __future__ import annotations

import os
import pwd
from dataclasses import dataclass


@dataclass(frozen=True)
class Identity:
    """A user. name: None for a uid without a passwd entry, which has no supplementary groups."""

    uid: int
    gid: int
    name: str | None


def identity(user: str) -> Identity:
    """Return the user with a name, or a uid in digits. Raises LookupError with a sentence when there is none."""
    by_number = user.isdecimal()
    try:
        entry = pwd.getpwuid(int(user)) if by_number else pwd.getpwnam(user)
    except (KeyError, OverflowError) as error:
        if by_number and int(user) < 2**32 - 1:  # the largest number means "leave it" to setuid(2)
            return Identity(int(user), int(user), None)
        raise LookupError(f'This host has no user "{user}".') from error
    return Identity(entry.pw_uid, entry.pw_gid, entry.pw_name)


def become(user: Identity) -> None:
    """Make this process run as a user for the rest of its life. Raises OSError."""
    if user.uid == os.geteuid():
        return
    if user.name is None:
        os.setgroups([])
    else:
        os.initgroups(user.name, user.gid)
    os.setgid(user.gid)
    os.setuid(user.uid)
