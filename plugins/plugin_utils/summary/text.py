# Copyright: (c) 2026, the tidegate developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The few lines at the end of a run: for each tier its state, for each changed host what opened and closed.

Pure functions of the results that ``egress_apply`` returned; as short for five hundred hosts as for five.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Literal, NamedTuple

from ansible_collections.tidegate.nftables.plugins.module_utils import table_names
from ansible_collections.tidegate.nftables.plugins.plugin_utils.plural import count, noun

MOST_HOSTS = 10
"""Different changes that are written out; the hosts of others are counted."""

MOST_NOTICES = 10
"""Notices that are printed; the rest are counted."""

MOST_NAMES = 6
"""Names in one line; the rest are counted."""

Result = Mapping[str, Any]
"""What egress_apply returned for a host."""


class Line(NamedTuple):
    """One line of text and how much it stands out."""

    text: str
    tone: Literal["plain", "changed", "loud"] = "plain"


def summary(results: Mapping[str, Result], check: bool = False) -> list[Line]:
    """Return the lines to print. results: by host name. check: the run was made with ``--check``."""
    good = {host: result for host, result in results.items() if "egress" in result and not result.get("failed")}
    failed = [host for host in results if host not in good]
    changed = {host: result for host, result in good.items() if result.get("changed")}
    return [
        Line(f"Egress policy on {_hosts(len(good))}" + (", check mode: nothing was changed" if check else "")),
        *_tier_lines(good),
        *_absent_lines(good),
        *_changed_lines(changed, check),
        *_guard_lines(good),
        *_weak_proof_lines(changed),
        *_missing_lines(good),
        *_notice_lines(good),
        *_failed_lines(failed),
        *_partly_observed_lines(good),
        *_observed_lines(good),
    ]


def _tier_lines(good: Mapping[str, Result]) -> list[Line]:
    groups: dict[tuple[str, str], list[Result]] = defaultdict(list)
    for result in good.values():
        groups[result["egress"]["tier"] or "-", result["egress"]["mode"]].append(result)
    return [_tier_line(tier, mode, group) for (tier, mode), group in sorted(groups.items()) if mode != "absent"]


def _tier_line(tier: str, mode: str, results: list[Result]) -> Line:
    entries = [result["egress"]["entries"] for result in results]
    outward = [result["egress"]["internet_entries"] for result in results]
    known = f"{_range(entries)} {noun(max(entries), 'entry', 'entries')}"
    reach = f"{_range(outward)} {noun(max(outward), 'reaches', 'reach')} the internet"
    return Line(f"  {tier:<12} {_hosts(len(results)):<10} {mode:<8} {known}, {reach}{_rejected(mode, results)}")


def _rejected(mode: str, results: Iterable[Result]) -> str:
    """Return how many packets were rejected since the tables were loaded, "" when there are no counters."""
    name = table_names.MODE_COUNTERS.get(mode, "")
    counted = [result["counters"].get(table_names.TABLE_TEXT, {}) for result in results if result.get("counters")]
    packets = [
        counters[counter]["packets"]
        for counters in counted
        for counter in (name, table_names.inbound_counter(name))
        if counter in counters
    ]
    if not packets:
        return ""
    return f", {count(sum(packets), 'packet')} {'would have been rejected' if mode == 'observe' else 'rejected'}"


def _absent_lines(good: Mapping[str, Result]) -> list[Line]:
    absent = _in_mode(good, "absent")
    text = f"  No policy on {_hosts(len(absent))} (egress_mode: absent): {_some(absent)}"
    return [Line(text)] if absent else []


def _changed_lines(changed: Mapping[str, Result], check: bool) -> list[Line]:
    """Return what changed, once for all hosts of which the same is true."""
    hosts_by_text: dict[tuple[str, ...], list[str]] = defaultdict(list)
    for host, result in sorted(changed.items()):
        hosts_by_text[_confirmed(result, check), *_effects(result)].append(host)
    verb = "would change" if check else "changed"
    lines = []
    for (confirmed, *effects), hosts in list(hosts_by_text.items())[:MOST_HOSTS]:
        lines.append(Line(f"  {_some(hosts)}: {verb}{confirmed}", "changed"))
        lines += [Line(f"    {effect}", "changed") for effect in effects]
    rest = sum(len(hosts) for hosts in list(hosts_by_text.values())[MOST_HOSTS:])
    return [*lines, Line(f"  and {count(rest, 'more host')} {verb}", "changed")] if rest > 0 else lines


def _guard_lines(good: Mapping[str, Result]) -> list[Line]:
    """Return what changes of guards where nothing changes on hosts, once for all hosts of which the same is true."""
    hosts_by_effect: dict[str, list[str]] = defaultdict(list)
    for host, result in sorted(good.items()):
        for effect in result.get("effects", ()) if not result.get("changed") else ():
            hosts_by_effect[effect].append(host)
    lines = [Line(f"  {_some(hosts)}: {effect}", "changed") for effect, hosts in hosts_by_effect.items()]
    rest = len(lines) - MOST_HOSTS
    return [*lines[:MOST_HOSTS], Line(f"  and {count(rest, 'more guard')}", "changed")] if rest > 0 else lines


def _effects(result: Result) -> Sequence[str]:
    return result.get("effects") or (result.get("changes") and ["table updated"]) or ["files on the host updated"]


def _confirmed(result: Result, check: bool) -> str:
    """Return how a change was confirmed; "" in check mode and for a change that needs no confirmation."""
    if check:
        return ""
    confirmation = result.get("confirmation")
    if confirmation is None:
        changed = any(change["kind"] != "file" for change in result.get("changes", ()))
        return "; saved without confirmation" if changed and result["egress"]["mode"] != "absent" else ""
    return f"; {_over(confirmation)}{_tests(confirmation)}"


def _over(confirmation: Mapping[str, Any]) -> str:
    name = confirmation["connection"]
    if not confirmation["proves"]:
        return f"confirmed over the {name} connection"
    return f"confirmed over a new {'SSH' if name == 'ssh' else name} connection"


def _tests(confirmation: Mapping[str, Any]) -> str:
    failing, known, unsent = confirmation["broken"], confirmation["broken_before"], confirmation["unsent"]
    sent = confirmation["tests"] - len(unsent)
    passed = f"; {sent - len(failing) - len(known)} of {sent} test probes passed" if sent else ""
    failed = f"; FAILED: {_some(failing)}" if failing else ""
    before = f"; failed also before the change: {_some(known)}" if known else ""
    calculated = f"; calculated without a packet: {_some(unsent)}" if unsent else ""
    return f"{passed}{failed}{before}{calculated}"


def _weak_proof_lines(changed: Mapping[str, Result]) -> list[Line]:
    """Return a line for each connection plugin over which a confirmation proves little."""
    weak: dict[str, int] = defaultdict(int)
    for result in changed.values():
        confirmation = result.get("confirmation")
        if confirmation is not None and not confirmation["proves"]:
            weak[confirmation["connection"]] += 1
    return [
        Line(
            f"  Confirmed over the {name} connection on {_hosts(number)}: this proves little, "
            "because that connection does not use the host's network",
            "loud",
        )
        for name, number in sorted(weak.items())
    ]


def _missing_lines(good: Mapping[str, Result]) -> list[Line]:
    """Return a line for each user and unit that hosts do not have, and for each name without an address."""
    lines = []
    kinds = (
        ("User", "missing_users", "does not exist", "does"),
        ("Unit", "missing_units", "does not exist, or is an alias of another one,", "does"),
        ("Name", "names_without_address", "has no address", "has one"),
    )
    for kind, key, what, until in kinds:
        hosts_by_name: dict[str, list[str]] = defaultdict(list)
        for host, result in good.items():
            for name in result.get(key, ()):
                hosts_by_name[name].append(host)
        lines += [
            Line(
                f"  {kind} {name} {what} on {_some(hosts)}: its entries allow nothing there until it {until}",
                "loud",
            )
            for name, hosts in sorted(hosts_by_name.items())
        ]
    return lines


def _notice_lines(good: Mapping[str, Result]) -> list[Line]:
    """Return each notice once, those of most hosts first."""
    hosts_by_notice: dict[str, list[str]] = defaultdict(list)
    for host, result in good.items():
        for notice in dict.fromkeys(result["egress"].get("notices", ())):
            hosts_by_notice[" ".join(notice.split())].append(host)
    ordered = sorted(hosts_by_notice.items(), key=lambda item: (-len(item[1]), item[0]))
    lines = [
        Line(f"  Notice: {text} ({hosts[0] if len(hosts) == 1 else _hosts(len(hosts))})")
        for text, hosts in ordered[:MOST_NOTICES]
    ]
    rest = len(ordered) - MOST_NOTICES
    return [*lines, Line(f"  and {count(rest, 'more notice')}")] if rest > 0 else lines


def _failed_lines(failed: Sequence[str]) -> list[Line]:
    text = f"  FAILED on {_hosts(len(failed))}, which keeps what was loaded before: {_some(failed)}"
    return [Line(text, "loud")] if failed else []


def _partly_observed_lines(good: Mapping[str, Result]) -> list[Line]:
    hosts_by_part: dict[str, list[str]] = defaultdict(list)
    for host in _in_mode(good, "enforce"):
        if part := good[host]["egress"].get("observe"):
            hosts_by_part[" and ".join(part)].append(host)
    return [
        Line(
            f"ONLY OBSERVED on {_hosts(len(hosts))}: {part}. Traffic to there is not rejected (egress_observe)", "loud"
        )
        for part, hosts in sorted(hosts_by_part.items())
    ]


def _observed_lines(good: Mapping[str, Result]) -> list[Line]:
    observed = _in_mode(good, "observe")
    text = (
        f"OBSERVE MODE on {_hosts(len(observed))}: NOTHING IS REJECTED there. What enforce would reject is counted "
        "(on the host: tidegate denied). To reject it, set egress_mode: enforce"
    )
    return [Line(text, "loud")] if observed else []


def _in_mode(good: Mapping[str, Result], mode: str) -> list[str]:
    return [host for host, result in good.items() if result["egress"]["mode"] == mode]


def _some(names: Iterable[str]) -> str:
    ordered = sorted(set(names))
    rest = len(ordered) - MOST_NAMES
    return ", ".join(ordered[:MOST_NAMES]) + (f" and {rest} more" if rest > 0 else "")


def _hosts(number: int) -> str:
    return count(number, "host")


def _range(numbers: Sequence[int]) -> str:
    low, high = min(numbers), max(numbers)
    return str(low) if low == high else f"{low}-{high}"
