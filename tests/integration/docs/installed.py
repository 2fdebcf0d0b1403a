# Copyright: (c) 2026, the tidegate developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The collection as its users have it: built as an archive, and installed from that."""

from __future__ import annotations

import os
import sys
import sysconfig
from pathlib import Path

from ansible_collections.tidegate.nftables.tests.support.paths import CHECKOUT
from ansible_collections.tidegate.nftables.tests.support.waiting import run

PROGRAMS = Path(sys.executable).parent
GALAXY = (str(PROGRAMS / "ansible-galaxy"), "collection")
OTHERS = Path(sysconfig.get_path("purelib")) / "ansible_collections"
"""Collections that the package ansible brings."""


def archive(folder: Path) -> Path:
    """Build the archive in a folder; return its path."""
    run([*GALAXY, "build", "--output-path", str(folder), str(CHECKOUT)])
    (built,) = folder.glob("*.tar.gz")
    return built


def environment(folder: Path, *others: str) -> dict[str, str]:
    """Install the archive into a folder; return the environment in which commands find that and no checkout.

    others: namespaces of collections beside it.
    """
    installed = folder / "collections"
    run([*GALAXY, "install", "--offline", "--force", "-p", str(installed), str(archive(folder / "archive"))])
    for name in others:
        (installed / "ansible_collections" / name).symlink_to(OTHERS / name)
    return {
        **os.environ,
        "PATH": f"{PROGRAMS}:{os.environ['PATH']}:/usr/sbin:/sbin",
        "ANSIBLE_COLLECTIONS_PATH": str(installed),
        "ANSIBLE_COLLECTIONS_SCAN_SYS_PATH": "false",
        "ANSIBLE_NOCOLOR": "1",
        "NO_COLOR": "1",
    }
