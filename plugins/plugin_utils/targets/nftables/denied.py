# Copyright: (c) 2026, the tidegate developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What happens to a packet that no entry allows: it is counted, entered into the ledger, then rejected or observed.

Each mode has a chain with counters and ledger sets of its own. Both are in every table, and every hook leads to
DENIED_CHAIN, whose last rule chooses one: a change of mode changes one rule, and no count is lost or mixed. The rules
before that one are about what is only observed, whatever the mode.
Counting, ledger and verdict are separate rules: in one rule, a full ledger set would skip the verdict.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from ansible_collections.tidegate.nftables.plugins.module_utils import table_names
from ansible_collections.tidegate.nftables.plugins.plugin_utils.policy.reading.sight import Log
from ansible_collections.tidegate.nftables.plugins.plugin_utils.policy.resolved import ResolvedPolicy

from .matches import FAMILIES, Spec, in_set
from .temporary_allow import knows_units

_SHARE = "limit rate over 1/hour burst 255 packets"
"""New lines of one user, so that nobody's flood hides what others tried. Packets of known lines cost nothing of it."""
_BURST = 20
"""Lines of the log above its rate at once: a program that tries several addresses appears with all of them."""
_USERS = 1024
"""Users with a share of their own at one time."""
# Only these headers begin with two ports: of any other protocol, `th dport` reads something else, such as a checksum.
_DAYS = f"{table_names.LEDGER_TIMEOUT_DAYS}d"
_PORTED = f"{{ {', '.join(table_names.PORTED_PROTOCOLS)} }}"
# Every uid but (uid_t) -1, so each packet that has a socket: (match, whose share it is).
_SHARERS = (
    (f"meta skuid 0-{table_names.FIRST_SUB_UID - 1}", "meta skuid"),
    (f"meta skuid {table_names.FIRST_SUB_UID}-4294967294", f"meta skuid & {2**32 - table_names.UID_BLOCK}"),
)
# On the hooks input and prerouting no packet has an outgoing interface yet, so the kernel compares with 0.
_INCOMING = "oif 0"
# Announcements of any desktop or printer software: mDNS, LLMNR, SSDP.
_CHATTER = (
    "ip daddr { 224.0.0.251, 224.0.0.252, 239.255.255.250 } udp dport { 1900, 5353, 5355 }",
    "ip6 daddr { ff02::c, ff02::fb, ff02::1:3, ff05::c } udp dport { 1900, 5353, 5355 }",
)


@dataclass(frozen=True, kw_only=True)
class ModeChains:
    """The chains, counters and verdicts of one mode.

    mode: observe or enforce. ledger_chain: the chain that writes into the ledger sets. share_chain: the chain that
    takes a new line from its user's share. overflow_chain: the chain that counts what had no room. log_chain: the chain
    that logs. decision: its word for the log, as in records. verdict: the statement at the end of `chain`.
    silent_verdict: the same for packets that get no answer, incoming and invalid ones.
    """

    mode: str
    ledger_chain: str
    share_chain: str
    overflow_chain: str
    log_chain: str
    decision: str
    verdict: str
    silent_verdict: str

    @property
    def chain(self) -> str:
        """The chain that DENIED_CHAIN leads to in this mode."""
        return table_names.MODE_CHAINS[self.mode]

    @property
    def counter(self) -> str:
        """The counter of everything that has no counter of its own."""
        return table_names.MODE_COUNTERS[self.mode]

    @property
    def inbound_counter(self) -> str:
        """The counter of incoming packets."""
        return table_names.inbound_counter(self.counter)

    def own_counter(self, kind: str) -> str:
        """Return this mode's counter of one kind, such as `would_deny_chatter` for `chatter`."""
        return table_names.would_deny(kind) if self.mode == "observe" else kind

    def counters(self, *, inbound: bool, quiet: bool) -> list[str]:
        """Return the names of all counters of this mode."""
        kinds = [table_names.CHATTER_COUNTER, table_names.INVALID_COUNTER, table_names.LEDGER_FULL_COUNTER]
        kinds += [table_names.QUIET_COUNTER] if quiet else []
        incoming = [self.inbound_counter] if inbound else []
        return [self.counter, *incoming, *map(self.own_counter, kinds)]

    def count(self, kind: str) -> str:
        """Return the statement that counts a packet of this kind."""
        return f'counter name "{self.own_counter(kind)}"'


ENFORCE = ModeChains(
    mode="enforce",
    ledger_chain=table_names.ENFORCED_LEDGER_CHAIN,
    share_chain=table_names.ENFORCED_SHARE_CHAIN,
    overflow_chain=table_names.ENFORCED_OVERFLOW_CHAIN,
    log_chain=table_names.ENFORCED_LOG_CHAIN,
    decision="rejected",
    verdict=f"goto {table_names.REJECT_CHAIN}",
    silent_verdict="drop",
)
OBSERVE = ModeChains(
    mode="observe",
    ledger_chain=table_names.OBSERVED_LEDGER_CHAIN,
    share_chain=table_names.OBSERVED_SHARE_CHAIN,
    overflow_chain=table_names.OBSERVED_OVERFLOW_CHAIN,
    log_chain=table_names.OBSERVED_LOG_CHAIN,
    decision="would_reject",
    verdict="accept",
    silent_verdict="accept",
)
MODES = (OBSERVE, ENFORCE)


def counters(resolved: ResolvedPolicy) -> list[str]:
    """Return the names of the counters of both modes."""
    inbound, quiet = _has_incoming(resolved), bool(resolved.quiet)
    return [name for mode in MODES for name in mode.counters(inbound=inbound, quiet=quiet)]


def ledger_sets(resolved: ResolvedPolicy) -> list[Spec]:
    """Return the dynamic sets that keep, for a day after the last packet, who tried to reach what."""
    ledgers = [ledger_set(ledger) for ledger in table_names.LEDGER_SETS.values()]
    if _has_units(resolved):
        ledgers += [_unit_set(name, ledger) for name, ledger in table_names.UNIT_LEDGER_SETS.items()]
    return ledgers + [named_set for mode in MODES for named_set in _user_sets(mode)]


def chains(resolved: ResolvedPolicy, quiet: Sequence[str]) -> list[Spec]:
    """Return DENIED_CHAIN and the chains of both modes. quiet: matches of packets that are kept out of the ledger."""
    inbound, log = _has_incoming(resolved), resolved.sight.log
    specs: list[Spec] = [
        {
            "name": table_names.DENIED_CHAIN,
            "rules": [*_only_observed(resolved), table_names.mode_rule(resolved.mode)],
        }
    ]
    for mode in MODES:
        units = _unit_rules(mode) if _has_units(resolved) else []
        specs += [
            {"name": mode.chain, "rules": _mode_rules(mode, quiet, inbound=inbound, logs=log.target != "none")},
            {"name": mode.ledger_chain, "rules": _ledger_rules(mode, units)},
            {"name": mode.share_chain, "rules": _share_rules(mode, units)},
            {"name": mode.overflow_chain, "rules": _overflow_rules(mode)},
        ]
        if log.target != "none":
            specs.append({"name": mode.log_chain, "rules": [_log_rule(mode, log, resolved.tier)]})
    return [*specs, {"name": table_names.REJECT_CHAIN, "rules": _reject_rules()}]


def _has_incoming(resolved: ResolvedPolicy) -> bool:
    """Return whether packets come to DENIED_CHAIN before it is known by which interface they would leave."""
    return resolved.inbound is not None or resolved.containers is not None


def _only_observed(resolved: ResolvedPolicy) -> list[str]:
    """Return rules for destinations that are only observed in every mode; of incoming packets the source counts."""
    rules: list[str] = []
    goto = f"goto {OBSERVE.chain}"
    for word, addresses in resolved.observed().items():
        for version, family in FAMILIES.items():
            name = in_set(table_names.observed_set(word), version)
            if not addresses.family(version):
                continue
            if resolved.inbound is None:
                rules.append(f"{family} daddr {name} {goto}")
            else:
                rules += [f"oif != 0 {family} daddr {name} {goto}", f"{_INCOMING} {family} saddr {name} {goto}"]
    return rules


def _mode_rules(mode: ModeChains, quiet: Sequence[str], *, inbound: bool, logs: bool) -> list[str]:
    """Return the rules of one mode. Invalid and incoming packets get no answer."""
    chatter, hushed = mode.count(table_names.CHATTER_COUNTER), mode.count(table_names.QUIET_COUNTER)
    return [
        f"ct state invalid {mode.count(table_names.INVALID_COUNTER)} {mode.silent_verdict}",
        *([f'{_INCOMING} counter name "{mode.inbound_counter}" {mode.silent_verdict}'] if inbound else []),
        *(f"{match} {chatter} {mode.verdict}" for match in _CHATTER),
        *(f"{match} {hushed} {mode.verdict}" for match in quiet),
        f'counter name "{mode.counter}"',
        f"jump {mode.ledger_chain}",
        *([f"jump {mode.log_chain}"] if logs else []),
        mode.verdict,
    ]


def _log_rule(mode: ModeChains, log: Log, tier: str) -> str:
    """Return the rule that logs. It has no verdict: what exceeds the rate goes on without a line."""
    words = f"{log.prefix}tier={tier} decision={mode.decision} entry=none "
    # Level and flags are the kernel log's; NFLOG always has the user.
    where = f"group {log.group}" if log.target == "nflog" else "flags skuid"
    return f'limit rate {log.rate} burst {_BURST} packets log prefix "{words}" {where}'


def _ledger_rules(mode: ModeChains, units: list[str]) -> list[str]:
    """Return rules of which at most one enters a packet into the ledger.

    `update` ends its rule when the set is full or the packet has no socket. To look for a line that is there would
    count the packet a second time, so what is looked for is that there is none.
    """
    return [
        *(
            f"{_belongs(ledger)} {_ledger_key(ledger)} != @{ledger.name} goto {mode.share_chain}"
            for ledger in _sets_of(mode, user=True)
        ),
        *units,
        *_updates(mode, user=True),
        *_updates(mode, user=False),
        f"goto {mode.overflow_chain}",
    ]


def _share_rules(mode: ModeChains, units: list[str]) -> list[str]:
    """Return the rules for a new line of a user. `add` to the share matches when nothing is left of it.

    It begins anew a day after its first line, as lines end a day after their last packet.
    """
    share = table_names.share_set(mode.counter)
    return [
        *(f"{match} add @{share} {{ {key} }} goto {mode.overflow_chain}" for match, key in _SHARERS),
        *units,
        *_updates(mode, user=True),
        f"goto {mode.overflow_chain}",
    ]


def _has_units(resolved: ResolvedPolicy) -> bool:
    """Return whether the ledger notes units: only nft 1.0 and later knows them, as entries with units need it.

    Not where packets of containers come here too: the kernel takes no match of a socket on a way from its hook forward.
    """
    return resolved.containers is None and knows_units(resolved)


def _unit_rules(mode: ModeChains) -> list[str]:
    """Return the rules that note whose a packet with a line is. Without a verdict: a full set leaves the line alone."""
    return [
        f"{_belongs(ledger)} add @{name} {{ {_ledger_key(ledger)} . socket cgroupv2 level {level} }}"
        for name, ledger in table_names.UNIT_LEDGER_SETS.items()
        if ledger in _sets_of(mode, user=True)
        for level in table_names.UNIT_LEDGER_LEVELS
    ]


def _overflow_rules(mode: ModeChains) -> list[str]:
    """Return the rules that count whose packets had no room in the ledger."""
    users = table_names.overflow_set(mode.counter, user=True)
    protocols = table_names.overflow_set(mode.counter, user=False)
    return [
        mode.count(table_names.LEDGER_FULL_COUNTER),
        *(f"{match} update @{users} {{ {key} }} return" for match, key in _SHARERS),
        f"update @{protocols} {{ meta l4proto }}",
    ]


def _reject_rules() -> list[str]:
    """Return a reset for TCP: the kernel limits its ICMP errors, so rejected IPv6 connects would wait."""
    return ["meta l4proto tcp reject with tcp reset", "reject with icmpx type admin-prohibited"]


def ledger_set(ledger: table_names.LedgerSet) -> Spec:
    """Return the declaration of one set of the ledger."""
    return _filled_by_packets(ledger.name, _ledger_key(ledger), table_names.LEDGER_SIZE, {"counter": True})


def _unit_set(name: str, ledger: table_names.LedgerSet) -> Spec:
    """Return the declaration of a set of units. An hour: the host takes what it has each minute, and ids go.

    Its counters decide the policy tests of units (guard/trial/policy_tests.py).
    """
    key = f"{_ledger_key(ledger)} . socket cgroupv2 level 0"
    return {**_filled_by_packets(name, key, table_names.LEDGER_SIZE, {"counter": True}), "timeout": "1h"}


def _user_sets(mode: ModeChains) -> list[Spec]:
    """Return the sets of who has a share of a mode's ledger and of whose packets had no room in it."""
    share, counted = {"statements": _SHARE}, {"counter": True}
    return [
        _filled_by_packets(table_names.share_set(mode.counter), "meta skuid", _USERS, share),
        _filled_by_packets(table_names.overflow_set(mode.counter, user=True), "meta skuid", _USERS, counted),
        _filled_by_packets(table_names.overflow_set(mode.counter, user=False), "meta l4proto", 256, counted),
    ]


def _filled_by_packets(name: str, key: str, size: int, statements: Spec) -> Spec:
    return {"name": name, "typeof": key, "flags": ["dynamic", "timeout"], "size": size, "timeout": _DAYS, **statements}


def _ledger_key(ledger: table_names.LedgerSet) -> str:
    """Return the fields of one set's keys, in nft's words."""
    port, user = " . th dport" if ledger.port else "", " . meta skuid" if ledger.user else ""
    return f"{FAMILIES[ledger.version]} daddr . meta l4proto{port}{user}"


def _updates(mode: ModeChains, *, user: bool) -> list[str]:
    return [update(ledger, "return") for ledger in _sets_of(mode, user=user)]


def _sets_of(mode: ModeChains, *, user: bool) -> list[table_names.LedgerSet]:
    """Return the ledger sets of a mode whose keys have a user, or the others."""
    observed = mode.mode == "observe"
    return [each for each in table_names.LEDGER_SETS.values() if each.observed == observed and each.user == user]


def update(ledger: table_names.LedgerSet, verdict: str) -> str:
    """Return the rule that enters a packet into a ledger set; when the set is full it has no verdict."""
    return f"{_belongs(ledger)} update @{ledger.name} {{ {_ledger_key(ledger)} }} {verdict}"


def _belongs(ledger: table_names.LedgerSet) -> str:
    return f"meta nfproto ipv{ledger.version} meta l4proto {'' if ledger.port else '!= '}{_PORTED}"
