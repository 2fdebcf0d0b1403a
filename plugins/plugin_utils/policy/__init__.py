# Copyright: (c) 2026, the tidegate developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What people mean: the vocabulary of group_vars, and what it says about a host. No nft, no Ansible."""

from __future__ import annotations

from ansible_collections.tidegate.nftables.plugins.plugin_utils.policy.proving.decide import Flow, Verdict, decide
from ansible_collections.tidegate.nftables.plugins.plugin_utils.policy.proving.passing import FloorScope, passing
from ansible_collections.tidegate.nftables.plugins.plugin_utils.policy.proving.policy_tests import (
    FailedTest,
    failed_tests,
)
from ansible_collections.tidegate.nftables.plugins.plugin_utils.policy.resolving.resolve import own_addresses
from ansible_collections.tidegate.nftables.plugins.plugin_utils.policy.sets.reach import Reach, Witness
from ansible_collections.tidegate.nftables.plugins.plugin_utils.policy.sets.regions import Region

from .builder import build
from .errors import Notice, PolicyError, PolicyErrors
from .model import Inventory, PrefixListContent
from .resolved import ResolvedEntry, ResolvedPolicy

__all__ = [
    "FailedTest",
    "FloorScope",
    "Flow",
    "Inventory",
    "Notice",
    "PolicyError",
    "PolicyErrors",
    "PrefixListContent",
    "Reach",
    "Region",
    "ResolvedEntry",
    "ResolvedPolicy",
    "Verdict",
    "Witness",
    "build",
    "decide",
    "failed_tests",
    "own_addresses",
    "passing",
]
