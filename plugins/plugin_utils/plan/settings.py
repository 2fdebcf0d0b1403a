# Copyright: (c) 2026, the tidegate developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Settings that decide what happens to packets whatever entry they are about, each difference as a sentence."""

from __future__ import annotations

from collections.abc import Iterator

from ansible_collections.tidegate.nftables.plugins.plugin_utils.policy import ResolvedPolicy
from ansible_collections.tidegate.nftables.plugins.plugin_utils.policy.sets import addresses, datafiles

from .model import Direction
from .wording import address_text, names_text

Sentence = tuple[Direction, str, str]
"""What it does, the sentence, and the variable that it is about."""
_MODES = {
    "enforce": "what no entry allows is rejected",
    "observe": "what no entry allows is only counted, and leaves",
    "absent": "the policy is removed, and everything leaves",
}
"""The modes from the strictest to none, each with what it means."""
_SHOWN_BY_REACH = ("dns", "ntp")
"""Parts of the floor whose servers are in the reach of a policy."""


def settings(before: ResolvedPolicy, after: ResolvedPolicy) -> Iterator[Sentence]:
    """Yield what changes for packets beside what entries and egress_never say."""
    yield from _mode(before, after)
    if "absent" in (before.mode, after.mode):
        return
    yield from _observed(before, after)
    yield from _floor(before, after)
    yield from _words(before, after)
    yield from _filtered(before, after)
    yield from _interfaces(before, after)
    yield from _ansible_port(before, after)
    yield from _names(before, after)


def _mode(before: ResolvedPolicy, after: ResolvedPolicy) -> Iterator[Sentence]:
    if before.mode != after.mode:
        strictness = list(_MODES)
        opens = strictness.index(after.mode) > strictness.index(before.mode)
        text = f"egress_mode {before.mode} → {after.mode}: {_MODES[after.mode]}"
        yield "opens" if opens else "closes", text, "egress_mode"


def _observed(before: ResolvedPolicy, after: ResolvedPolicy) -> Iterator[Sentence]:
    """Yield where enforce stops or begins to reject. What counts is what enforce does, whatever the mode is."""
    old, new = (addresses.union(resolved.observed().values()) for resolved in (before, after))
    words = tuple(after.observed().items()) + tuple(before.observed().items())
    if more := new - old:
        text = f"egress_observe: what no entry allows to {address_text(more, words=words)} is only counted, and leaves"
        yield "opens", text, "egress_observe"
    if less := old - new:
        text = f"egress_observe: what no entry allows to {address_text(less, words=words)} is rejected"
        yield "closes", text, "egress_observe"
    unknown = set(after.enforcement.observe) ^ set(before.enforcement.observe)
    if unknown and old == new:
        text = f"egress_observe {names_text(before.enforcement.observe)} → {names_text(after.enforcement.observe)}"
        yield "changed", text, "egress_observe"


def _floor(before: ResolvedPolicy, after: ResolvedPolicy) -> Iterator[Sentence]:
    parts = datafiles.load("floor")
    for part in parts:
        if (part in before.floor) == (part in after.floor):
            continue
        opens = part in after.floor
        text = (
            f"egress_floor_without: {part} {'is back in' if opens else 'is out of'} the floor ({parts[part]['about']})"
        )
        # Without servers there is nothing to reach; with some, the reach of the policy has the packets.
        seen = part in _SHOWN_BY_REACH
        yield "changed" if seen else "opens" if opens else "closes", text, "egress_floor_without"


def _words(before: ResolvedPolicy, after: ResolvedPolicy) -> Iterator[Sentence]:
    """Yield the settings that are one of two words, the stricter and the laxer."""
    if before.enforcement.recheck != after.enforcement.recheck:
        if after.enforcement.recheck:
            yield (
                "closes",
                "egress_established keep → recheck: open connections end that the policy rejects",
                ("egress_established"),
            )
        else:
            yield (
                "opens",
                "egress_established recheck → keep: open connections stay that the policy rejects",
                ("egress_established"),
            )
    if before.enforcement.untracked != after.enforcement.untracked:
        opens = after.enforcement.untracked
        words = "reject → accept" if opens else "accept → reject"
        text = f"egress_untracked {words}: everything that notrack rules exempt from connection tracking"
        yield "opens" if opens else "closes", f"{text} {'passes' if opens else 'is rejected'}", "egress_untracked"


def _filtered(before: ResolvedPolicy, after: ResolvedPolicy) -> Iterator[Sentence]:
    """Yield which packets begin or cease to be filtered at all."""
    for variable, what, old, new in (
        ("egress_containers", "what containers send", before.containers, after.containers),
        ("egress_inbound_allow", "what comes in", before.inbound, after.inbound),
    ):
        if (old is None) == (new is None):
            continue
        if new is None:
            yield "opens", f"{variable}: {what} is no longer filtered", variable
        else:
            allowed = names_text(entry.name for entry in new)
            yield "closes", f"{variable}: {what} is filtered now; entries that allow some of it: {allowed}", variable


def _interfaces(before: ResolvedPolicy, after: ResolvedPolicy) -> Iterator[Sentence]:
    if before.containers is None or after.containers is None:
        return
    variable = "egress_container_interfaces"
    old, new = before.container_interfaces, after.container_interfaces
    if gone := [name for name in old if name not in new]:
        yield "opens", f"{variable}: {names_text(gone)} {_is(gone)} no longer filtered", variable
    if come := [name for name in new if name not in old]:
        yield "closes", f"{variable}: {names_text(come)} {_is(come)} filtered now", variable


def _is(names: list[str]) -> str:
    return "is" if len(names) == 1 else "are"


def _ansible_port(before: ResolvedPolicy, after: ResolvedPolicy) -> Iterator[Sentence]:
    """Yield the port that stays open for Ansible's connection, where that makes a difference."""
    if before.ansible_port != after.ansible_port:
        text = f"ansible_port {before.ansible_port} → {after.ansible_port}: the port that is always let in"
        yield "opens" if after.inbound is not None else "changed", text, "ansible_port"


def _names(before: ResolvedPolicy, after: ResolvedPolicy) -> Iterator[Sentence]:
    """Yield how the host opens names, and which it resolves: a name that resolves is a way out for what it carries."""
    old, new = before.names, after.names
    if old.feeder != new.feeder:
        text = f"egress_names {old.feeder} → {new.feeder}: who fills the sets of entries with domain names"
        yield "changed", text, "egress_names"
    proxy = after.proxy
    if proxy is not None and proxy != before.proxy:
        clients = names_text(proxy.configured) if proxy.configured else "nobody"
        around = names_text(proxy.direct) if proxy.direct else "no names"
        where = f"{names_text(proxy.addresses)}, tcp/{proxy.port}"
        yield "changed", f"egress_proxies: {where}; set for {clients}; not for {around}", "egress_proxies"
    for what in ("floor", "grace"):
        if (was := getattr(old, what)) != (now := getattr(new, what)):
            variable = f"egress_names_{what}"
            text = f"{variable} {was} s → {now} s: how long an address of a name stays open"
            yield "opens" if now > was else "closes", text, variable
    if old.resolving != new.resolving:
        text = f"egress_dns_names {old.resolving} → {new.resolving}: which names that no entry names resolve"
        closes = new.resolving == "only"
        opens = old.resolving == "only"
        yield "closes" if closes else "opens" if opens else "changed", text, "egress_dns_names"
    if more := [name for name in new.allow if name not in old.allow]:
        yield "opens", f"egress_dns_allow: {names_text(more)} may resolve", "egress_dns_allow"
    if less := [name for name in old.allow if name not in new.allow]:
        yield "closes", f"egress_dns_allow: {names_text(less)} no longer resolves by it", "egress_dns_allow"
    if old.inside != new.inside:
        inside = "; ".join(f"{name} to {address_text(networks)}" for name, networks in new.inside) or "none"
        yield "changed", f"egress_dns_inside: names that may lead inside: {inside}", "egress_dns_inside"
