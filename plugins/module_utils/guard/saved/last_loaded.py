# Copyright: (c) 2026, the tidegate developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The table that the guard loaded last, so that an edit by another program is noticed."""

from __future__ import annotations

import json
from contextlib import suppress
from dataclasses import asdict, dataclass

from ansible_collections.tidegate.nftables.plugins.module_utils.guard.host import clock, files
from ansible_collections.tidegate.nftables.plugins.module_utils.guard.host.errors import GuardError
from ansible_collections.tidegate.nftables.plugins.module_utils.guard.host.paths import Paths


@dataclass(frozen=True)
class LastLoaded:
    """digest: of the table (netlink/snapshot_changes.py); boot_id: when it was loaded; others: sets it leaves out."""

    digest: str
    boot_id: str
    others: tuple[str, ...] = ()


def write(paths: Paths, digest: str, others: tuple[str, ...]) -> None:
    """Write down the table that the guard just loaded. A failure is ignored: nothing depends on the file."""
    with suppress(GuardError):
        content = asdict(LastLoaded(digest=digest, boot_id=clock.boot_id(), others=others))
        files.write(paths.last_loaded, json.dumps(content).encode("utf-8", "surrogateescape"))


def read(paths: Paths) -> LastLoaded | None:
    """Return the last loaded table, None when the file is of another boot or missing."""
    with suppress(GuardError, ValueError, TypeError, AttributeError, KeyError):
        content = json.loads(files.read(paths.last_loaded) or "")
        last = LastLoaded(
            digest=content["digest"],
            boot_id=content["boot_id"],
            others=tuple(content["others"]),
        )
        return last if last.boot_id == clock.boot_id() else None
    return None
