# Copyright: (c) 2026, the tidegate developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The few lines at the end of a run: per tier what stands, per changed host what opened and closed.

Pure functions of the results that ``egress_apply`` returned; short for five hundred hosts as for five.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, NamedTuple

from ansible_collections.tidegate.nftables.plugins.module_utils import table_names

MOST_HOSTS = 10
"""Changed hosts named one by one; the rest are counted."""

MOST_NOTICES = 10
"""Notices printed; the rest are counted."""

MOST_NAMES = 6
"""Names listed in one line; the rest are counted."""


class Line(NamedTuple):
    """One line of text and how loud it is: ``plain``, ``changed`` or ``loud``."""

    text: str
    tone: str = "plain"


def _some(names: Iterable[str]) -> str:
    ordered = sorted(set(names))
    rest = len(ordered) - MOST_NAMES
    return ", ".join(ordered[:MOST_NAMES]) + (f" and {rest} more" if rest > 0 else "")


def _hosts(count: int) -> str:
    return f"{count} host" if count == 1 else f"{count} hosts"


def _range(numbers: Iterable[int]) -> str:
    low, high = min(numbers := list(numbers)), max(numbers)
    return str(low) if low == high else f"{low}-{high}"


def _tier_line(tier: str, mode: str, results: list[Mapping[str, Any]]) -> Line:
    entries = [result["egress"]["entries"] for result in results]
    outward = [result["egress"]["internet_entries"] for result in results]
    return Line(
        f"  {tier:<12} {_hosts(len(results)):<10} {mode:<8} {_range(entries)} entries, "
        f"{_range(outward)} reach the internet{_refusals(mode, results)}"
    )


def _refusals(mode: str, results: Iterable[Mapping[str, Any]]) -> str:
    """Say how many packets were refused, or would have been, since the tables were made; "" when nobody counted."""
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
    return f", {sum(packets)} packets {'would have been' if mode == 'observe' else 'were'} refused"


def _opened_and_closed(changes: Sequence[Mapping[str, Any]]) -> str:
    """Say what a host's changes come to, in the words of the policy: entries by name, addresses by count."""
    parts: list[str] = []
    by_action: dict[str, list[str]] = defaultdict(list)
    addresses: dict[str, int] = defaultdict(int)
    for change in changes:
        if change["kind"] == "element":
            addresses[change["action"]] += change["count"]
        elif change["kind"] == "rule" and table_names.is_entry_chain(change.get("chain", "")):
            by_action[change["action"]].append(change.get("comment") or change.get("text", ""))
    for action, word in (("add", "opened"), ("delete", "closed"), ("move", "moved")):
        if by_action[action]:
            parts.append(f"{word} {_some(by_action[action])}")
    for action, word in (("add", "added"), ("delete", "removed")):
        if addresses[action]:
            parts.append(f"{addresses[action]} address{'es' if addresses[action] > 1 else ''} {word}")
    if any(change["kind"] == "table" and change["action"] == "delete" for change in changes):
        return "table removed"
    return "; ".join(parts) or ("table adjusted" if changes else "files of tidegate on the host adjusted")


def _confirmed(result: Mapping[str, Any]) -> str:
    """Say whether a change was confirmed, and what for; "" when it needs no trial, as a file or no policy at all."""
    said = result.get("confirmation")
    if said is None:
        changed = any(change["kind"] != "file" for change in result.get("changes", ()))
        return "; saved without a trial" if changed and result["egress"]["mode"] != "absent" else ""
    over = "over a new connection" if said["proves"] else f"over {said['connection']}"
    tests = f", {said['tests']} packets as the tests have it" if said["tests"] else ""
    failed = f"; FAILED: {_some(said['broken'])}" if said["broken"] else ""
    before = f"; failed before as well: {_some(said['broken_before'])}" if said["broken_before"] else ""
    return f"; confirmed {over}{tests}{failed}{before}"


def _little_proof_lines(changed: Mapping[str, Mapping[str, Any]]) -> list[Line]:
    """Say once which confirmations prove little."""
    over: dict[str, int] = defaultdict(int)
    for result in changed.values():
        said = result.get("confirmation")
        if said is not None and not said["proves"]:
            over[said["connection"]] += 1
    return [
        Line(
            f"  confirmed over {name} on {_hosts(count)}: that proves little, for it does not pass the host's network",
            "loud",
        )
        for name, count in sorted(over.items())
    ]


def _changed_lines(changed: Mapping[str, Mapping[str, Any]], check: bool) -> list[Line]:
    would = "would change" if check else "changed"
    lines = [
        Line(
            f"  {host}: {would}: {_opened_and_closed(result.get('changes', ()))}{'' if check else _confirmed(result)}",
            "changed",
        )
        for host, result in sorted(changed.items())[:MOST_HOSTS]
    ]
    rest = len(changed) - MOST_HOSTS
    return [*lines, Line(f"  and {_hosts(rest)} more {would}", "changed")] if rest > 0 else lines


def _mode_lines(changed: Mapping[str, Mapping[str, Any]], check: bool) -> list[Line]:
    """Say which hosts changed their mode."""
    switched: dict[str, list[str]] = defaultdict(list)
    for host, result in changed.items():
        modes = {
            change["action"]: table_names.MODE_RULES[change["text"]]
            for change in result.get("changes", ())
            if change.get("chain") == table_names.DENIED_CHAIN and change.get("text") in table_names.MODE_RULES
        }
        if {"add", "delete"} <= modes.keys():
            switched[f"{modes['delete']} -> {modes['add']}"].append(host)
    would = "would switch " if check else ""
    return [
        Line(f"  {would}{way} on {_hosts(len(hosts))}: {_some(hosts)}", "changed")
        for way, hosts in sorted(switched.items())
    ]


def _notice_lines(results: Mapping[str, Mapping[str, Any]]) -> list[Line]:
    """Each notice once, those that concern most hosts first."""
    where: dict[str, list[str]] = defaultdict(list)
    for host, result in results.items():
        for notice in dict.fromkeys(result["egress"].get("notices", ())):
            where[" ".join(notice.split())].append(host)
    ordered = sorted(where.items(), key=lambda item: (-len(item[1]), item[0]))
    lines = [
        Line(f"  notice: {text} ({hosts[0] if len(hosts) == 1 else _hosts(len(hosts))})")
        for text, hosts in ordered[:MOST_NOTICES]
    ]
    rest = len(ordered) - MOST_NOTICES
    return [*lines, Line(f"  and {rest} more {'notice' if rest == 1 else 'notices'}")] if rest > 0 else lines


def _missing_user_lines(results: Mapping[str, Mapping[str, Any]]) -> list[Line]:
    where: dict[str, list[str]] = defaultdict(list)
    for host, result in results.items():
        for user in result.get("missing_users", ()):
            where[user].append(host)
    return [
        Line(f"  user {user} does not exist on {_some(hosts)}: its entries allow nothing there until it does", "loud")
        for user, hosts in sorted(where.items())
    ]


def summary(results: Mapping[str, Mapping[str, Any]], check: bool = False) -> list[Line]:
    """Return the lines to print for ``results``, a mapping of host name to what egress_apply returned there.

    ``check``: the run was made with ``--check``, nothing was really changed.
    """
    good = {host: result for host, result in results.items() if "egress" in result and not result.get("failed")}
    lines = [Line(f"egress policy on {_hosts(len(good))}" + (", check mode: nothing was changed" if check else ""))]
    groups: dict[tuple[str, str], list[Mapping[str, Any]]] = defaultdict(list)
    for result in good.values():
        groups[result["egress"]["tier"] or "-", result["egress"]["mode"]].append(result)
    lines += [_tier_line(tier, mode, group) for (tier, mode), group in sorted(groups.items()) if mode != "absent"]
    removed = [host for host, result in good.items() if result["egress"]["mode"] == "absent"]
    if removed:
        lines.append(Line(f"  no policy on {_hosts(len(removed))} (egress_mode: absent): {_some(removed)}"))
    changed = {host: result for host, result in good.items() if result.get("changed")}
    lines += _mode_lines(changed, check)
    lines += _changed_lines(changed, check)
    lines += _little_proof_lines(changed)
    lines += _missing_user_lines(good)
    lines += _notice_lines(good)
    failed = [host for host in results if host not in good]
    if failed:
        lines.append(Line(f"  FAILED on {_hosts(len(failed))}, the old policy stands there: {_some(failed)}", "loud"))
    partly: dict[str, list[str]] = defaultdict(list)
    for host, result in good.items():
        if result["egress"]["mode"] == "enforce" and result["egress"].get("observe"):
            partly[" and ".join(result["egress"]["observe"])].append(host)
    lines += [
        Line(f"ONLY OBSERVED on {_hosts(len(hosts))}: {words}. What goes there is not refused (egress_observe)", "loud")
        for words, hosts in sorted(partly.items())
    ]
    observed = [host for host, result in good.items() if result["egress"]["mode"] == "observe"]
    if observed:
        lines.append(
            Line(
                f"OBSERVE MODE on {_hosts(len(observed))}: NOTHING IS REFUSED there. What would be refused is counted "
                "(on the host: tidegate denied). To refuse it: egress_mode: enforce",
                "loud",
            )
        )
    return lines
