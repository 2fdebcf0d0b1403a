# Copyright: (c) 2026, the tidegate developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The result of a run that changes the table and the installed files."""

from __future__ import annotations

from typing import Any, Mapping, Sequence

from .install import FileChange


def joined(
    result: Mapping[str, Any], files: Sequence[FileChange], guard: Mapping[str, Any] | None = None
) -> dict[str, Any]:
    """Return the result of the table's change with changes of files beside it.

    guard: about the pending change, None when there is none.
    """
    diffs = result.get("diff") or {}
    all_diffs = [*(diffs if isinstance(diffs, list) else [diffs]), *(change.as_diff() for change in files)]
    return {
        **result,
        "changed": bool(result["changed"] or files),
        "diff": all_diffs if files else diffs,
        "files": [{"path": change.path, "action": change.action} for change in files],
        "guard": guard,
    }
