# Copyright: (c) 2026, the tidegate developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The error of the guard, with every reason that it can have."""

from __future__ import annotations

from typing import Any, Mapping

from ansible_collections.tidegate.nftables.plugins.module_utils.errors import TidegateError

UNCHANGED = "The table was not changed."

REASONS = (
    "bad_request",  # arguments that cannot mean anything
    "pending",  # another change is on trial
    "not_pending",  # there is no such change on trial
    "too_late",  # the change was already put back
    "changed_meanwhile",  # somebody else wrote to the table while the change was on trial
    "cannot_arm",  # no guard, so no change
    "cannot_write",  # no room or no right to write what the way back or the boot needs
    "no_way_back",  # the table that stands could not be restored
    "cuts_connection",  # the policy would cut the connection that applies it
    "same_connection",  # confirmed over the connection that the change was made over
    "preflight",  # something on the host speaks against enforcing there
    "tests_failed",  # the policy's own tests say that the change refuses what it must not
    "not_found",  # no such policy in the history, no confirmed policy
    "damaged",  # a saved file is not what was written
    "not_restored",  # putting back failed
    "busy",  # another run holds the lock
    "not_root",  # the module runs as another user
)
"""Every word that a failure's ``reason`` can be, beside those of the nft engine."""


class GuardError(TidegateError):
    """An error that stops a step; reason: one of REASONS."""

    def __init__(self, reason: str, message: str, details: Mapping[str, Any] | None = None) -> None:
        super().__init__(reason, message, details=details)
