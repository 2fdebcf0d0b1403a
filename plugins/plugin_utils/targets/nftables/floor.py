# Copyright: (c) 2026, the tidegate developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The floor in nft: what no policy removes by accident."""

from __future__ import annotations

from ansible_collections.tidegate.nftables.plugins.plugin_utils.policy.resolved import Resolved

from . import matches
from .matches import Spec

LOOPBACK = 'oifname "lo" accept comment "loopback"'
_REPLIES = 'ct state established,related accept comment "replies"'
# Without what goes the way that the connection was opened: that is held to the policy, packet by packet.
_ONLY_REPLIES = 'ct state established,related ct direction reply accept comment "replies"'
_UNTRACKED = 'ct state untracked accept comment "untracked"'
# A flow that was open before connection tracking knew it looks new; only its SYN flag tells. Without this rule the
# first apply kills sessions in which this host speaks next, the one that applies the policy perhaps among them.
_OLDER = "tcp flags & (fin | syn | rst | ack) != syn accept"

# What belongs to no connection that is known is refused before anything else is looked at, or observed.
_INVALID = "ct state invalid goto egress_denied"

_ERRORS4 = "icmp type { destination-unreachable, time-exceeded, parameter-problem }"
_ERRORS6 = "icmpv6 type { destination-unreachable, packet-too-big, time-exceeded, parameter-problem }"
_NEIGHBOURS = "icmpv6 type { nd-router-solicit, nd-router-advert, nd-neighbor-solicit, nd-neighbor-advert }"
_LISTENERS = "icmpv6 type { mld-listener-query, mld-listener-report, mld-listener-done, mld2-listener-report }"

# part of the floor -> its matches; the servers' rules are made from their sets
_STATIC: dict[str, list[str]] = {
    "icmp-errors": [_ERRORS4, _ERRORS6],
    "neighbours": [_NEIGHBOURS],
    # Without memberships an interface that comes up is refused its reports, and snooping switches cut it off.
    "memberships": ["ip daddr 224.0.0.0/4 meta l4proto igmp", f"ip6 daddr ff00::/8 {_LISTENERS}"],
    # ff02::1:2 is all DHCPv6 servers and relays (RFC 8415); a renewal may go to the server's own link-local address.
    "dhcp": [
        "meta nfproto ipv4 udp sport 68 udp dport 67",
        "ip6 daddr { fe80::/10, ff02::1:2 } udp sport 546 udp dport 547",
    ],
}


def open_connections(resolved: Resolved, kept: str | None = None) -> list[str]:
    """The rules for packets of connections that are open, and the one for what belongs to none.

    kept: a match for the connections older than connection tracking that are never held to the policy; None when there
    are none.
    """
    strictness = resolved.strictness
    rules = [_ONLY_REPLIES if strictness.recheck else _REPLIES]
    if strictness.untracked:
        rules.append(_UNTRACKED)
    if "older-connections" in resolved.floor and not strictness.recheck:
        rules.append(f'{_OLDER} comment "older connections"')
    elif "older-connections" in resolved.floor and kept is not None:
        rules.append(f'{kept} {_OLDER} comment "older connections of ansible"')
    return [*rules, _INVALID]


def sets(resolved: Resolved) -> list[Spec]:
    """The named servers' sets."""
    dns = _dns_sets(resolved) if "dns" in resolved.floor else []
    return dns + (matches.address_sets("floor_ntp", resolved.ntp) if "ntp" in resolved.floor else [])


def _dns_sets(resolved: Resolved) -> list[Spec]:
    """Both families when the host adds its own name servers, since only it knows of which they are."""
    found = matches.address_sets("floor_dns", resolved.dns)
    if not resolved.host_dns:
        return found
    named = {one["name"]: one["elements"] for one in found}
    return [
        {
            "name": f"floor_dns{version}",
            "type": f"ipv{version}_addr",
            "flags": ["interval"],
            "elements": named.get(f"floor_dns{version}", []),
            "elements_from": "resolvers",
        }
        for version in matches.FAMILIES
    ]


def rules(resolved: Resolved) -> list[str]:
    """The rules of the chain egress_floor."""
    found: list[str] = []
    for part in resolved.floor:
        found.extend(f'{match} accept comment "{part}"' for match in _STATIC.get(part, ()))
    return found + _servers(resolved)


def _servers(resolved: Resolved) -> list[str]:
    found: list[str] = []
    for version, family in matches.FAMILIES.items():
        if "dns" in resolved.floor and (resolved.host_dns or resolved.dns.family(version)):
            match = f"meta l4proto {{ tcp, udp }} th dport {{ 53, 853 }} {family} daddr @floor_dns{version}"
            found.append(f'{match} counter accept comment "dns"')
        if "ntp" in resolved.floor and resolved.ntp.family(version):
            found.append(f'udp dport 123 {family} daddr @floor_ntp{version} counter accept comment "ntp"')
    return found
