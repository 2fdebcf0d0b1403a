# Copyright: (c) 2026, the tidegate developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Every target by name.

A new target is a module with a TARGET and an element of the tuple below, a page in docs/targets, and in the tests an
evaluator that reads its files back (evaluators.py beside the tests of targets) and a golden file (`make golden`).
tests/unit/completeness/test_targets.py fails as long as one of them is missing.
"""

from __future__ import annotations

from collections.abc import Mapping

from ansible_collections.tidegate.nftables.plugins.plugin_utils.policy.errors import PolicyError, PolicyErrors
from ansible_collections.tidegate.nftables.plugins.plugin_utils.policy.reading import hints
from ansible_collections.tidegate.nftables.plugins.plugin_utils.targets.aws import security_group, terraform
from ansible_collections.tidegate.nftables.plugins.plugin_utils.targets.kubernetes import cilium, network_policy
from ansible_collections.tidegate.nftables.plugins.plugin_utils.targets.names import dnsmasq, squid
from ansible_collections.tidegate.nftables.plugins.plugin_utils.targets.nftables import table

from .model import Target

TARGETS: Mapping[str, Target] = {
    module.TARGET.name: module.TARGET
    for module in (table, security_group, terraform, network_policy, cilium, squid, dnsmasq)
}


def target(name: str) -> Target:
    """Return the target of this name. Raises PolicyErrors with a guess for an unknown one."""
    if name not in TARGETS:
        fix = hints.did_you_mean(name, TARGETS)
        raise PolicyErrors((PolicyError("egress_target", f'there is no target "{name}"', fix),))
    return TARGETS[name]
