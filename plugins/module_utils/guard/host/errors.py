# Copyright: (c) 2026, the tidegate developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The error of the guard, with every reason that it can have."""

from __future__ import annotations

from typing import Any, Mapping

from ansible_collections.tidegate.nftables.plugins.module_utils.errors import TidegateError

UNCHANGED = "The table was not changed."

REASONS = (
    "bad_request",  # invalid arguments
    "pending",  # another change is pending
    "not_pending",  # no such change is pending
    "too_late",  # the change was already rolled back
    "changed_meanwhile",  # another program changed the table while the change was pending
    "cannot_arm",  # the rollback timer cannot be started
    "cannot_write",  # no space or no permission for a file that a rollback or the boot needs
    "no_way_back",  # the live table could not be restored after the change
    "cuts_connection",  # the policy would cut the SSH connection of this run
    "same_connection",  # not confirmed over a new connection
    "preflight",  # a finding stops enforcement on this host
    "tests_failed",  # policy tests failed that passed before the change
    "not_found",  # no such policy in the history, or no confirmed policy
    "damaged",  # a file does not match its checksum or cannot be read
    "not_restored",  # restoring the table failed, another one was loaded
    "not_rolled_back",  # a change that nobody confirmed is still loaded, for nothing could be loaded
    "resolver_failed",  # unbound cannot be started, or has ended
    "no_cgroup_v2",  # the host has no pure cgroup v2 tree, which entries with units need
    "ulogd_missing",  # what egress_log_ulogd needs is not installed
    "unbound_missing",  # what egress_names: resolver needs is not installed
    "busy",  # another run holds the lock
    "not_root",  # the module runs as another user
)
"""Every word that a failure's ``reason`` can be, besides those of the nft engine."""


class GuardError(TidegateError):
    """An error that stops a step; reason: one of REASONS."""

    def __init__(self, reason: str, message: str, details: Mapping[str, Any] | None = None) -> None:
        super().__init__(reason, message, details=details)
