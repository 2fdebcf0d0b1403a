# Copyright: (c) 2026, the tidegate developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The content of a plan, before it becomes Markdown, JSON, JUnit or annotations."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Literal

from ansible_collections.tidegate.nftables.plugins.plugin_utils.policy import Reach, ResolvedPolicy
from ansible_collections.tidegate.nftables.plugins.plugin_utils.policy.sets.addresses import NOTHING, AddressSet

EntryOutcome = Literal["added", "removed", "changed", "renamed", "expired"]
TestOutcome = Literal["added", "now_passes", "now_fails", "fails", "passes"]
"""added: new, and it passes. now_passes, now_fails: the other commit has the other result."""
Direction = Literal["opens", "closes", "weakened", "strengthened", "changed"]
"""What a setting does to packets, or to what guards the policy; changed: neither more nor less of a guard."""
Whose = Literal["host", "containers", "inbound"]
"""Which packets: those that the host sends, those of its containers, or those that come in."""
Severity = Literal["info", "minor", "major", "blocker"]
ReviewKind = Literal[
    "shared",
    "ceiling",
    "redundant",
    "closed_by_never",
    "metadata_inside",
    "known_old",
    "review_due",
    "wildcard",
]
RemarkKind = Literal[ReviewKind, "error", "base_error"]
Outcome = Literal["errors", "tests", "different", "guards", "entries", "same"]
"""different: packets pass or are rejected that were not. guards: only what protects the policy changes. entries: only
names, owners, reasons and dates of entries, or how they are written."""
FAILING: tuple[TestOutcome, ...] = ("now_fails", "fails")
"""Outcomes of a test that does not pass in the proposed commit."""


@dataclass(frozen=True)
class HostPolicy:
    """The policy of one host in one of the two commits.

    resolved: of all hosts that share it; None: errors say why there is none. own: the host's own addresses.
    """

    resolved: ResolvedPolicy | None
    errors: tuple[str, ...] = ()
    own: AddressSet = NOTHING


@dataclass(frozen=True)
class HostGroup:
    """The hosts that share a change, and their tiers; both sorted."""

    names: tuple[str, ...]
    tiers: tuple[str, ...]

    def __str__(self) -> str:
        names = ", ".join(self.names[:5])
        more = f" and {len(self.names) - 5} more" if len(self.names) > 5 else ""
        return f"{names}{more} (tier {', '.join(self.tiers) or 'none'})"


@dataclass(frozen=True, kw_only=True)
class EntryChange:
    """An entry that was added, removed, changed or renamed, or is left out since its last day is over.

    before: its name in the other commit, where it was renamed, else "". kind: the entry's, such as inbound or raise.
    origin: file, line and column, "" where they are unknown. users: None for everybody. units: None for any.
    shared: the names of its prefix lists that are shared platforms. changes: (key, before, after) of each difference in
    a changed entry.
    """

    outcome: EntryOutcome
    name: str
    before: str = ""
    kind: str
    origin: str
    hosts: HostGroup
    owner: str
    reason: str
    expires: str
    to: tuple[str, ...]
    services: tuple[str, ...]
    users: tuple[str, ...] | None
    units: tuple[str, ...] | None = None
    shared: tuple[str, ...] = ()
    changes: tuple[tuple[str, str, str], ...] = ()


@dataclass(frozen=True)
class Cause:
    """Why flows pass newly or no longer. text: `payments changed`. entry: its name, "" for what is no entry."""

    text: str
    entry: str = ""
    origin: str = field(default="", compare=False)


@dataclass(frozen=True, kw_only=True)
class ReachChange:
    """Flows that these hosts newly let through, or no longer.

    whose: which packets; the addresses of inbound ones are sources.
    words: the addresses that words of the policy stand for on these hosts.
    """

    hosts: HostGroup
    reach: Reach
    causes: tuple[Cause, ...] = ()
    whose: Whose = "host"
    words: tuple[tuple[str, AddressSet], ...] = ()

    @property
    def entries(self) -> tuple[str, ...]:
        """The names of the entries among the causes."""
        return tuple(cause.entry for cause in self.causes if cause.entry)


@dataclass(frozen=True, kw_only=True)
class SettingChange:
    """A change that is one sentence: of what happens to packets whatever their destination, or of a guard."""

    direction: Direction
    text: str
    origin: str = field(default="", compare=False)
    hosts: HostGroup


@dataclass(frozen=True, kw_only=True)
class PolicyTestChange:
    """One test of egress_tests of the proposed commit. failure: why it fails, "" where it passes."""

    outcome: TestOutcome
    name: str
    origin: str
    where: str
    hosts: HostGroup
    failure: str = ""


@dataclass(frozen=True, kw_only=True)
class Remark:
    """A sentence for the reviewer, with file, line and column where they are known, else ""."""

    kind: RemarkKind
    severity: Severity
    origin: str
    text: str
    hosts: HostGroup


@dataclass(frozen=True, kw_only=True)
class EgressPlan:
    """The whole comparison.

    base: the name of the commit that is compared with. hosts: how many were compared. unmanaged: how many were not,
    because they have no tier. tests: every test of the proposed commit. appeared, vanished: hosts that have a policy
    only in the proposed or only in the other commit.
    """

    base: str
    hosts: int
    unmanaged: int
    entries: tuple[EntryChange, ...] = ()
    allowed: tuple[ReachChange, ...] = ()
    closed: tuple[ReachChange, ...] = ()
    settings: tuple[SettingChange, ...] = ()
    tests: tuple[PolicyTestChange, ...] = ()
    remarks: tuple[Remark, ...] = ()
    appeared: tuple[str, ...] = ()
    vanished: tuple[str, ...] = ()

    @property
    def outcome(self) -> Outcome:
        """Return the worst of what the plan holds: errors, failing tests, differences, nothing."""
        if any(remark.kind == "error" for remark in self.remarks):
            return "errors"
        if any(test.outcome in FAILING for test in self.tests):
            return "tests"
        opened_or_closed = self.allowed or self.closed or self.appeared or self.vanished
        if opened_or_closed or self.of("opens", "closes") or self.test_results_change:
            return "different"
        return "guards" if self.settings else "entries" if self.entries else "same"

    def of(self, *directions: Direction) -> tuple[SettingChange, ...]:
        """Return the changes of settings in these directions."""
        return tuple(change for change in self.settings if change.direction in directions)

    @property
    def test_results_change(self) -> bool:
        """Whether a test passes only now."""
        return any(test.outcome == "now_passes" for test in self.tests)
