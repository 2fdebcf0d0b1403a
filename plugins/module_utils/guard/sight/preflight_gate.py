# Copyright: (c) 2026, the tidegate developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Look at a host before its first policy, and before each change with which it enforces."""

from __future__ import annotations

from dataclasses import asdict
from typing import Any, Sequence

from ansible_collections.tidegate.nftables.plugins.module_utils.guard.host.errors import UNCHANGED, GuardError
from ansible_collections.tidegate.nftables.plugins.module_utils.guard.host.paths import Paths
from ansible_collections.tidegate.nftables.plugins.module_utils.guard.saved import settings
from ansible_collections.tidegate.nftables.plugins.module_utils.preflight import facts, forwarding, host_files
from ansible_collections.tidegate.nftables.plugins.module_utils.preflight.findings import (
    UNCOVERED,
    Decisions,
    blockers,
    findings,
)


def need_ready(
    paths: Paths, *, mode: str, containers: bool, untracked: bool, interfaces: Sequence[str], changes: bool
) -> list[dict[str, Any]]:
    """Return the preflight findings; raise GuardError when one stops the policy.

    Most of them are looked for where something begins or changes, UNCOVERED in every run. containers, untracked,
    interfaces: see Decisions. changes: whether the run changes the table: what others loaded since the last change
    stops an enforced one, too.
    """
    policy = Decisions(mode, containers, untracked, tuple(interfaces))
    begins_to_enforce = mode == "enforce" and settings.read(paths).mode != "enforce"
    if paths.confirmed.exists() and not begins_to_enforce and not (changes and mode == "enforce"):
        uncovered = findings({"forwarding": forwarding.interfaces()}, policy, only=(UNCOVERED,))
        return [asdict(finding) for finding in uncovered]
    all_findings = findings(facts.gather(host_files.HostFiles(paths.root)), policy)
    report = [asdict(finding) for finding in all_findings]
    against = blockers(all_findings, policy)
    if against:
        why = " ".join(str(finding) for finding in against)
        raise GuardError(
            "preflight", f"This host is not ready for mode {mode}: {why} {UNCHANGED}", {"preflight": report}
        )
    return report
