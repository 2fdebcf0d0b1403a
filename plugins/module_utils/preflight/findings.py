# Copyright: (c) 2026, the tidegate developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What the facts of a host mean before a policy is applied there, and what to do about each. Pure; on both sides."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Callable, Mapping

Facts = Mapping[str, Any]

STOP, WARN, NOTE = "stop", "warn", "note"
FULL = 80
"""Percent of the connection table beyond which a busy hour may fill it."""


@dataclass(frozen=True)
class Wanted:
    """What the policy has decided. containers: whether egress_containers is written, be it true or false."""

    mode: str = "observe"
    containers: bool = False
    untracked: bool = False


@dataclass(frozen=True)
class Finding:
    """One thing to know. severity: STOP (enforce is refused), WARN or NOTE; what: on this host; mend: what to do."""

    name: str
    severity: str
    what: str
    meaning: str
    mend: str

    def __str__(self) -> str:
        return f"{self.what}. {self.meaning} {self.mend}"


@dataclass(frozen=True)
class _Check:
    """One row: look returns what is found, "" for nothing."""

    name: str
    severity: str
    look: Callable[[Facts, Wanted], str]
    meaning: str
    mend: str


def _notrack(facts: Facts, wanted: Wanted) -> str:
    rules = [rule for table in facts["tables"] for rule in table["notrack"]]
    rules += [f"{saved['family']} {rule}" for saved in facts["iptables"] for rule in saved["notrack"]]
    return f"notrack in {_some(rules)}" if rules and not wanted.untracked else ""


def _containers(facts: Facts, wanted: Wanted) -> str:
    engines = [one["name"] for one in facts["loaders"] if one["name"] in ("docker", "kube-proxy") and one["active"]]
    there = [*facts["bridges"], *engines]
    return f"containers: {_some(there)}" if there and not wanted.containers else ""


def _refusing(facts: Facts, _wanted: Wanted) -> str:
    found = [f"table {one['family']} {one['name']}: {one['refuses']}" for one in facts["tables"] if one["refuses"]]
    # What iptables put into tables of nft was found there.
    old = [one for one in facts["iptables"] if one["backend"] == "legacy"]
    found += [f"legacy iptables ({one['family']}): {one['refuses']}" for one in old if one["refuses"]]
    return _some(found)


def _conntrack(facts: Facts, _wanted: Wanted) -> str:
    count, most = facts["conntrack"]["count"], facts["conntrack"]["max"]
    if not count or not most or count * 100 < most * FULL:
        return ""
    return f"connection tracking holds {count} of {most} connections"


def _flush(facts: Facts, _wanted: Wanted) -> str:
    found = [path for one in facts["loaders"] for path in one["flushes"]]
    return f"nftables.service loads {_some(found)}, which flushes the ruleset" if found else ""


def _loader(name: str, facts: Facts) -> str:
    found = [one for one in facts["loaders"] if one["name"] == name]
    if not found:
        return ""
    return f"{name} {'is active' if found[0]['active'] else 'starts at boot'}"


def _named(name: str) -> Callable[[Facts, Wanted], str]:
    return lambda facts, _wanted: _loader(name, facts)


def _unread(facts: Facts, _wanted: Wanted) -> str:
    return _some(facts["unread"])


def _some(found: list[str]) -> str:
    more = len(found) - 3
    return ", ".join(found[:3]) + (f" and {more} more" if more > 0 else "")


_BOTH = "A packet must pass both: what it refuses stays refused, whatever the policy allows."
CHECKS = (
    _Check(
        "notrack",
        STOP,
        _notrack,
        "Replies to connections that are not tracked look like new ones, so enforce would refuse them.",
        "Take the rules away, or write egress_untracked: accept.",
    ),
    _Check(
        "containers",
        STOP,
        _containers,
        "What containers send is forwarded, and nobody has said whether the policy is about it.",
        "Write egress_containers: true or false.",
    ),
    _Check(
        "refusing-table",
        WARN,
        _refusing,
        _BOTH,
        "tidegate.nftables.adopt turns these rules into entries; then remove them.",
    ),
    _Check(
        "conntrack",
        WARN,
        _conntrack,
        "When it is full, new connections fail with or without a policy.",
        "Raise net.netfilter.nf_conntrack_max.",
    ),
    _Check(
        "flush-ruleset",
        WARN,
        _flush,
        "Each reload takes the policy away until the watcher brings it back, within five seconds.",
        "Write `destroy table` or `delete table` for the tables of that file instead.",
    ),
    _Check("ufw", WARN, _named("ufw"), _BOTH, "Leave `ufw default allow outgoing`; its inbound rules may stay."),
    _Check(
        "firewalld",
        WARN,
        _named("firewalld"),
        _BOTH,
        "Its inbound zones may stay; move policies from HOST and direct rules of OUTPUT to entries.",
    ),
    _Check(
        "netfilter-persistent",
        WARN,
        _named("netfilter-persistent"),
        _BOTH,
        "Take the rules of OUTPUT out of what it loads at boot.",
    ),
    _Check("shorewall", WARN, _named("shorewall"), _BOTH, "Let its zone fw reach everything."),
    _Check("ferm", WARN, _named("ferm"), _BOTH, "Take the rules of OUTPUT out of its configuration."),
    _Check(
        "docker",
        NOTE,
        _named("docker"),
        "Its rules are about forwarded packets and stay as they are.",
        "egress_containers says whether the policy is about them too.",
    ),
    _Check(
        "kube-proxy",
        NOTE,
        _named("kube-proxy"),
        "The policy sees destinations after the address of a service was rewritten to that of a pod.",
        "Allow the networks of pods and nodes rather than those of services.",
    ),
    _Check(
        "unread",
        NOTE,
        _unread,
        "What cannot be read may refuse too.",
        "Look at it by hand.",
    ),
)
"""Every check, the gravest first."""


def findings(facts: Facts, wanted: Wanted) -> list[Finding]:
    """Return what is worth knowing, the gravest first."""
    found = [(check, check.look(facts, wanted)) for check in CHECKS]
    return [Finding(one.name, one.severity, what, one.meaning, one.mend) for one, what in found if what]


def stopping(found: list[Finding], wanted: Wanted) -> list[Finding]:
    """Return the findings over which a policy is not applied; observing is never stopped."""
    return [one for one in found if one.severity == STOP] if wanted.mode == "enforce" else []
