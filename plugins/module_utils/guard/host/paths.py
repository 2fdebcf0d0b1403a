# Copyright: (c) 2026, the tidegate developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Where things are on a host."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True)
class Paths:
    """Paths on one host. root: what comes before each of them, "" on a real host; for labs that share a file system."""

    root: str = ""

    def at(self, path: str) -> Path:
        """Return an absolute path below the root."""
        return Path(self.root + path)

    @property
    def state(self) -> Path:
        """What survives a reboot."""
        return self.at("/var/lib/tidegate")

    @property
    def run(self) -> Path:
        """What does not have to."""
        return self.at("/run/tidegate")

    @property
    def confirmed(self) -> Path:
        """The policy that a boot loads; a record (records.py)."""
        return self.state / "confirmed.nft"

    @property
    def candidate(self) -> Path:
        """The policy that is on trial, ready to become the confirmed one by a rename."""
        return self.state / "candidate.nft"

    @property
    def pending(self) -> Path:
        """The change that is on trial (pending.py)."""
        return self.state / "pending.json"

    @property
    def history(self) -> Path:
        """Folder of earlier confirmed policies, oldest first by name."""
        return self.state / "history"

    @property
    def journal(self) -> Path:
        """What happened, one JSON object a line."""
        return self.state / "journal.jsonl"

    @property
    def settings(self) -> Path:
        """What the boot and the watcher go by (settings.py)."""
        return self.state / "settings.json"

    @property
    def seen(self) -> Path:
        """What would have been refused while observing (seen.py)."""
        return self.state / "seen.json"

    @property
    def snapshot(self) -> Path:
        """The way back of the change that is on trial: a script that nft can load without any help."""
        return self.run / "snapshot.nft"

    @property
    def lock(self) -> Path:
        """Held by whoever changes the table or these files."""
        return self.run / "lock"

    @property
    def watching(self) -> Path:
        """Held by the watcher as long as it runs."""
        return self.run / "watching"

    @property
    def guard(self) -> Path:
        """Process id and start time of a guard that is a process."""
        return self.run / "guard"

    @property
    def loaded(self) -> Path:
        """What this room last put into the kernel, in the words of the nft that listed it (loaded.py)."""
        return self.run / "loaded.json"

    @property
    def program(self) -> Path:
        """The program that all of this runs from."""
        return self.at("/usr/local/lib/tidegate/tidegate")

    @property
    def failsafe(self) -> Path:
        """The fail-safe table as a script, for a boot on which not even Python works."""
        return self.at("/usr/local/lib/tidegate/failsafe.nft")

    @property
    def command(self) -> Path:
        """A link to the program where root's shell finds it."""
        return self.at("/usr/local/sbin/tidegate")

    @property
    def units(self) -> Path:
        """systemd's units of the administrator (systemd.unit(5))."""
        return self.at("/etc/systemd/system")
