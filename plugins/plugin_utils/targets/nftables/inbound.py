# Copyright: (c) 2026, the tidegate developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The chain for incoming packets, which `egress_inbound_allow` adds."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from ansible_collections.tidegate.nftables.plugins.module_utils import table_names
from ansible_collections.tidegate.nftables.plugins.plugin_utils.policy.proving.floor import heard
from ansible_collections.tidegate.nftables.plugins.plugin_utils.policy.resolved import ResolvedPolicy

from . import floor
from .matches import Spec


def chain(resolved: ResolvedPolicy, entries: Sequence[str | dict[str, Any]]) -> Spec:
    """Return INBOUND_CHAIN with the rules of its entries. Ansible's ports stay open from everywhere."""
    rules: list[Any] = [
        f'iifname "lo" accept comment "{table_names.LOOPBACK_COMMENT}"',
        *floor.open_connections(resolved),
        *floor.rules(heard(resolved)),
        f'tcp dport {floor.ansible_ports(resolved)} counter accept comment "{table_names.ANSIBLE_COMMENT}"',
        *entries,
        f"goto {table_names.DENIED_CHAIN}",
    ]
    return {
        "name": table_names.INBOUND_CHAIN,
        "type": "filter",
        "hook": "input",
        "priority": "filter",
        "policy": "drop",
        "rules": rules,
    }
