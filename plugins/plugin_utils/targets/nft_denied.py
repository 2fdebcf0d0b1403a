# Copyright: (c) 2026, the tidegate developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What happens to a refused flow in nft: it is counted, written into the ledger, then refused.

Each is a rule of its own: in one rule, a full set would skip the verdict.
"""

from __future__ import annotations

from ansible_collections.tidegate.nftables.plugins.plugin_utils.targets.nft_match import FAMILIES, Spec

SIZE = 65535
# Protocols whose header begins with two ports. The "port" of any other would be a piece of its header: of a ping, the
# checksum.
_WITH_PORTS = "meta l4proto { tcp, udp, dccp, sctp }"
_WITHOUT_PORTS = "meta l4proto != { tcp, udp, dccp, sctp }"
# Every uid but (uid_t) -1: true for each packet that has a socket.
_HAS_SOCKET = "meta skuid 0-4294967294"
# Announcements that any desktop or printer software makes: mDNS, LLMNR, SSDP.
_CHATTER = (
    "ip daddr { 224.0.0.251, 224.0.0.252, 239.255.255.250 } udp dport { 1900, 5353, 5355 }",
    "ip6 daddr { ff02::c, ff02::fb, ff02::1:3, ff05::c } udp dport { 1900, 5353, 5355 }",
)


def counter_name(mode: str) -> str:
    """The counter of refused flows; in observe mode, of those that would be."""
    return "denied" if mode == "enforce" else "would_deny"


def ledger_sets(mode: str) -> list[Spec]:
    """Dynamic sets that keep who tried to reach what, for a day after the last time."""
    base = counter_name(mode)
    return [
        _ledger(f"{base}{infix}{version}", f"{family} daddr . meta l4proto{port}{user}")
        for version, family in FAMILIES.items()
        for infix, port, user in (
            ("", " . th dport", " . meta skuid"),
            ("_proto", "", " . meta skuid"),
            ("_nosocket", " . th dport", ""),
            ("_nosocket_proto", "", ""),
        )
    ]


def ledger_rules(mode: str) -> list[str]:
    """The rules of the chain egress_ledger: at most one of them takes a packet.

    `update` breaks its rule when the set is full or the packet has no socket; what then comes to the end is counted as
    not written down.
    """
    full = 'counter name "ledger_full" return'
    return [
        *_updates(mode, "", " . meta skuid"),
        f"{_HAS_SOCKET} {full}",
        *_updates(mode, "_nosocket", ""),
        full,
    ]


def denied_rules(mode: str, quiet: list[str]) -> list[str]:
    """The rules of the chain egress_denied. quiet: matches of what is refused without a line in the ledger."""
    return [
        *(f'{match} counter name "chatter" goto egress_refuse' for match in _CHATTER),
        *(f'{match} counter name "quiet" goto egress_refuse' for match in quiet),
        f'counter name "{counter_name(mode)}"',
        "jump egress_ledger",
        "goto egress_refuse",
    ]


def refuse_rules(mode: str) -> list[str]:
    """The last verdict. TCP gets a reset: ICMP is limited by the kernel and makes refused IPv6 connects wait."""
    if mode == "observe":
        return ["accept"]
    return ["meta l4proto tcp reject with tcp reset", "reject with icmpx type admin-prohibited"]


def _ledger(name: str, key: str) -> Spec:
    return {
        "name": name,
        "typeof": key,
        "flags": ["dynamic", "timeout"],
        "size": SIZE,
        "timeout": "1d",
        "counter": True,
    }


def _updates(mode: str, infix: str, user: str) -> list[str]:
    base = counter_name(mode)
    found: list[str] = []
    for version, family in FAMILIES.items():
        nfproto = f"meta nfproto ipv{version}"
        key = f"{family} daddr . meta l4proto"
        found.append(f"{nfproto} {_WITH_PORTS} update @{base}{infix}{version} {{ {key} . th dport{user} }} return")
        found.append(f"{nfproto} {_WITHOUT_PORTS} update @{base}{infix}_proto{version} {{ {key}{user} }} return")
    return found
