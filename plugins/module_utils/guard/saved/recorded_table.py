# Copyright: (c) 2026, the tidegate developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The table of an earlier policy, to be loaded again."""

from __future__ import annotations

from typing import Any, Mapping

from ansible_collections.tidegate.nftables.plugins.module_utils.guard.table.fingerprint import shape
from ansible_collections.tidegate.nftables.plugins.module_utils.guard.table.host import Host

from . import confirmed_policy
from .records import Record


class RecordedTable:
    """The table of a record; see DesiredTable."""

    def __init__(self, host: Host, record: Record) -> None:
        self._host = host
        self._record = record

    def preview(self) -> Mapping[str, Any]:
        """Return what loading would change."""
        changed = not confirmed_policy.is_live(self._host, self._record)
        return self._result(self._host.table.listing(), self._record.listing, changed=changed)

    def load(self) -> Mapping[str, Any]:
        """Change the live table and return what changed."""
        before = self._host.table.listing()
        changed = not confirmed_policy.is_live(self._host, self._record)
        if changed:
            confirmed_policy.restore_record(self._host, self._record)
        return self._result(before, self._host.table.listing(), changed=changed)

    def _result(self, before: str | None, after: str | None, *, changed: bool) -> Mapping[str, Any]:
        others = self._record.others
        diff = {"before": shape(before, others), "after": shape(after, others)}
        version = self._host.table.nft_version
        return {"changed": changed, "diff": diff, "changes": [], "transaction": "", "nft_version": version}
