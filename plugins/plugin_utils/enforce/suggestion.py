# Copyright: (c) 2026, the tidegate developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The entries that would allow what was rejected without an explanation, as YAML for a person to review and paste."""

from __future__ import annotations

import re
from collections.abc import Sequence

from ansible_collections.tidegate.nftables.plugins.plugin_utils.entry_yaml import list_item, service_name
from ansible_collections.tidegate.nftables.plugins.plugin_utils.plural import count
from ansible_collections.tidegate.nftables.plugins.plugin_utils.policy.sets import services

from .evidence import Rejection


def suggested(unexplained: Sequence[Rejection], tier: str) -> list[str]:
    """Return the lines of a variable with one entry for each user and service, [] when nothing is unexplained.

    Its topic is its own, so the lines add to what is there wherever they are pasted.
    """
    groups: dict[tuple[str, str], list[Rejection]] = {}
    for line in unexplained:
        owner = line.user or ("" if line.uid is None else str(line.uid))
        groups.setdefault((owner, services.to_text(line.protocol, line.port)), []).append(line)
    lines = [f"egress_allow_{tier or 'app'}_observed:"] if groups else []
    for (owner, service), rejections in groups.items():
        packets = sum(line.packets for line in rejections)
        lines += list_item(
            {
                "name": re.sub(r"[^A-Za-z0-9_-]+", "-", f"{owner or 'anyone'}-{service_name(service)}").strip("-"),
                "to": [line.address for line in rejections],
                "services": [service_name(service)],
                **({"users": [owner]} if owner else {}),
                "reason": f"{count(packets, 'packet')} in mode observe; why?",
            }
        )
    return lines
