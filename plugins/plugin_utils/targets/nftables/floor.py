# Copyright: (c) 2026, the tidegate developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The floor in nft: traffic that no policy closes by accident."""

from __future__ import annotations

from ansible_collections.tidegate.nftables.plugins.module_utils import table_names
from ansible_collections.tidegate.nftables.plugins.plugin_utils.policy.resolved import ResolvedPolicy

from . import matches
from .matches import Spec

# Also what leaves by lo may go elsewhere: it keeps its route when its destination is rewritten, or is bound to lo.
LOOPBACK = (
    'oifname "lo" fib daddr type { local, broadcast, multicast, anycast } accept'
    f' comment "{table_names.LOOPBACK_COMMENT}"'
)
_REPLIES = f'ct state established,related accept comment "{table_names.REPLIES_COMMENT}"'
# Packets in the direction that opened the connection are compared with the policy one by one.
_ONLY_REPLIES = f'ct state established,related ct direction reply accept comment "{table_names.REPLIES_COMMENT}"'
_UNTRACKED = f'ct state untracked accept comment "{table_names.UNTRACKED_COMMENT}"'
# A connection older than connection tracking looks new; only the missing SYN flag shows that it is not. Without this
# rule the first apply cuts sessions in which this host sends the next packet, perhaps the one that applies the policy.
_OLDER = "tcp flags & (fin | syn | rst | ack) != syn accept"

# Packets of no known connection are denied before any entry is compared.
_INVALID = f"ct state invalid goto {table_names.DENIED_CHAIN}"

_ERRORS4 = "icmp type { destination-unreachable, time-exceeded, parameter-problem }"
_ERRORS6 = "icmpv6 type { destination-unreachable, packet-too-big, time-exceeded, parameter-problem }"
_NEIGHBOURS = "icmpv6 type { nd-router-solicit, nd-router-advert, nd-neighbor-solicit, nd-neighbor-advert }"
_LISTENERS = "icmpv6 type { mld-listener-query, mld-listener-report, mld-listener-done, mld2-listener-report }"

# Part of the floor -> its matches. Name and time servers are not here: their rules look into sets.
_STATIC: dict[str, list[str]] = {
    "icmp-errors": [_ERRORS4, _ERRORS6],
    "neighbours": [_NEIGHBOURS],
    # Without membership reports, switches with IGMP or MLD snooping cut the host off from its groups.
    "memberships": ["ip daddr 224.0.0.0/4 meta l4proto igmp", f"ip6 daddr ff00::/8 {_LISTENERS}"],
    # ff02::1:2 is all DHCPv6 servers and relays (RFC 8415); a renewal may go to the server's own link-local address.
    "dhcp": [
        "meta nfproto ipv4 udp sport 68 udp dport 67",
        "ip6 daddr { fe80::/10, ff02::1:2 } udp sport 546 udp dport 547",
    ],
}


def open_connections(resolved: ResolvedPolicy, kept: str | None = None) -> list[str]:
    """Return the rules for packets of open connections, and the one for packets of none.

    kept: a match for connections older than connection tracking that stay open even where every packet is compared
    with the policy; None for none.
    """
    enforcement = resolved.enforcement
    rules = [_ONLY_REPLIES if enforcement.recheck else _REPLIES]
    if enforcement.untracked:
        rules.append(_UNTRACKED)
    if "older-connections" in resolved.floor and not enforcement.recheck:
        rules.append(f'{_OLDER} comment "{table_names.OLDER_COMMENT}"')
    elif "older-connections" in resolved.floor and kept is not None:
        rules.append(f'{kept} {_OLDER} comment "{table_names.OLDER_ANSIBLE_COMMENT}"')
    return [*rules, _INVALID]


def sets(resolved: ResolvedPolicy) -> list[Spec]:
    """Return the sets of the named servers."""
    dns = _dns_sets(resolved) if "dns" in resolved.floor else []
    return dns + (matches.address_sets(table_names.FLOOR_NTP_SET, resolved.ntp) if "ntp" in resolved.floor else [])


def _dns_sets(resolved: ResolvedPolicy) -> list[Spec]:
    """Return the name servers' sets, both when the host adds its own, since only it knows their IP versions."""
    declared = matches.address_sets(table_names.FLOOR_DNS_SET, resolved.dns)
    if not resolved.host_dns:
        return declared
    elements = {spec["name"]: spec["elements"] for spec in declared}
    return [
        {
            "name": table_names.of_version(table_names.FLOOR_DNS_SET, version),
            "typeof": matches.destination(version),
            "flags": ["interval"],
            "elements": elements.get(table_names.of_version(table_names.FLOOR_DNS_SET, version), []),
            "elements_from": "resolvers",
        }
        for version in matches.FAMILIES
    ]


def rules(resolved: ResolvedPolicy) -> list[str]:
    """Return the rules of FLOOR_CHAIN."""
    static: list[str] = []
    for part in resolved.floor:
        static.extend(f'{match} accept comment "{part}"' for match in _STATIC.get(part, ()))
    return static + _server_rules(resolved)


def _server_rules(resolved: ResolvedPolicy) -> list[str]:
    rules: list[str] = []
    for version, family in matches.FAMILIES.items():
        if "dns" in resolved.floor and (resolved.host_dns or resolved.dns.family(version)):
            servers = f"{family} daddr {matches.in_set(table_names.FLOOR_DNS_SET, version)}"
            rules.append(f'meta l4proto {{ tcp, udp }} th dport {{ 53, 853 }} {servers} counter accept comment "dns"')
        if "ntp" in resolved.floor and resolved.ntp.family(version):
            servers = f"{family} daddr {matches.in_set(table_names.FLOOR_NTP_SET, version)}"
            rules.append(f'udp dport 123 {servers} counter accept comment "ntp"')
    return rules
