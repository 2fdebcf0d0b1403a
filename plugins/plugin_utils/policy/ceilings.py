# Copyright: (c) 2026, the tidegate developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a tier may ever reach, compared as a set."""

from __future__ import annotations

from ansible_collections.tidegate.nftables.plugins.plugin_utils.policy.errors import Report
from ansible_collections.tidegate.nftables.plugins.plugin_utils.policy.model import Tier
from ansible_collections.tidegate.nftables.plugins.plugin_utils.policy.resolved import ResolvedEntry
from ansible_collections.tidegate.nftables.plugins.plugin_utils.policy.settings import Settings


def check_ceiling(report: Report, tier: Tier, setting: Settings, entries: tuple[ResolvedEntry, ...]) -> None:
    """Report every entry above the tier's ceiling."""
