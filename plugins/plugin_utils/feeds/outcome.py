# Copyright: (c) 2026, the tidegate developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The content of a list in this run, as the first worker writes it for the others."""

from __future__ import annotations

import datetime as dt
import json
from dataclasses import dataclass

from ansible_collections.tidegate.nftables.plugins.plugin_utils.policy.errors import NoticeKind
from ansible_collections.tidegate.nftables.plugins.plugin_utils.policy.sets.addresses import AddressSet


@dataclass(frozen=True)
class Outcome:
    """The addresses of a list in this run. kept: they are the last good copy's. notices: (kind, text)."""

    addresses: AddressSet
    fetched_at: dt.datetime
    kept: bool = False
    notices: tuple[tuple[NoticeKind, str], ...] = ()

    def text(self) -> bytes:
        """Return it as JSON: intervals of integers are read ten times faster than networks as texts."""
        return json.dumps(
            {
                "v4": self.addresses.v4,
                "v6": self.addresses.v6,
                "fetched_at": self.fetched_at.isoformat(),
                "kept": self.kept,
                "notices": self.notices,
            }
        ).encode()

    @classmethod
    def parse(cls, text: bytes) -> Outcome:
        """Return the outcome that text() wrote."""
        written = json.loads(text)
        v4, v6 = (tuple((start, end) for start, end in written[family]) for family in ("v4", "v6"))
        return cls(
            AddressSet(v4, v6),
            dt.datetime.fromisoformat(written["fetched_at"]),
            written["kept"],
            tuple((kind, text) for kind, text in written["notices"]),
        )
