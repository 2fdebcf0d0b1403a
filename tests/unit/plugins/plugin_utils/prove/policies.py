# Copyright: (c) 2026, the tidegate developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A small policy, built as a host's is."""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping, Sequence
from typing import Any

from ansible_collections.tidegate.nftables.plugins.plugin_utils import policy


class Alone:
    """A world of one host."""

    host = "app1"

    @property
    def groups(self) -> Mapping[str, Sequence[str]]:
        return {}

    @property
    def tiers(self) -> Mapping[str, Sequence[str]]:
        return {}

    def hosts(self, _pattern: str) -> list[str]:
        return []

    def addresses(self, _host: str) -> list[str]:
        return []

    def prefix_list(self, name: str) -> policy.PrefixListContent:
        raise policy.PolicyErrors((policy.PolicyError(name, "is not declared"),))


def app(mode: str = "enforce", **variables: Any) -> policy.ResolvedPolicy:
    """Payments for payd only, and a port range to the inside."""
    all_variables: dict[str, Any] = {
        "egress_mode": mode,
        "egress_tier": "app",
        "egress_internal_networks": ["10.0.0.0/8", "fd12:3456:789a::/48"],
        "egress_dns_servers": ["10.0.0.53", "fd12:3456:789a::53"],
        "egress_ntp_servers": ["10.0.0.123"],
        "egress_allow_app": [
            {"name": "payments", "to": ["203.0.113.0/24"], "services": ["https"], "users": ["payd"]},
            {"name": "range", "to": ["10.1.0.0/16"], "services": ["tcp/8000-8010", "icmp"]},
        ],
        **variables,
    }
    return policy.build(all_variables, Alone(), today=dt.date(2026, 11, 20))
