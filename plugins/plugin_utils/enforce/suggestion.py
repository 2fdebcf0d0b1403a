# Copyright: (c) 2026, the tidegate developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The entries that would allow what was observed without an explanation, as YAML."""

from __future__ import annotations

from collections.abc import Sequence

from ansible_collections.tidegate.nftables.plugins.module_utils import suggested_entries
from ansible_collections.tidegate.nftables.plugins.plugin_utils.entry_yaml import service_name, suggestion
from ansible_collections.tidegate.nftables.plugins.plugin_utils.policy.sets import services

from .evidence import Rejection


def suggested(unexplained: Sequence[Rejection], tier: str) -> list[str]:
    """Return the lines of a variable with one entry for each user and service, [] when nothing is unexplained."""
    rejections = [
        suggested_entries.Rejection(
            line.user or ("" if line.uid is None else str(line.uid)),
            service_name(services.to_text(line.protocol, line.port)),
            line.address,
            line.packets,
            line.unit or "",
        )
        for line in unexplained
    ]
    return suggestion(tier, suggested_entries.entries(rejections, "packet", "in mode observe"))
