# Copyright: (c) 2026, the tidegate developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The optional inbound chain in nft."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from ansible_collections.tidegate.nftables.plugins.plugin_utils.policy.reading.settings import SSH
from ansible_collections.tidegate.nftables.plugins.plugin_utils.policy.resolved import Resolved

from . import floor
from .matches import Spec, named_set

# What a host must hear to stay on its network, whatever the policy says.
_NEEDED = (
    'icmp type { destination-unreachable, time-exceeded, parameter-problem } accept comment "icmp-errors"',
    (
        "icmpv6 type { destination-unreachable, packet-too-big, time-exceeded, parameter-problem } accept"
        ' comment "icmp-errors"'
    ),
    (
        "icmpv6 type { nd-router-solicit, nd-router-advert, nd-neighbor-solicit, nd-neighbor-advert } accept"
        ' comment "neighbours"'
    ),
    'meta l4proto igmp accept comment "memberships"',
    (
        "icmpv6 type { mld-listener-query, mld-listener-report, mld-listener-done, mld2-listener-report } accept"
        ' comment "memberships"'
    ),
    'meta nfproto ipv4 udp sport 67 udp dport 68 accept comment "dhcp"',
    'ip6 saddr fe80::/10 udp sport 547 udp dport 546 accept comment "dhcp"',
)


def ansible_ports(resolved: Resolved) -> str:
    """The host's ports that Ansible connects to.

    Port 22 always is one: where something forwards a port to the host, ansible_port is not the host's own.
    """
    return named_set([str(port) for port in sorted({SSH, resolved.ansible_port})])


def chain(resolved: Resolved, entries: Sequence[str | dict[str, Any]]) -> Spec:
    """The chain egress_inbound. The connection that Ansible uses stays open from everywhere."""
    rules: list[Any] = [
        'iifname "lo" accept comment "loopback"',
        *floor.open_connections(resolved, f"tcp dport {ansible_ports(resolved)}"),
        *_NEEDED,
        f'tcp dport {ansible_ports(resolved)} counter accept comment "ansible"',
        *entries,
        "goto egress_denied",
    ]
    return {
        "name": "egress_inbound",
        "type": "filter",
        "hook": "input",
        "priority": "filter",
        "policy": "drop",
        "rules": rules,
    }
