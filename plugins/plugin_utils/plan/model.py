# Copyright: (c) 2026, the tidegate developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a plan says, before it is written down as Markdown, JSON, JUnit or annotations."""

from __future__ import annotations

from dataclasses import dataclass, field

from ansible_collections.tidegate.nftables.plugins.plugin_utils.policy import Reach, ResolvedPolicy
from ansible_collections.tidegate.nftables.plugins.plugin_utils.policy.sets.addresses import AddressSet

NEW, GONE, CHANGED = "added", "removed", "changed"
WON, LOST, FAILS, HOLDS = "won", "lost", "fails", "holds"
SEVERITIES = ("info", "minor", "major", "blocker")


@dataclass(frozen=True)
class Policy:
    """One host's policy on one side of a comparison. resolved None: errors say why there is none."""

    resolved: ResolvedPolicy | None
    errors: tuple[str, ...] = ()


@dataclass(frozen=True)
class Hosts:
    """The hosts that one thing is about, and their tiers, both in order."""

    names: tuple[str, ...]
    tiers: tuple[str, ...]

    def __str__(self) -> str:
        shown = ", ".join(self.names[:5])
        more = f" and {len(self.names) - 5} more" if len(self.names) > 5 else ""
        return f"{shown}{more} (tier {', '.join(self.tiers) or 'none'})"


@dataclass(frozen=True)
class EntryChange:
    """An entry that came, went or was changed. changes: (key, before, after) of what differs in a changed one."""

    what: str
    name: str
    kind: str
    origin: str
    hosts: Hosts
    owner: str
    reason: str
    expires: str
    to: tuple[str, ...]
    services: tuple[str, ...]
    users: tuple[str, ...] | None
    shared: tuple[str, ...] = ()
    changes: tuple[tuple[str, str, str], ...] = ()


@dataclass(frozen=True)
class Difference:
    """What is newly allowed, or no longer, on these hosts.

    by: the entries that open it, for what is newly allowed. containers: it is about what their containers send. words:
    what words of the policy stand for there.
    """

    hosts: Hosts
    reach: Reach
    by: tuple[str, ...] = ()
    containers: bool = False
    words: tuple[tuple[str, AddressSet], ...] = ()


@dataclass(frozen=True)
class TestChange:
    """What became of one of egress_tests. said: why it fails, "" where it holds."""

    what: str
    name: str
    origin: str
    where: str
    hosts: Hosts
    said: str = ""


@dataclass(frozen=True)
class Remark:
    """Something a reviewer should see, at a file and line where they are known. kind: one word for machines."""

    kind: str
    severity: str
    origin: str
    text: str
    hosts: Hosts


@dataclass(frozen=True)
class Plan:
    """The whole comparison. base: the name of what it was compared with.

    tests: every test of what is proposed, and those that went. unmanaged: hosts without a tier, which nobody looked at.
    """

    base: str
    hosts: int
    unmanaged: int
    entries: tuple[EntryChange, ...] = ()
    allowed: tuple[Difference, ...] = ()
    closed: tuple[Difference, ...] = ()
    tests: tuple[TestChange, ...] = ()
    remarks: tuple[Remark, ...] = ()
    appeared: tuple[str, ...] = ()
    vanished: tuple[str, ...] = ()
    modes: tuple[tuple[str, str, Hosts], ...] = field(default=())

    @property
    def outcome(self) -> str:
        """One word: `errors`, `tests` (one is lost or fails), `different` or `same`."""
        if any(one.kind == "error" for one in self.remarks):
            return "errors"
        if any(one.what in (LOST, FAILS) for one in self.tests):
            return "tests"
        changed = self.entries or self.allowed or self.closed or self.appeared or self.vanished or self.modes
        return "different" if changed or any(one.what == WON for one in self.tests) else "same"
