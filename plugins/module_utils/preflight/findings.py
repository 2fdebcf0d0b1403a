# Copyright: (c) 2026, the tidegate developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What the facts of a host mean before a policy is applied there, and how to fix each. Pure; used on both sides."""

from __future__ import annotations

import fnmatch
from dataclasses import dataclass
from functools import partial
from typing import Any, Callable, Literal, Mapping, Sequence

from ansible_collections.tidegate.nftables.plugins.module_utils import connection_tracking

Facts = Mapping[str, Any]
Severity = Literal["stop", "warn", "note"]

STOP: Severity = "stop"
WARN: Severity = "warn"
NOTE: Severity = "note"
UNCOVERED = "uncovered-interfaces"
"""The finding that every run looks for, because a bridge can come at any time."""
_SHOWN = 3


@dataclass(frozen=True)
class Decisions:
    """What the policy decides.

    mode: egress_mode. containers: whether it has egress_containers, be it true or false. untracked: whether it accepts
    packets that are not tracked. interfaces: what it filters containers behind, as patterns; () where it filters none.
    """

    mode: str = "observe"
    containers: bool = False
    untracked: bool = False
    interfaces: tuple[str, ...] = ()


@dataclass(frozen=True)
class Finding:
    """One thing to know. severity: STOP refuses enforce; what: the fact; meaning: its effect; fix: what to do."""

    name: str
    severity: Severity
    what: str
    meaning: str
    fix: str

    def __str__(self) -> str:
        return f"{self.what}. {self.meaning} Fix: {self.fix}"


@dataclass(frozen=True)
class _Check:
    """One row of CHECKS. look: returns what of the finding, "" for none; always: whether it stops mode observe, too.

    The others as in Finding.
    """

    name: str
    severity: Severity
    look: Callable[[Facts, Decisions], str]
    meaning: str
    fix: str
    always: bool = False


def _crash(facts: Facts, _decisions: Decisions) -> str:
    return str(facts["crash"])


def _notrack(facts: Facts, decisions: Decisions) -> str:
    rules = [rule for table in facts["tables"] for rule in table["notrack"]]
    rules += [f"{rules_of['family']} {rule}" for rules_of in facts["iptables"] for rule in rules_of["notrack"]]
    return f"notrack in {_first(rules)}" if rules and not decisions.untracked else ""


def _containers(facts: Facts, decisions: Decisions) -> str:
    engines = [
        loader["name"] for loader in facts["loaders"] if loader["name"] in ("docker", "kube-proxy") and loader["active"]
    ]
    names = [*facts["bridges"], *engines]
    return f"containers: {_first(names)}" if names and not decisions.containers else ""


def _uncovered(facts: Facts, decisions: Decisions) -> str:
    patterns = decisions.interfaces
    names = [name for name in facts["forwarding"] if not any(fnmatch.fnmatchcase(name, each) for each in patterns)]
    return f"this host forwards what {_first(names)} sends" if names and patterns else ""


def _rejecting(facts: Facts, _decisions: Decisions) -> str:
    texts = [
        f"table {table['family']} {table['name']}: {table['rejects']}" for table in facts["tables"] if table["rejects"]
    ]
    # Rules that iptables put into tables of nft are among those tables.
    legacy = [rules for rules in facts["iptables"] if rules["backend"] == "legacy"]
    texts += [f"legacy iptables ({rules['family']}): {rules['rejects']}" for rules in legacy if rules["rejects"]]
    return _first(texts)


def _conntrack(facts: Facts, _decisions: Decisions) -> str:
    tracked = facts["conntrack"]
    is_full = connection_tracking.is_nearly_full(tracked["count"], tracked["max"])
    return f"connection tracking holds {connection_tracking.text(tracked)}" if is_full else ""


def _flush(facts: Facts, _decisions: Decisions) -> str:
    paths = [path for loader in facts["loaders"] for path in loader["flushes"]]
    return f"nftables.service loads {_first(paths)}, which flushes the ruleset" if paths else ""


def _loader(facts: Facts, _decisions: Decisions, *, name: str) -> str:
    for loader in facts["loaders"]:
        if loader["name"] == name:
            return f"{name} {'is active' if loader['active'] else 'starts at boot'}"
    return ""


def _named(name: str) -> Callable[[Facts, Decisions], str]:
    return partial(_loader, name=name)


def _without_nft(facts: Facts, _decisions: Decisions) -> str:
    return "" if facts["nft"] else "nft is not installed"


def _unread(facts: Facts, _decisions: Decisions) -> str:
    return _first(facts["unread"])


def _first(texts: Sequence[str]) -> str:
    """Return the first texts and how many more there are."""
    more = len(texts) - _SHOWN
    return ", ".join(texts[:_SHOWN]) + (f" and {more} more" if more > 0 else "")


_BOTH = "A packet must pass both: what it rejects stays rejected, whatever the policy allows."
CHECKS = (
    _Check(
        "crash",
        STOP,
        _crash,
        "No policy can be loaded or changed with this nft.",
        "install nft 1.1 or later on the host, or have that program (mostly one in a container of the host's network) "
        "write its table with the nft of the host.",
        always=True,
    ),
    _Check(
        "notrack",
        STOP,
        _notrack,
        "Replies to connections that are not tracked look like new connections, so enforce would reject them.",
        "remove these rules, or set egress_untracked: accept.",
    ),
    _Check(
        "containers",
        STOP,
        _containers,
        "Packets of containers are forwarded, and the policy does not say whether it applies to them.",
        "set egress_containers to true or false.",
    ),
    _Check(
        "nft-missing",
        WARN,
        _without_nft,
        "The first run of the role installs the package nftables (egress_package) before it loads the table.",
        "make that package available to the host.",
    ),
    _Check(
        UNCOVERED,
        WARN,
        _uncovered,
        "The policy is about containers, and what these interfaces send out is not covered by it.",
        "add them to egress_container_interfaces.",
    ),
    _Check(
        "rejecting-table",
        WARN,
        _rejecting,
        _BOTH,
        "turn these rules into entries (tidegate.nftables.adopt), then remove them.",
    ),
    _Check(
        "conntrack",
        WARN,
        _conntrack,
        "When the table is full, new connections fail with or without a policy.",
        "raise net.netfilter.nf_conntrack_max, and limit each user (docs/rollout.md, Connection tracking).",
    ),
    _Check(
        "flush-ruleset",
        WARN,
        _flush,
        "Each reload removes the policy until the watcher restores it, within five seconds.",
        "in that file, write `destroy table` or `delete table` for its own tables instead.",
    ),
    _Check("ufw", WARN, _named("ufw"), _BOTH, "keep `ufw default allow outgoing`; its inbound rules may stay."),
    _Check(
        "firewalld",
        WARN,
        _named("firewalld"),
        _BOTH,
        "move policies from HOST and direct rules of OUTPUT to entries; its inbound zones may stay.",
    ),
    _Check(
        "netfilter-persistent",
        WARN,
        _named("netfilter-persistent"),
        _BOTH,
        "remove the rules of OUTPUT from what it loads at boot.",
    ),
    _Check("shorewall", WARN, _named("shorewall"), _BOTH, "let its zone fw reach everything."),
    _Check("ferm", WARN, _named("ferm"), _BOTH, "remove the rules of OUTPUT from its configuration."),
    _Check(
        "docker",
        NOTE,
        _named("docker"),
        "Its rules are about forwarded packets and stay as they are.",
        "set egress_containers to say whether the policy applies to containers.",
    ),
    _Check(
        "kube-proxy",
        NOTE,
        _named("kube-proxy"),
        "The policy sees the address of a pod: kube-proxy rewrites the address of a service before.",
        "allow the networks of pods and nodes rather than those of services.",
    ),
    _Check(
        "unread",
        NOTE,
        _unread,
        "Rules that cannot be read may reject packets, too.",
        "read them by hand.",
    ),
)
"""Every check, the most severe first."""


def findings(facts: Facts, decisions: Decisions, only: Sequence[str] = ()) -> list[Finding]:
    """Return what to know before a policy is applied, the most severe first. only: names of findings; () for all."""
    results = [(check, check.look(facts, decisions)) for check in CHECKS if not only or check.name in only]
    return [Finding(check.name, check.severity, what, check.meaning, check.fix) for check, what in results if what]


def blockers(all_findings: Sequence[Finding], decisions: Decisions) -> list[Finding]:
    """Return the findings that stop a policy from being applied; only few stop observe."""
    always = {check.name for check in CHECKS if check.always}
    return [
        finding
        for finding in all_findings
        if finding.severity == STOP and (decisions.mode == "enforce" or finding.name in always)
    ]
