# Copyright: (c) 2026, the tidegate developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Where things are on a host."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True)
class Paths:
    """Paths on one host. root: prefix of each, "" on a real host; labs share a file system between hosts."""

    root: str = ""

    def at(self, path: str) -> Path:
        """Return an absolute path below the root."""
        return Path(self.root + path)

    @property
    def state(self) -> Path:
        """Folder of what survives a reboot."""
        return self.at("/var/lib/tidegate")

    @property
    def run(self) -> Path:
        """Folder of what a reboot removes."""
        return self.at("/run/tidegate")

    @property
    def confirmed(self) -> Path:
        """The policy that a boot loads (saved/records.py)."""
        return self.state / "confirmed.nft"

    @property
    def candidate(self) -> Path:
        """The policy of the pending change; renaming it to `confirmed` is the confirmation."""
        return self.state / "candidate.nft"

    @property
    def pending(self) -> Path:
        """The pending change (saved/pending.py)."""
        return self.state / "pending.json"

    @property
    def history(self) -> Path:
        """Folder of earlier confirmed policies, oldest first by name."""
        return self.state / "history"

    @property
    def journal(self) -> Path:
        """Events, one JSON object a line."""
        return self.state / "journal.jsonl"

    @property
    def settings(self) -> Path:
        """Settings of the boot and the watcher (saved/settings.py)."""
        return self.state / "settings.json"

    @property
    def ledger(self) -> Path:
        """The denied ledger beyond a reboot (sight/kept_ledger.py)."""
        return self.state / "ledger.json"

    @property
    def allowed_flows(self) -> Path:
        """Who talked to whom, by day (sight/allowed_flows.py)."""
        return self.state / "allowed.json"

    @property
    def metrics(self) -> Path:
        """Counters that outlive the watcher and the boot (program/exporter.py)."""
        return self.state / "metrics.json"

    @property
    def running_time(self) -> Path:
        """How long this host has run (saved/running_time.py)."""
        return self.state / "running_time.json"

    @property
    def snapshot(self) -> Path:
        """The table before the pending change, as messages of the kernel (netlink/snapshot.py); empty for none."""
        return self.run / "snapshot"

    @property
    def lock(self) -> Path:
        """Held by the process that changes the table or these files."""
        return self.run / "lock"

    @property
    def watcher_lock(self) -> Path:
        """Held by the watcher as long as it runs."""
        return self.run / "watcher.lock"

    @property
    def confirmation(self) -> Path:
        """Where the run that made the pending change waits for its confirmation (trial/waiting.py)."""
        return self.run / "confirmation.sock"

    @property
    def rollback_timer(self) -> Path:
        """Process id and start time of a rollback timer that is a process."""
        return self.run / "rollback-timer"

    @property
    def last_loaded(self) -> Path:
        """The table that the guard loaded last (saved/last_loaded.py)."""
        return self.run / "last_loaded.json"

    @property
    def names(self) -> Path:
        """What the resolver does (resolver/document.py); its user reads it."""
        return self.at("/etc/tidegate/names.json")

    @property
    def resolver_document(self) -> Path:
        """What the resolver is to do; empty or missing for no resolver (program/names.py makes it so)."""
        return self.state / "names.json"

    @property
    def unit_sets(self) -> Path:
        """The units of each set of cgroups (table/unit_sets.py)."""
        return self.state / "units.json"

    @property
    def temporary_units(self) -> Path:
        """What is open to units for some hours (units/temporary.py)."""
        return self.run / "temporary_units.json"

    @property
    def resolv_conf(self) -> Path:
        """resolv.conf(5)."""
        return self.at("/etc/resolv.conf")

    @property
    def original_resolv_conf(self) -> Path:
        """The resolv.conf from before ours (host/name_service.py)."""
        return self.state / "resolv.conf.json"

    @property
    def apparmor(self) -> Path:
        """What the administrator adds to AppArmor's profile of unbound."""
        return self.at("/etc/apparmor.d/local/usr.sbin.unbound")

    @property
    def resolver(self) -> Path:
        """Folder of the running resolver, which its user may write."""
        return self.at("/run/tidegate-dns")

    @property
    def resolver_record(self) -> Path:
        """What the resolver did (resolver/record.py)."""
        return self.resolver / "record.json"

    @property
    def unchanged(self) -> Path:
        """What the host was like when it was right (program/unchanged_record.py)."""
        return self.run / "unchanged.json"

    @property
    def program(self) -> Path:
        """The installed program."""
        return self.at("/usr/local/lib/tidegate/tidegate")

    @property
    def failsafe(self) -> Path:
        """The fail-safe table as a script, for a boot on which Python does not work."""
        return self.at("/usr/local/lib/tidegate/failsafe.nft")

    def failsafe_record(self, checksum: str) -> Path:
        """The fail-safe table with this checksum as a record, which is loaded without nft."""
        return self.state / f"failsafe-{checksum}.nft"

    @property
    def command(self) -> Path:
        """A link to the program in everybody's search path."""
        return self.at("/usr/local/bin/tidegate")

    @property
    def user_command(self) -> Path:
        """A link to the program for users who are not root."""
        return self.at("/usr/local/bin/egress-why")

    @property
    def why_socket(self) -> Path:
        """Where egress-why asks; users cannot list the folder of the other files."""
        return self.at("/run/tidegate-why.sock")

    @property
    def manual(self) -> Path:
        """The man page of the command."""
        return self.at("/usr/local/share/man/man8/tidegate.8")

    @property
    def user_manual(self) -> Path:
        """The man page of egress-why."""
        return self.at("/usr/local/share/man/man1/egress-why.1")

    @property
    def completion(self) -> Path:
        """The command's completion for bash."""
        return self.at("/usr/local/share/bash-completion/completions/tidegate")

    @property
    def zsh_completion(self) -> Path:
        """The command's completion for zsh."""
        return self.at("/usr/local/share/zsh/site-functions/_tidegate")

    @property
    def journald(self) -> Path:
        """The socket of journald (systemd-journald.service(8))."""
        return self.at("/run/systemd/journal/socket")

    @property
    def units(self) -> Path:
        """Folder of the administrator's systemd units (systemd.unit(5))."""
        return self.at("/etc/systemd/system")


def of_program(program: str) -> Paths:
    """Return the paths of the host, or of the part of a file system, that a program is installed in.

    They are no argument: whoever may run one command as root by a rule of sudo must not choose what it reads and loads.
    """
    program, place = os.path.realpath(program), str(Paths().program)
    return Paths(program[: -len(place)] if program.endswith(place) else "")
