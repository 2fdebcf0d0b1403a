# Copyright: (c) 2026, the tidegate developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What protects a policy: egress_never, tests, ceilings, duties, limits. Each difference is a sentence."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Iterator
from typing import Any

from ansible_collections.tidegate.nftables.plugins.plugin_utils.policy import Reach, ResolvedPolicy
from ansible_collections.tidegate.nftables.plugins.plugin_utils.policy.model import CeilingSide
from ansible_collections.tidegate.nftables.plugins.plugin_utils.policy.proving.passing import closed_reach
from ansible_collections.tidegate.nftables.plugins.plugin_utils.policy.reading import words
from ansible_collections.tidegate.nftables.plugins.plugin_utils.policy.resolved import ResolvedTest
from ansible_collections.tidegate.nftables.plugins.plugin_utils.policy.sets import services
from ansible_collections.tidegate.nftables.plugins.plugin_utils.policy.sets.regions import of_boxes

from .entry_changes import entries_by_name
from .model import Direction
from .settings import Sentence
from .wording import Words, address_text, names_text, reach_rows, region_lines, service_text

_FAMILIES = ("IPv4", "IPv6")


def guards(before: ResolvedPolicy, after: ResolvedPolicy) -> Iterator[Sentence]:
    """Yield what changes for the guards of a policy that is there in both commits."""
    yield from _tier(before, after)
    yield from _never(before, after)
    yield from _tests(before, after)
    yield from _duties(before, after)
    yield from _expiry(before, after)
    yield from _limits(before, after)
    yield from _meanings(before, after)
    yield from _quiet(before, after)
    yield from _list_options(before, after)
    yield from _beside(before, after)


def fingerprint(resolved: ResolvedPolicy) -> str:
    """Return a checksum of the guards that are not in the table or in the settings of a host; without `beside`.

    Much less than comparing whole policies: a run calculates it for every host.
    """
    guarding = (
        resolved.tier,
        resolved.ceilings,
        resolved.require,
        resolved.list_options,
        [(test.name, *_claimed(test), test.hosts) for test in resolved.tests],
        [(entry.name, entry.expires) for entry in resolved.all_entries()],
        [value(resolved) for _variable, value, _laxness in _LIMITS],
        resolved.internal,
    )
    return hashlib.sha256(repr(guarding).encode()).hexdigest()


def words_of(resolved: ResolvedPolicy) -> Words:
    """Return the words of a policy with their addresses on its host."""
    own = (("internal", resolved.internal), ("internet", resolved.internet))
    return (*own, *((word, words.lookup(word, resolved.internal)) for word in ("cloud-metadata", "multicast")))


def _tier(before: ResolvedPolicy, after: ResolvedPolicy) -> Iterator[Sentence]:
    if before.tier != after.tier:
        yield "changed", f"egress_tier {before.tier} → {after.tier}", "egress_tier"
    variable = "egress_tier" if before.tier != after.tier else "egress_tiers"
    for where, old, new in zip(("inside", "outside"), before.ceilings, after.ceilings, strict=True):
        for direction, text in _ceiling(old, new):
            yield direction, f"the ceiling of tier {after.tier} {where} egress_internal_networks: {text}", variable


def _ceiling(old: CeilingSide, new: CeilingSide) -> Iterator[tuple[Direction, str]]:
    """Yield each dimension in which one side of a ceiling is higher or lower."""
    gained, lost = (
        (left.services or services.NONE) - (right.services or services.NONE) for left, right in ((new, old), (old, new))
    )
    if gained:
        yield "weakened", f"also {service_text(gained)}"
    if lost:
        yield "strengthened", f"no longer {service_text(lost)}"
    if old.whole != new.whole:
        yield ("weakened", "all of it") if new.whole else ("strengthened", "only what is named")
    if old.wildcards != new.wildcards:
        yield ("weakened", "also wildcards") if new.wildcards else ("strengthened", "no wildcards")
    for key in ("widest", "most"):
        for family, was, now in zip(_FAMILIES, getattr(old, key), getattr(new, key), strict=True):
            if was != now:
                yield "weakened" if now < was else "strengthened", f"{key} {family} /{was} → /{now}"
    if dropped := [name for name in old.never if name not in new.never]:
        yield "weakened", f"also services of class {names_text(dropped)}"
    if added := [name for name in new.never if name not in old.never]:
        yield "strengthened", f"never services of class {names_text(added)}"


def _never(before: ResolvedPolicy, after: ResolvedPolicy) -> Iterator[Sentence]:
    old, new = closed_reach(before), closed_reach(after)
    for who, to, allowed in reach_rows(old - new, words=words_of(after)):
        yield "weakened", f"egress_never no longer closes {to} with {allowed} to {who}", "egress_never"
    for who, to, allowed in reach_rows(new - old, words=words_of(after)):
        yield "strengthened", f"egress_never closes {to} with {allowed} to {who}", "egress_never"


def _tests(before: ResolvedPolicy, after: ResolvedPolicy) -> Iterator[Sentence]:
    """Yield how what the tests claim changes; a test is the same in both commits when its name is."""
    old, new = ({test.name: test for test in resolved.tests} for resolved in (before, after))
    old_words, new_words = words_of(before), words_of(after)
    for name in [*new, *(name for name in old if name not in new)]:
        variable = (new.get(name) or old[name]).where.partition("[")[0]
        if name not in new:
            yield "weakened", f"policy test {name} is removed: {_claim(old[name], old_words)}", variable
        elif name not in old:
            yield "strengthened", f"policy test {name} is new: {_claim(new[name], new_words)}", variable
        elif _claimed(old[name]) != _claimed(new[name]) or old[name].hosts != new[name].hosts:
            direction = _strength(old[name], new[name])
            yield (
                direction,
                f"policy test {name}: {_claim(old[name], old_words)} → {_claim(new[name], new_words)}",
                variable,
            )


def _claimed(test: ResolvedTest) -> tuple[bool, Reach]:
    """Return whether a test says that flows pass, and which."""
    return test.reach, Reach.of_boxes([(test.addresses, test.services, test.sockets)])


def _strength(old: ResolvedTest, new: ResolvedTest) -> Direction:
    (was_reach, was), (is_reach, now) = _claimed(old), _claimed(new)
    covered = was <= now
    if was_reach != is_reach or not covered:
        return "weakened"
    return "strengthened" if was != now else "changed"


def _claim(test: ResolvedTest, known: Words) -> str:
    verb = "reach" if test.reach else "not_reach"
    flows = "; ".join(region_lines(of_boxes([(test.addresses, test.services)]), words=known)) or "nothing"
    return f"{verb} {flows}{f' as {test.sockets}' if test.user or test.unit else ''}"


def _duties(before: ResolvedPolicy, after: ResolvedPolicy) -> Iterator[Sentence]:
    dropped, added = (
        [key for key in left.require if key not in right.require] for left, right in ((before, after), (after, before))
    )
    if dropped:
        yield "weakened", f"egress_require: an entry need not have {names_text(dropped)}", "egress_require"
    if added:
        yield "strengthened", f"egress_require: an entry must have {names_text(added)}", "egress_require"


def _expiry(before: ResolvedPolicy, after: ResolvedPolicy) -> Iterator[Sentence]:
    """Yield the entries that stay open for longer or less long; today nothing changes for packets."""
    old, new = entries_by_name(before), entries_by_name(after)
    for key, entry in new.items():
        if key not in old or (was := old[key].expires) == (now := entry.expires):
            continue
        longer = was is not None and (now is None or now > was)
        text = f"entry {entry.name} expires {now or 'never'} instead of {was or 'never'}"
        yield "weakened" if longer else "strengthened", text, entry.where.partition("[")[0]


_LIMITS: tuple[tuple[str, Callable[[ResolvedPolicy], Any], Callable[[Any], int]], ...] = (
    ("egress_confirm", lambda resolved: resolved.commit_confirm.enabled, lambda value: not value),
    ("egress_confirm_timeout", lambda resolved: resolved.commit_confirm.timeout, int),
    ("egress_max_removed", lambda resolved: resolved.max_removed, int),
    ("egress_missing_users", lambda resolved: resolved.missing_users, lambda value: value == "skip"),
    ("egress_drift", lambda resolved: resolved.drift, lambda value: value == "report"),
    ("egress_ledger", lambda resolved: resolved.sight.ledger, lambda value: value == "denied"),
    ("egress_ledger_units", lambda resolved: resolved.sight.ledger_units, lambda value: not value),
    ("egress_ledger_days", lambda resolved: resolved.sight.ledger_days, lambda value: -value),
    ("egress_log", lambda resolved: resolved.sight.log.target, lambda value: value == "none"),
    ("egress_log_rate", lambda resolved: resolved.sight.log.rate, lambda _value: 0),
    ("egress_log_prefix", lambda resolved: resolved.sight.log.prefix, lambda _value: 0),
    ("egress_log_group", lambda resolved: resolved.sight.log.group, lambda _value: 0),
    ("egress_log_ulogd", lambda resolved: resolved.sight.log.ulogd, lambda _value: 0),
    ("egress_contact", lambda resolved: resolved.sight.contact, lambda _value: 0),
    ("egress_metrics_dir", lambda resolved: resolved.sight.metrics_dir, lambda value: not value),
    ("egress_root", lambda resolved: resolved.root, lambda _value: 0),
)
"""Variable, its value in a policy, and how lax a value is: more is a weaker guard, as much is only another one."""


def _limits(before: ResolvedPolicy, after: ResolvedPolicy) -> Iterator[Sentence]:
    for variable, value, laxness in _LIMITS:
        was, now = value(before), value(after)
        if was != now:
            texts = (json.dumps(each) if isinstance(each, bool) else str(each) or "(none)" for each in (was, now))
            yield _compared(laxness(was), laxness(now)), f"{variable} {' → '.join(texts)}", variable


def _compared(was: int, now: int) -> Direction:
    return "weakened" if now > was else "strengthened" if now < was else "changed"


def _meanings(before: ResolvedPolicy, after: ResolvedPolicy) -> Iterator[Sentence]:
    """Yield what the words stand for: ceilings, egress_allow_base and tests are measured with them."""
    variable = "egress_nat64_prefix" if before.internal == after.internal else "egress_internal_networks"
    for (word, was), (_word, now) in zip(words_of(before), words_of(after), strict=True):
        changes = [f"{sign} {address_text(part)}" for sign, part in (("-", was - now), ("+", now - was)) if part]
        if changes:
            yield "changed", f"the word {word}: {', '.join(changes)}", variable


def _quiet(before: ResolvedPolicy, after: ResolvedPolicy) -> Iterator[Sentence]:
    old, new = (of_boxes((grant.addresses, grant.services) for grant in side.quiet) for side in (before, after))
    variable = "egress_deny_quietly"
    for line in region_lines(new - old, words=words_of(after)):
        yield "weakened", f"{variable}: {line} is kept out of the denied ledger", variable
    for line in region_lines(old - new, words=words_of(after)):
        yield "strengthened", f"{variable}: {line} is in the denied ledger", variable


def _list_options(before: ResolvedPolicy, after: ResolvedPolicy) -> Iterator[Sentence]:
    old, new = ({(name, key): value for name, key, value in side.list_options} for side in (before, after))
    for name, key in sorted({*old, *new}):
        was, now = old.get((name, key), ""), new.get((name, key), "")
        if was == now:
            continue
        shown = key in _LIST_LAXNESS
        text = (
            f"{_shown(was)} → {_shown(now)}"
            if shown
            else "is another"
            if was and now
            else "is new"
            if now
            else "is gone"
        )
        direction = _compared(_LIST_LAXNESS[key](was), _LIST_LAXNESS[key](now)) if shown else "changed"
        yield direction, f"egress_prefix_lists.{name}.{key} {text}", "egress_prefix_lists"


def _neither(_value: str) -> int:
    return 0


def _limit(value: str) -> int:
    """Return how lax a limit is, in thousandths; none is the laxest."""
    number = str(json.loads(value)).strip().rstrip("%").strip() if value else ""
    return int(float(number) * 1000) if number else 10**12


_LIST_LAXNESS: dict[str, Callable[[str], int]] = {
    "max_age_days": _limit,
    "max_change": _limit,
    "refresh_minutes": _neither,
    "shared": lambda value: value != "true",
    "timeout": _neither,
}


def _shown(value: str) -> str:
    return str(json.loads(value)) if value else "(none)"


def _beside(before: ResolvedPolicy, after: ResolvedPolicy) -> Iterator[Sentence]:
    """Yield what only roles and playbooks read: how a policy is rolled out, rendered and judged."""
    old, new = dict(before.beside), dict(after.beside)
    for variable in sorted({*old, *new}):
        was, now = old.get(variable, ""), new.get(variable, "")
        if was != now:
            laxness = _BESIDE_LAXNESS.get(variable, _neither)
            text = f"{variable} {was or '(default)'} → {now or '(default)'}"
            yield _compared(laxness(was), laxness(now)), text, variable


def _order(*words: str, default: str) -> Callable[[str], int]:
    """Return the function from a value to its place among words, the strictest first."""

    def place(value: str) -> int:
        word = str(json.loads(value)).lower() if value else default
        return words.index(word) if word in words else 0

    return place


def _texts(value: str) -> list[Any]:
    """Return the elements of a list or the values of a mapping; a single value is a list of one."""
    data = json.loads(value) if value else []
    return list(data.values()) if isinstance(data, dict) else data if isinstance(data, list) else [data]


_BESIDE_LAXNESS: dict[str, Callable[[str], int]] = {
    "egress_approximate": lambda value: sum(text == "wider" for text in _texts(value)),
    "egress_enforce_anyway": _order("false", "true", default="false"),
    "egress_plan_fail_on": _order("changes", "guards", "tests", "errors", default="tests"),
    "egress_prefix_list_accept": lambda value: len(_texts(value)),
    "egress_whatif_fail": _order("true", "false", default="false"),
}
