# Copyright: (c) 2026, the tidegate developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Apply a policy: check, install, snapshot, start the rollback timer, load. A second run confirms (trial/decide.py)."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import Any, Mapping

from ansible_collections.tidegate.nftables.plugins.module_utils.guard.host import clock, files, ssh_session, unit_files
from ansible_collections.tidegate.nftables.plugins.module_utils.guard.host.errors import UNCHANGED, GuardError
from ansible_collections.tidegate.nftables.plugins.module_utils.guard.host.lock import exclusive
from ansible_collections.tidegate.nftables.plugins.module_utils.guard.program import (
    install,
    requested_names,
    unchanged_record,
)
from ansible_collections.tidegate.nftables.plugins.module_utils.guard.program.install import FileChange
from ansible_collections.tidegate.nftables.plugins.module_utils.guard.program.report import joined
from ansible_collections.tidegate.nftables.plugins.module_utils.guard.saved import (
    confirmed_policy,
    failsafe_records,
    history,
    journal,
    last_loaded,
    pending,
    resolver_document,
)
from ansible_collections.tidegate.nftables.plugins.module_utils.guard.saved import request as requests
from ansible_collections.tidegate.nftables.plugins.module_utils.guard.saved.before_change import BeforeChange
from ansible_collections.tidegate.nftables.plugins.module_utils.guard.saved.pending import PendingChange
from ansible_collections.tidegate.nftables.plugins.module_utils.guard.saved.request import ChangeRequest
from ansible_collections.tidegate.nftables.plugins.module_utils.guard.saved.settings import Settings
from ansible_collections.tidegate.nftables.plugins.module_utils.guard.sight import (
    login_needs,
    own_connection,
    preflight_gate,
)
from ansible_collections.tidegate.nftables.plugins.module_utils.guard.table import unit_sets
from ansible_collections.tidegate.nftables.plugins.module_utils.guard.table.desired import CompiledTable, DesiredTable
from ansible_collections.tidegate.nftables.plugins.module_utils.guard.table.host import Host
from ansible_collections.tidegate.nftables.plugins.module_utils.guard.trial import (
    commit_confirm,
    policy_tests,
    rollback,
)
from ansible_collections.tidegate.nftables.plugins.module_utils.guard.trial.policy_tests import PolicyTests
from ansible_collections.tidegate.nftables.plugins.module_utils.nft.mirror import shared_copies
from ansible_collections.tidegate.nftables.plugins.module_utils.preflight.findings import UNCOVERED
from ansible_collections.tidegate.nftables.plugins.module_utils.preflight.host_files import HostFiles

SPARE = 10.0
"""Seconds that a run needs besides the tests: for the change itself and for the new connection."""


@dataclass(frozen=True)
class Terms:
    """On which terms a change is applied.

    seconds: until the rollback; confirm: whether the change must be confirmed at all; tests: to run before the change,
    so that the confirmation knows which ones failed already; size: bytes of the policy that was requested; digest: see
    unchanged_record.write, "" to record nothing; names: the resolver's document, "" for no resolver, None to leave it
    as it is; units: by set, those of the policy.
    """

    request: ChangeRequest
    settings: Settings = field(default_factory=Settings)
    seconds: float = 60.0
    confirm: bool = True
    tests: PolicyTests = field(default_factory=PolicyTests)
    size: int = 0
    digest: str = ""
    names: str | None = None
    units: unit_sets.Units = field(default_factory=dict)


def apply_policy(
    host: Host,
    policy: CompiledTable,
    terms: Terms,
    *,
    connection: str,
    check: bool,
    decisions: Mapping[str, Any] | None = None,
) -> dict[str, Any]:
    """Apply a compiled policy, see `change_table`, and return the findings about the host as ``preflight`` beside it.

    connection: SSH connection that must stay open, "" for none. decisions: what the operator has decided about
    containers and untracked packets, None to look at nothing.
    """
    _need_time_for_tests(terms)
    with exclusive(host.paths), shared_copies():
        recovered = rollback.settle(host, check=check)
        preview = policy.preview()
        findings = _findings(host, terms, decisions, changes=preview["changed"])
        if preview["changed"]:
            policy_tests.probes_of(terms.tests)
            if connection:
                logins = login_needs.of_user(HostFiles(host.paths.root), ssh_session.user())
                own_connection.need_open(policy.objects(), connection, logins=logins)
        result = _change(host, policy, terms, preview, check=check)
        without_address = resolver_document.without_address(host.paths, wait=result["changed"] and not check)
        # Every run says what is not covered, and a question does not.
        incomplete = any(finding["name"] == UNCOVERED for finding in findings) or requests.is_undescribed(result)
        if terms.digest and not check and not incomplete:
            unchanged_record.write(host, policy, terms.request, terms.settings, units=terms.units, digest=terms.digest)
        return {
            **result,
            "recovered": recovered,
            "preflight": findings,
            "missing_units": unit_files.missing(terms.units),
            "names_without_address": without_address,
        }


def _findings(host: Host, terms: Terms, decisions: Mapping[str, Any] | None, *, changes: bool) -> list[dict[str, Any]]:
    if decisions is None:
        return []
    return preflight_gate.need_ready(host.paths, mode=terms.settings.mode, changes=changes, **decisions)


def change_table(host: Host, desired: DesiredTable, terms: Terms, *, check: bool) -> dict[str, Any]:
    """Change the table, and start the timer that rolls the change back unless it is confirmed.

    Return the change with ``guard`` and ``files`` beside it. guard: None when no change is pending, else token,
    seconds, kind, and before, the tests that failed before the change. Raise TidegateError; then the table is as
    before, which the message says.
    """
    _need_time_for_tests(terms)
    with exclusive(host.paths):
        recovered = rollback.settle(host, check=check)
        return {**_change(host, desired, terms, desired.preview(), check=check), "recovered": recovered}


def _need_time_for_tests(terms: Terms) -> None:
    needed = terms.tests.seconds + SPARE if terms.tests.tests else 0.0
    if terms.confirm and terms.seconds <= needed:
        raise GuardError(
            "bad_request",
            f"A change is rolled back after {terms.seconds:.0f} s, but its tests may take {needed:.0f} s, so it could "
            f"never be confirmed. {UNCHANGED} Fix: raise egress_confirm_timeout.",
        )


def _change(
    host: Host, desired: DesiredTable, terms: Terms, preview: Mapping[str, Any], *, check: bool
) -> dict[str, Any]:
    # A rollback restores the settings too: whether the fail-safe table rejects is one of them.
    old_settings = files.read(host.paths.settings) or ""
    asked = [] if terms.names is None else requested_names.preview(host.paths, terms.names)
    changed = bool(preview["changed"] or asked)
    failed_before: list[str] = []
    if changed and terms.confirm and not check:
        failed_before = policy_tests.labels(policy_tests.failing(policy_tests.run(terms.tests)))
    systemd = clock.systemd_runs(host.paths)
    installed = install.install(host.paths, terms.settings, terms.units, systemd=systemd, check=check)
    if not check:
        failsafe_records.keep(host, terms.settings, old_settings)
        history.remember_units(host.paths, terms.units)
    if not changed:
        record = confirmed_policy.read(host.paths)
        if not check:
            unit_sets.follow(host.paths)
        other = record.policy if record is not None and record.policy != terms.request.policy else ""
        undescribed = other if not terms.request.what else ""
        request = replace(terms.request, policy=undescribed or terms.request.policy)
        unchanged = joined(preview, [*installed, *_save_unchanged(host, request, check=check)])
        if other and not undescribed and not check:
            journal.add(host.paths, "recorded", who=request.who, what=request.what)
        return {**unchanged, "policy_before": undescribed}
    described = replace(terms, request=requests.described(terms.request, preview.get("changes") or ()))
    before = BeforeChange.read(host, described.request.what)
    if check:
        return {**joined(preview, [*installed, *asked]), **before.result(None)}
    if not terms.confirm:
        if asked:
            requested_names.make(host.paths, terms.names or "")
        return {
            **joined(_load_and_save(host, desired, described.request, terms.units), [*installed, *asked]),
            **before.result(host),
        }
    old_names = resolver_document.read(host.paths) if asked else None
    change, result = _load_pending(host, desired, described, old_settings, old_names)
    guard = {
        "token": change.token,
        "seconds": change.seconds_left,
        "kind": change.timer,
        "before": failed_before,
    }
    return {**joined(result, [*installed, *asked], guard), **before.result(host)}


def _load_and_save(
    host: Host, desired: DesiredTable, request: ChangeRequest, units: unit_sets.Units
) -> Mapping[str, Any]:
    """Load the change and save for boot exactly what was loaded, not what another program added meanwhile."""
    result = _load(host, desired, units)
    table = host.table.as_saved(request.others)
    if desired.preview()["changed"]:
        raise GuardError(
            "changed_meanwhile",
            "Another program changed the table right after the change was loaded, so the table was not saved for boot: "
            "a boot loads the policy that was confirmed last. Fix: run again.",
        )
    confirmed_policy.save(host, request, table=table)
    return result


def _load(host: Host, desired: DesiredTable, units: unit_sets.Units) -> Mapping[str, Any]:
    """Load the change, with the ids of units that run already.

    New sets come first: between the rules that look into them and their ids, a unit of another list would be rejected.
    """
    if host.table.exists():
        unit_sets.make(host.table, units)
        unit_sets.follow(host.paths)
    result = desired.load()
    unit_sets.follow(host.paths)
    return result


def _load_pending(
    host: Host, desired: DesiredTable, terms: Terms, old_settings: str, old_names: str | None
) -> tuple[PendingChange, Mapping[str, Any]]:
    """Start the rollback timer and load the change; roll it back when that fails."""
    change = commit_confirm.begin(
        host, terms.request, seconds=terms.seconds, size=terms.size, settings=old_settings, names=old_names
    )
    snapshot = files.read_bytes(host.paths.snapshot) or b""
    try:
        if old_names is not None:
            # Before the table, which lets only the resolver ask.
            requested_names.make(host.paths, terms.names or "")
        result = _load(host, desired, terms.units)
        commit_confirm.write_candidate(host, change, terms.request)
        if desired.preview()["changed"]:
            # After the engine compared the table and before it was listed as the candidate.
            raise GuardError(
                "changed_meanwhile", "Another program changed the table while the change was being loaded."
            )
    except BaseException as error:
        # Also when the run is interrupted: the timer would leave a half loaded change for a minute.
        if pending.read(host.paths) != change:
            # The timer rolled back and removed the snapshot, and the change was loaded after that.
            files.write(host.paths.snapshot, snapshot)
        rollback.roll_back(host, change, f"it could not be loaded: {error}")
        raise
    return change, result


def _save_unchanged(host: Host, request: ChangeRequest, *, check: bool) -> list[FileChange]:
    """Save the live table, which is as desired, for the boot and the watcher where that was not done."""
    if not host.table.exists():
        return []
    if confirmed_policy.save(host, replace(request, what="the table as it was"), check=check):
        return [FileChange(str(host.paths.confirmed), "change")]
    if not check and last_loaded.read(host.paths) is None:
        confirmed_policy.write_last_loaded(host, request.others)
    return []
