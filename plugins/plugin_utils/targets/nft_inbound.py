# Copyright: (c) 2026, the tidegate developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The optional inbound chain in nft."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from ansible_collections.tidegate.nftables.plugins.plugin_utils.policy.resolved import Resolved
from ansible_collections.tidegate.nftables.plugins.plugin_utils.policy.settings import SSH
from ansible_collections.tidegate.nftables.plugins.plugin_utils.targets import nft_floor
from ansible_collections.tidegate.nftables.plugins.plugin_utils.targets.nft_match import Spec, named_set

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


def chain(resolved: Resolved, entries: Sequence[str | dict[str, Any]]) -> Spec:
    """The chain egress_inbound. The connection that Ansible uses stays open from everywhere.

    Port 22 always does: where something forwards a port to the host, ansible_port is not the host's own.
    """
    ports = [str(port) for port in sorted({SSH, resolved.ansible_port})]
    rules: list[Any] = [
        'iifname "lo" accept comment "loopback"',
        'ct state established,related accept comment "replies"',
        'tcp flags & (fin | syn | rst | ack) != syn accept comment "older connections"',
        nft_floor.INVALID,
        *_NEEDED,
        f'tcp dport {named_set(ports)} counter accept comment "ansible"',
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
