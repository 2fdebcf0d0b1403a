# Copyright: (c) 2026, the tidegate developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The change that is on trial: one file, there from before the guard is armed until the change is decided."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass, fields
from pathlib import Path

from ansible_collections.tidegate.nftables.plugins.module_utils.guard.host import clock, files
from ansible_collections.tidegate.nftables.plugins.module_utils.guard.host.errors import GuardError
from ansible_collections.tidegate.nftables.plugins.module_utils.guard.host.paths import Paths


@dataclass(frozen=True)
class Pending:
    """A change that nobody confirmed yet.

    token: names it; kind: change or emergency, which nobody is expected to confirm; taken, deadline: clock.clock() of
    the snapshot and of the guard; since: for people; boot_id: in another boot the change is void; generation: of the
    ruleset before the change; guard: timer or process; others: sets whose elements putting back leaves alone;
    settings: the file of settings as it was before, "" when there was none.
    """

    token: str
    kind: str
    who: str
    what: str
    since: str
    taken: float
    deadline: float
    boot_id: str
    generation: int
    guard: str
    others: tuple[str, ...] = ()
    spec: str = ""
    settings: str = ""

    @property
    def seconds(self) -> int:
        """Seconds until the guard acts; less than 0 when it should have."""
        return round(self.deadline - clock.clock())

    @property
    def of_this_boot(self) -> bool:
        """Whether the change was made since the host started."""
        return self.boot_id == clock.boot_id()


def write(paths: Paths, pending: Pending) -> None:
    """Put the change on trial."""
    files.write(paths.pending, json.dumps(asdict(pending), sort_keys=True).encode())


def read(paths: Paths) -> Pending | None:
    """Return the change that is on trial, None when none is. A file that says nothing is a change of an earlier boot."""
    text = files.read(paths.pending)
    if text is None:
        return None
    try:
        said = json.loads(text)
        said["others"] = tuple(said.get("others", ()))
        known = {entry.name for entry in fields(Pending)}
        return Pending(**{key: value for key, value in said.items() if key in known})
    except (ValueError, TypeError, AttributeError):
        return Pending("", "change", "", "an unreadable pending.json", "", 0.0, 0.0, "", 0, "process")


def files_of(paths: Paths) -> tuple[Path, ...]:
    """Return the files that only a change on trial needs; pending.json first: nothing else counts without it."""
    return paths.pending, paths.snapshot, paths.candidate, paths.guard


def remove(paths: Paths) -> None:
    """Take the change off trial."""
    for path in files_of(paths):
        files.remove(path)


def refusal(pending: Pending) -> GuardError:
    """Return the error for a second change while one is on trial."""
    if pending.kind == "emergency":
        end = f"It ends by itself in {pending.seconds} s; `tidegate rollback` on the host ends it now"
    else:
        end = (
            f"It is put back in {pending.seconds} s unless its run confirms it; `tidegate rollback` on the host puts "
            "it back now"
        )
    return GuardError(
        "pending",
        f"A change by {pending.who or 'somebody'} from {pending.since} is on trial on this host ({pending.what}). {end}"
        ". This run changed nothing.",
    )
