# Copyright: (c) 2026, the tidegate developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What was before a change: the controller makes of it the sentences about the change."""

from __future__ import annotations

from contextlib import suppress
from dataclasses import dataclass
from typing import Any

from ansible_collections.tidegate.nftables.plugins.module_utils.errors import TidegateError
from ansible_collections.tidegate.nftables.plugins.module_utils.guard.table import fingerprint, hand_edits
from ansible_collections.tidegate.nftables.plugins.module_utils.guard.table.host import Host

from . import confirmed_policy
from .records import Record


@dataclass(frozen=True)
class BeforeChange:
    """The confirmed policy before a change, and what the live table was.

    what: the change in the words of the table. record: the confirmed policy, None for none. confirmed, live: shapes of
    its table and of the live one where that was edited, else "".
    """

    what: str
    record: Record | None
    confirmed: str = ""
    live: str = ""

    @classmethod
    def read(cls, host: Host, what: str) -> BeforeChange:
        """Read both before the change."""
        record = confirmed_policy.read(host.paths)
        if record is None or not host.table.exists() or confirmed_policy.is_live(host, record):
            return cls(what, record)
        with suppress(TidegateError):
            shapes = (fingerprint.shape(text, record.others) for text in (record.listing, host.table.listing()))
            return cls(what, record, *shapes)
        return cls(what, record)

    def result(self, host: Host | None) -> dict[str, Any]:
        """Return the keys of the module's result. host: with the table after the change, None for a predicted one."""
        undone: list[str] = []
        # What is only said must not stop a change that is loaded.
        with suppress(TidegateError):
            if self.record is not None and self.live:
                after = self.confirmed if host is None else fingerprint.shape(host.table.listing(), self.record.others)
                undone = hand_edits.undone(self.confirmed, self.live, after, "would be" if host is None else "was")
        return {"what": self.what, "policy_before": self.record.policy if self.record else "", "undone": undone}
