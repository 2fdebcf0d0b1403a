# Copyright: (c) 2026, the tidegate developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The pending change: a file that exists from before the rollback timer starts until the change is decided."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass, fields
from pathlib import Path
from typing import Literal

from ansible_collections.tidegate.nftables.plugins.module_utils.guard.host import clock, files
from ansible_collections.tidegate.nftables.plugins.module_utils.guard.host.errors import GuardError
from ansible_collections.tidegate.nftables.plugins.module_utils.guard.host.paths import Paths

EMERGENCY = "emergency: "
"""What the description of an emergency begins with."""


@dataclass(frozen=True)
class PendingChange:
    """A change that is loaded and not confirmed.

    token: names it
    kind: change, or emergency, which is never confirmed
    who, what: for people
    since: UTC time at which it began, for people
    snapshot_at: clock.uptime() of the snapshot
    deadline: clock.uptime() at which it is rolled back
    boot_id: of the boot in which it began; in another one the change is void
    timer: timer or process, see trial/timer.py
    others: sets whose elements a rollback does not touch
    spec: checksum of what the new policy was compiled from
    settings: content of the settings file before the change, "" when there was none
    names: the resolver's document before the change (resolver_document.py), None when the change is not about it
    trouble: why the last attempt to roll it back failed, "" for none
    """

    token: str = ""
    kind: Literal["change", "emergency"] = "change"
    who: str = ""
    what: str = ""
    since: str = ""
    snapshot_at: float = 0.0
    deadline: float = 0.0
    boot_id: str = ""
    timer: Literal["timer", "process"] = "process"
    others: tuple[str, ...] = ()
    spec: str = ""
    settings: str = ""
    names: str | None = None
    trouble: str = ""

    @property
    def seconds_left(self) -> int:
        """Seconds until the rollback; below 0 when it is overdue."""
        return round(self.deadline - clock.uptime())

    @property
    def emergency(self) -> str:
        """What an emergency does, as in "open for 30 minutes", "" for a change."""
        return self.what[len(EMERGENCY) :] if self.kind == "emergency" else ""

    @property
    def of_this_boot(self) -> bool:
        """Whether the change began after the host was started."""
        return self.boot_id == clock.boot_id()


def write(paths: Paths, change: PendingChange) -> None:
    """Make a change the pending one."""
    files.write(paths.pending, json.dumps(asdict(change), sort_keys=True).encode())


def read(paths: Paths) -> PendingChange | None:
    """Return the pending change, None when there is none. An unreadable file is a void change of an earlier boot."""
    text = files.read(paths.pending)
    if text is None:
        return None
    try:
        content = json.loads(text)
        content["others"] = tuple(content.get("others", ()))
        known = {entry.name for entry in fields(PendingChange)}
        required = {"token", "boot_id", "deadline"}
        if not required <= set(content):
            raise ValueError("fields are missing")
        return PendingChange(**{key: value for key, value in content.items() if key in known})
    except (ValueError, TypeError, AttributeError):
        return PendingChange(what="an unreadable pending.json")


def files_of(paths: Paths) -> tuple[Path, ...]:
    """Return the files of a pending change; pending.json first, for without it the others mean nothing."""
    return paths.pending, paths.snapshot, paths.candidate, paths.rollback_timer, paths.confirmation


def remove(paths: Paths) -> None:
    """Remove all files of the pending change."""
    for path in files_of(paths):
        files.remove(path)


def already_pending(change: PendingChange) -> GuardError:
    """Return the error for a second change while one is pending."""
    author = f"by {change.who or 'an unknown user'} from {change.since}"
    subject = f"A change {author} is pending on this host ({change.what})."
    if change.trouble:
        end = f"It could not be rolled back and is tried again: {change.trouble.rstrip('.')}"
    elif change.emergency:
        subject = f"An emergency {author} is under way on this host ({change.emergency})."
        end = f"It ends by itself in {change.seconds_left} s; `tidegate rollback` on the host ends it now"
    else:
        end = (
            f"It is rolled back in {change.seconds_left} s unless its run confirms it; `tidegate rollback` on the host "
            "rolls it back now"
        )
    return GuardError("pending", f"{subject} {end}. This run changed nothing.")
