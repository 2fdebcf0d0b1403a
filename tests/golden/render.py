# Copyright: (c) 2026, the tidegate developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Writes a table spec as an nft file: for golden files, and for real nft to read."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any


def render(spec: dict[str, Any], uid: Callable[[str], str] = str) -> str:
    """Return the spec as text. uid: gives what stands for a user in a rule, by default the name."""
    name = f"{spec['family']} {spec['name']}"
    if spec.get("state") == "absent":
        return f"# absent\ndelete table {name}\n"
    blocks = [
        *(_block(f"counter {counter['name']}", []) for counter in spec["counters"]),
        *(_block(f"set {named_set['name']}", _set_lines(named_set)) for named_set in spec["sets"]),
        *(_block(f"chain {chain['name']}", _chain_lines(chain, uid)) for chain in spec["chains"]),
    ]
    return f"table {name} {{\n" + "\n".join(blocks) + "}\n"


def _block(title: str, lines: Iterable[str]) -> str:
    return f"  {title} {{\n" + "".join(f"    {line}\n" for line in lines) + "  }\n"


def _set_lines(named_set: dict[str, Any]) -> list[str]:
    lines = [f"typeof {named_set['typeof']}"]
    lines += [f"flags {','.join(named_set['flags'])}"] if "flags" in named_set else []
    lines += [f"{key} {named_set[key]}" for key in ("size", "timeout") if key in named_set]
    if named_set.get("counter"):
        lines.append("counter")
    if "statements" in named_set:
        lines.append(named_set["statements"])
    if named_set.get("elements_from"):
        lines.append(f"# elements from: {named_set['elements_from']}")
    if named_set.get("elements"):
        lines += ["elements = {", *(f"  {_element(element)}," for element in named_set["elements"]), "}"]
    return lines


def _element(element: str | dict[str, str]) -> str:
    return element if isinstance(element, str) else f"{element['value']} timeout {element['timeout']}"


def _chain_lines(chain: dict[str, Any], uid: Callable[[str], str]) -> list[str]:
    lines = []
    if "hook" in chain:
        place = f"type {chain['type']} hook {chain['hook']} priority {chain['priority']}"
        lines.append(f"{place}; policy {chain['policy']};")
    return lines + [_rule(rule, uid) for rule in chain["rules"]]


def _rule(rule: str | dict[str, Any], uid: Callable[[str], str]) -> str:
    if isinstance(rule, str):
        return rule
    uids = [uid(user) for user in rule["users"]]
    return f"meta skuid {{ {', '.join(uids)} }} {rule['rule']}"
