# Copyright: (c) 2026, the tidegate developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The content of a plan, before it becomes Markdown, JSON, JUnit or annotations."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from ansible_collections.tidegate.nftables.plugins.plugin_utils.policy import Reach, ResolvedPolicy
from ansible_collections.tidegate.nftables.plugins.plugin_utils.policy.sets.addresses import AddressSet

EntryOutcome = Literal["added", "removed", "changed"]
TestOutcome = Literal["added", "removed", "now_passes", "now_fails", "fails", "passes"]
"""added: new, and it passes. now_passes, now_fails: the other commit has the other result."""
Severity = Literal["info", "minor", "major", "blocker"]
RemarkKind = Literal[
    "shared",
    "ceiling",
    "redundant",
    "closed_by_never",
    "metadata_inside",
    "review_due",
    "error",
    "base_error",
    "test",
    "entry",
]
Outcome = Literal["errors", "tests", "different", "same"]
FAILING: tuple[TestOutcome, ...] = ("now_fails", "fails")
"""Outcomes of a test that does not pass in the proposed commit."""


@dataclass(frozen=True)
class HostPolicy:
    """The policy of one host in one of the two commits. resolved None: errors say why there is none."""

    resolved: ResolvedPolicy | None
    errors: tuple[str, ...] = ()


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
    """An entry that was added, removed or changed.

    kind: the entry's, such as inbound or raise. origin: file, line and column, "" where they are unknown. users: None
    for everybody. shared: the names of its prefix lists that are shared platforms. changes: (key, before, after) of
    each difference in a changed entry.
    """

    outcome: EntryOutcome
    name: str
    kind: str
    origin: str
    hosts: HostGroup
    owner: str
    reason: str
    expires: str
    to: tuple[str, ...]
    services: tuple[str, ...]
    users: tuple[str, ...] | None
    shared: tuple[str, ...] = ()
    changes: tuple[tuple[str, str, str], ...] = ()


@dataclass(frozen=True, kw_only=True)
class ReachChange:
    """Flows that these hosts newly let through, or no longer.

    entries: the names of those that open the flows, for newly allowed ones. containers: packets of their containers.
    words: the addresses that words of the policy stand for on these hosts.
    """

    hosts: HostGroup
    reach: Reach
    entries: tuple[str, ...] = ()
    containers: bool = False
    words: tuple[tuple[str, AddressSet], ...] = ()


@dataclass(frozen=True, kw_only=True)
class PolicyTestChange:
    """One test of egress_tests in both commits. failure: why it fails, "" where it passes."""

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
    because they have no tier. tests: every test of the proposed commit, and the removed ones. appeared, vanished: hosts
    that have a policy only in the proposed or only in the other commit. modes: (before, after, hosts).
    """

    base: str
    hosts: int
    unmanaged: int
    entries: tuple[EntryChange, ...] = ()
    allowed: tuple[ReachChange, ...] = ()
    closed: tuple[ReachChange, ...] = ()
    tests: tuple[PolicyTestChange, ...] = ()
    remarks: tuple[Remark, ...] = ()
    appeared: tuple[str, ...] = ()
    vanished: tuple[str, ...] = ()
    modes: tuple[tuple[str, str, HostGroup], ...] = ()

    @property
    def outcome(self) -> Outcome:
        """Return the worst of what the plan holds: errors, failing tests, differences, nothing."""
        if any(remark.kind == "error" for remark in self.remarks):
            return "errors"
        if any(test.outcome in FAILING for test in self.tests):
            return "tests"
        changed = self.entries or self.allowed or self.closed or self.appeared or self.vanished or self.modes
        return "different" if changed or any(test.outcome == "now_passes" for test in self.tests) else "same"
