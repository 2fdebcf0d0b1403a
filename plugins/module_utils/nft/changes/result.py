# Copyright: (c) 2026, the tidegate developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The result of a run."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

if TYPE_CHECKING:
    from .transaction import ChangeRecord


def still_matches(key: str, name: str, larger: str) -> str:
    """Return the warning about an element that was to be deleted from a set and that a larger element contains."""
    return f"{key} still matches set {name}: the set has {larger}, which contains it."


@dataclass(frozen=True)
class RunResult:
    """The result of a run, as the modules return it.

    path: "fast" when the kernel proved that nothing changed, "elements" when only elements had to be changed and nft
    was not needed, else "full".
    """

    changed: bool
    before: str = ""
    after: str = ""
    transaction: str = ""
    changes: tuple[ChangeRecord, ...] = ()
    missing_users: tuple[str, ...] = ()
    nft_version: str = ""
    path: Literal["fast", "elements", "full"] = "full"
    warnings: tuple[str, ...] = ()

    def as_dict(self) -> dict[str, Any]:
        """Return the result as module output."""
        return {
            "changed": self.changed,
            "diff": {"before": self.before, "after": self.after},
            "transaction": self.transaction,
            "changes": [change.as_dict() for change in self.changes],
            "missing_users": list(self.missing_users),
            "nft_version": self.nft_version,
            "path": self.path,
        }
