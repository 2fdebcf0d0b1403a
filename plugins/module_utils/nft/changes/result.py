# Copyright: (c) 2026, the tidegate developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a run came to."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from .transaction import ChangeRecord


@dataclass(frozen=True)
class RunResult:
    """What a run came to, as the modules return it.

    path: "fast" when the kernel proved that nothing changed, "elements" when it proved that nothing but the elements of
    files is to be changed and nft was not needed, else "full".
    """

    changed: bool
    before: str = ""
    after: str = ""
    transaction: str = ""
    changes: tuple[ChangeRecord, ...] = ()
    missing_users: tuple[str, ...] = ()
    nft_version: str = ""
    path: str = "full"
    warnings: tuple[str, ...] = ()

    def as_dict(self) -> dict[str, Any]:
        """Return the result as module output."""
        return {
            "changed": self.changed,
            "diff": {"before": self.before, "after": self.after},
            "transaction": self.transaction,
            "changes": [found.as_dict() for found in self.changes],
            "missing_users": list(self.missing_users),
            "nft_version": self.nft_version,
            "path": self.path,
        }
