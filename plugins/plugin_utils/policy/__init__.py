# Copyright: (c) 2026, the tidegate developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What people mean: the vocabulary of group_vars, and what it says about a host. No nft, no Ansible."""

from __future__ import annotations

from ansible_collections.tidegate.nftables.plugins.plugin_utils.policy.builder import build
from ansible_collections.tidegate.nftables.plugins.plugin_utils.policy.decide import Flow, Verdict, decide
from ansible_collections.tidegate.nftables.plugins.plugin_utils.policy.errors import Notice, PolicyError, PolicyErrors
from ansible_collections.tidegate.nftables.plugins.plugin_utils.policy.model import Listed, World
from ansible_collections.tidegate.nftables.plugins.plugin_utils.policy.passing import Floor, passing
from ansible_collections.tidegate.nftables.plugins.plugin_utils.policy.reach import FailedTest, failed_tests
from ansible_collections.tidegate.nftables.plugins.plugin_utils.policy.reaches import Reach, Witness
from ansible_collections.tidegate.nftables.plugins.plugin_utils.policy.regions import Region
from ansible_collections.tidegate.nftables.plugins.plugin_utils.policy.resolved import Resolved, ResolvedEntry

__all__ = [
    "FailedTest",
    "Floor",
    "Flow",
    "Listed",
    "Notice",
    "PolicyError",
    "PolicyErrors",
    "Reach",
    "Region",
    "Resolved",
    "ResolvedEntry",
    "Verdict",
    "Witness",
    "World",
    "build",
    "decide",
    "failed_tests",
    "passing",
]
