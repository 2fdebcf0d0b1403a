# Copyright: (c) 2026, the tidegate developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What happens to a flow that nothing allows: it is counted, written into a ledger, then refused, or only observed.

Both ends are in every table, each with counters and ledgers of its own, and all hooks go to the chain egress_denied,
whose last rule says which end it is: between observing and enforcing one rule changes, and no count is lost or mixed.
Rules before it say what is observed in any mode.
Counting, ledger and verdict are rules of their own: in one rule, a full set would skip the verdict.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from ansible_collections.tidegate.nftables.plugins.plugin_utils.policy.resolved import Resolved

from .matches import FAMILIES, Spec

SIZE = 8192
"""Lines of one ledger set. A change lists its table some ten times within its trial: no flood may make that slow."""
# Protocols whose header begins with two ports. The "port" of any other would be a piece of its header: of a ping, the
# checksum.
_WITH_PORTS = "meta l4proto { tcp, udp, dccp, sctp }"
_WITHOUT_PORTS = "meta l4proto != { tcp, udp, dccp, sctp }"
# Every uid but (uid_t) -1: true for each packet that has a socket.
_HAS_SOCKET = "meta skuid 0-4294967294"
# A packet on the input hook, the only one of ours where nothing is on its way out (the kernel's index is 0 then).
_INCOMING = "oif 0"
# Announcements that any desktop or printer software makes: mDNS, LLMNR, SSDP.
_CHATTER = (
    "ip daddr { 224.0.0.251, 224.0.0.252, 239.255.255.250 } udp dport { 1900, 5353, 5355 }",
    "ip6 daddr { ff02::c, ff02::fb, ff02::1:3, ff05::c } udp dport { 1900, 5353, 5355 }",
)


@dataclass(frozen=True)
class End:
    """One of the two ends.

    ledger: its chain. counter: of its flows, and the beginning of its ledger sets' names. prefix: of its other
    counters. verdict: what ends a flow; silently: what ends it without an answer.
    """

    chain: str
    ledger: str
    counter: str
    prefix: str
    verdict: str
    silently: str

    def counters(self, *, inbound: bool, quiet: bool) -> list[str]:
        """The names of all its counters."""
        others = ["chatter", "invalid", "ledger_full", *(["quiet"] if quiet else [])]
        incoming = [f"{self.counter}_inbound"] if inbound else []
        return [self.counter, *incoming, *(f"{self.prefix}{name}" for name in others)]

    def count(self, name: str) -> str:
        """The statement that counts what is told apart from the rest."""
        return f'counter name "{self.prefix}{name}"'


REFUSED = End("egress_refused", "egress_ledger", "denied", "", "goto egress_reject", "drop")
OBSERVED = End("egress_observed", "egress_observed_ledger", "would_deny", "would_deny_", "accept", "accept")
ENDS = (OBSERVED, REFUSED)


def counters(resolved: Resolved) -> list[str]:
    """The names of the counters of both ends."""
    inbound, quiet = resolved.inbound is not None, bool(resolved.quiet)
    return [name for end in ENDS for name in end.counters(inbound=inbound, quiet=quiet)]


def ledger_sets() -> list[Spec]:
    """Dynamic sets that keep who tried to reach what, for a day after the last time."""
    return [
        _ledger(f"{end.counter}{infix}{version}", f"{family} daddr . meta l4proto{port}{user}")
        for end in ENDS
        for version, family in FAMILIES.items()
        for infix, port, user in (
            ("", " . th dport", " . meta skuid"),
            ("_proto", "", " . meta skuid"),
            ("_nosocket", " . th dport", ""),
            ("_nosocket_proto", "", ""),
        )
    ]


def chains(resolved: Resolved, quiet: Sequence[str]) -> list[Spec]:
    """egress_denied, and the chains of both ends. quiet: matches of what is left out of the ledger."""
    switch = OBSERVED if resolved.mode == "observe" else REFUSED
    return [
        {"name": "egress_denied", "rules": [*_observed(resolved), f"goto {switch.chain}"]},
        *(
            chain
            for end in ENDS
            for chain in (
                {"name": end.chain, "rules": _end_rules(end, quiet, inbound=resolved.inbound is not None)},
                {"name": end.ledger, "rules": _ledger_rules(end)},
            )
        ),
        {"name": "egress_reject", "rules": _reject_rules()},
    ]


def _observed(resolved: Resolved) -> list[str]:
    """What is observed in every mode; of what comes in, by where it comes from."""
    found: list[str] = []
    goto = f"goto {OBSERVED.chain}"
    for word, addresses in resolved.observed().items():
        for version, family in FAMILIES.items():
            name = f"@observed_{word}{version}"
            if not addresses.family(version):
                continue
            if resolved.inbound is None:
                found.append(f"{family} daddr {name} {goto}")
            else:
                found += [f"oif != 0 {family} daddr {name} {goto}", f"{_INCOMING} {family} saddr {name} {goto}"]
    return found


def _end_rules(end: End, quiet: Sequence[str], *, inbound: bool) -> list[str]:
    """What belongs to no connection that is known, and what comes in, is dropped without an answer."""
    return [
        f"ct state invalid {end.count('invalid')} {end.silently}",
        *([f'{_INCOMING} counter name "{end.counter}_inbound" {end.silently}'] if inbound else []),
        *(f"{match} {end.count('chatter')} {end.verdict}" for match in _CHATTER),
        *(f"{match} {end.count('quiet')} {end.verdict}" for match in quiet),
        f'counter name "{end.counter}"',
        f"jump {end.ledger}",
        end.verdict,
    ]


def _ledger_rules(end: End) -> list[str]:
    """At most one of them takes a packet.

    `update` breaks its rule when the set is full or the packet has no socket; what then comes to the end is counted as
    not written down.
    """
    full = f"{end.count('ledger_full')} return"
    return [
        *_updates(end, "", " . meta skuid"),
        f"{_HAS_SOCKET} {full}",
        *_updates(end, "_nosocket", ""),
        full,
    ]


def _reject_rules() -> list[str]:
    """TCP gets a reset: ICMP is limited by the kernel and makes refused IPv6 connects wait."""
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


def _updates(end: End, infix: str, user: str) -> list[str]:
    found: list[str] = []
    for version, family in FAMILIES.items():
        nfproto = f"meta nfproto ipv{version}"
        key, name = f"{family} daddr . meta l4proto", f"{end.counter}{infix}"
        found.append(f"{nfproto} {_WITH_PORTS} update @{name}{version} {{ {key} . th dport{user} }} return")
        found.append(f"{nfproto} {_WITHOUT_PORTS} update @{name}_proto{version} {{ {key}{user} }} return")
    return found
