# Copyright: (c) 2026, the tidegate developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Make sockets in another cgroup: a socket stays in the one that it was made in, wherever its process goes."""

from __future__ import annotations

import os
from contextlib import contextmanager
from pathlib import Path
from typing import Iterator

from .users import Identity

MOUNT = "/sys/fs/cgroup"


@contextmanager
def sockets_in(cgroup: str, user: Identity, mount: str = MOUNT) -> Iterator[None]:
    """Have this process, root's, make its sockets in a cgroup and as a user, then go back to its own. Raises OSError.

    It stays there no longer, for what it uses counts towards the limits of the cgroup, and it may be killed or frozen.
    """
    with Path("/proc/self/cgroup").open(encoding="utf-8", errors="surrogateescape") as lines:
        own = next((line.rstrip("\n")[3:] for line in lines if line.startswith("0::")), "")
    _enter(cgroup)
    try:
        # The kernel takes whose a socket is from the effective user. Nobody can send signals to a real root.
        os.seteuid(user.uid)
        try:
            yield
        finally:
            os.seteuid(0)
    finally:
        _enter(mount + own)


def _enter(folder: str) -> None:
    Path(folder, "cgroup.procs").write_text("0")
