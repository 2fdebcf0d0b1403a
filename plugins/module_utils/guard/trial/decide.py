# Copyright: (c) 2026, the tidegate developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Decide over the pending change: test and confirm it, or roll it back. Holds the lock."""

from __future__ import annotations

from dataclasses import asdict
from typing import Any, Collection

from ansible_collections.tidegate.nftables.plugins.module_utils.guard.host import clock
from ansible_collections.tidegate.nftables.plugins.module_utils.guard.host.errors import UNCHANGED, GuardError
from ansible_collections.tidegate.nftables.plugins.module_utils.guard.host.lock import exclusive
from ansible_collections.tidegate.nftables.plugins.module_utils.guard.saved import pending, resolver_document
from ansible_collections.tidegate.nftables.plugins.module_utils.guard.table.host import Host
from ansible_collections.tidegate.nftables.plugins.module_utils.nft.errors import EngineError

from . import commit_confirm, policy_tests, rollback
from .policy_tests import PolicyTests


def confirm_if_tests_pass(
    host: Host,
    token: str,
    tests: PolicyTests,
    *,
    failed_before: Collection[str],
    enforce: bool,
    check: bool,
    what: str = "",
) -> dict[str, Any]:
    """Run the tests, then confirm the change, or roll it back when one fails that passed before.

    enforce: in mode observe (False) a failing test is reported and does not stop the confirmation. what: see
    commit_confirm.confirm. Return tests, broken, broken_before, unsent and, unless in check mode, confirmed. Raise
    GuardError (tests_failed) after the rollback.
    """
    results = policy_tests.run(tests)
    broken = policy_tests.failing(results, failed_before)
    report: dict[str, Any] = {
        "tests": [asdict(result) for result in results],
        "broken": policy_tests.labels(broken),
        "broken_before": [
            label for label in policy_tests.labels(policy_tests.failing(results)) if label in failed_before
        ],
        "unsent": policy_tests.unsent(results),
    }
    if check:
        return {"changed": True, **report}
    if broken and enforce:
        why = policy_tests.sentence(broken)
        reject(host, token, f"tests failed: {why}")
        raise GuardError("tests_failed", f"The change was rolled back, for its tests failed: {why}.", report)
    return {"changed": True, **report, "confirmed": confirm(host, token, what)}


def need_new_connection(host: Host, token: str, old: str, now: str, *, check: bool) -> None:
    """Roll the change back and raise GuardError (same_connection) when it is confirmed over the old connection."""
    if not old or now != old or check:
        return
    reject(host, token, "no new connection was made")
    raise GuardError(
        "same_connection",
        f"The change was rolled back: the confirmation came over the connection that the change was made over ({old}), "
        "which proves nothing. Fix: close what keeps it open (ControlPersist, a connection plugin), or run with "
        "-e egress_confirm=false.",
    )


def confirm(host: Host, token: str, what: str = "") -> dict[str, Any]:
    """Confirm the pending change and return about it; roll it back and raise GuardError when that fails.

    Where this process cannot reach nf_tables (NetlinkError), it could not roll back either: the timer does.
    """
    with exclusive(host.paths):
        try:
            change = pending.read(host.paths)
            if change is not None and change.names is not None:
                resolver_document.need_alive(host.paths)
            record = commit_confirm.confirm(host, token, what=what)
        except (GuardError, EngineError) as error:
            if error.reason in ("not_pending", "too_late"):
                raise
            rollback.roll_back_token(host, token, f"it could not be confirmed: {error}")
            raise GuardError(error.reason, f"{error} The change was rolled back.") from error
        return {"token": record.token, "when": clock.utc(record.when), "who": record.who, "what": record.what}


def reject(host: Host, token: str, why: str) -> None:
    """Roll the pending change back now."""
    with exclusive(host.paths):
        if not rollback.roll_back_token(host, token, why):
            raise GuardError("not_pending", f"This change is not pending on this host. {UNCHANGED}")
