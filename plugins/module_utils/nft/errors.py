# Copyright: (c) 2026, the tidegate developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The error of the engine, and the messages that more than one of its files uses."""

from __future__ import annotations

from ansible_collections.tidegate.nftables.plugins.module_utils.errors import NO_MEMORY, TidegateError

REASONS = (
    "nft_missing",
    "nft_too_old",
    "no_cap_net_admin",
    "no_nf_tables",
    "bad_spec",
    "rejected_by_nft",
    "nft_crashed",
    "not_applied",
    "busy",
    "too_much_removed",
    "no_resolvers",
    "file_needed",
    "no_memory",
)
"""Every word that a failure's ``reason`` can be."""

UNCHANGED = "Nothing was changed."

LONGEST = 1000
"""Maximum characters of a message about an argument, which may quote a much longer text."""


class EngineError(TidegateError):
    """An error of the engine; reason: one of REASONS."""


class Overlap(EngineError):
    """nft reports an overlap with an element that the same transaction deletes; emptying the set first avoids it."""


class MissingParent(EngineError):
    """The table, chain or set that a task changes does not exist; what: the sentence that reports it."""

    def __init__(self, where: str, what: str) -> None:
        super().__init__("bad_spec", f"{what} {UNCHANGED}", where)
        self.what = what


def bad_spec(where: str, message: str) -> EngineError:
    """Return the error for invalid arguments; message: without the final sentence UNCHANGED."""
    shown = message if len(message) <= LONGEST else f"{message[: LONGEST // 2]} … {message[-LONGEST // 2 :]}"
    return EngineError("bad_spec", f"{shown} {UNCHANGED}", where)


def not_allowed(detail: str = "") -> EngineError:
    """Return the error for a process without CAP_NET_ADMIN."""
    cause = f" {detail}." if detail else ""
    return EngineError(
        "no_cap_net_admin",
        "This process may neither read nor change the firewall: it has no CAP_NET_ADMIN. Fix: run the task with "
        f"become: true; in a container, add the capability NET_ADMIN.{cause} {UNCHANGED}",
    )


def no_nf_tables(detail: str) -> EngineError:
    """Return the error for a kernel without nf_tables."""
    return EngineError(
        "no_nf_tables",
        "This kernel has no nf_tables: the module is not built, cannot be loaded, or a sandbox hides it. "
        f"Fix: check with 'modprobe nf_tables'. {detail}. {UNCHANGED}",
    )


def no_memory() -> EngineError:
    """Return the error for a run that hit a memory limit."""
    return EngineError("no_memory", NO_MEMORY)
