# Copyright: (c) 2026, the tidegate developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A table spec as the nft file a person would write: for golden files, and to let real nft read what was compiled."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any


def render(spec: dict[str, Any], uid: Callable[[str], str] = str) -> str:
    """The spec as text. uid: what stands for a user in a rule, by default its name."""
    name = f"{spec['family']} {spec['name']}"
    if spec.get("state") == "absent":
        return f"# absent\ndelete table {name}\n"
    blocks = [
        *(_block(f"counter {counter['name']}", []) for counter in spec["counters"]),
        *(_block(f"set {one['name']}", _set_lines(one)) for one in spec["sets"]),
        *(_block(f"map {one['name']}", _map_lines(one)) for one in spec.get("maps", ())),
        *(_block(f"chain {chain['name']}", _chain_lines(chain, uid)) for chain in spec["chains"]),
    ]
    return f"table {name} {{\n" + "\n".join(blocks) + "}\n"


def _block(title: str, lines: Iterable[str]) -> str:
    return f"  {title} {{\n" + "".join(f"    {line}\n" for line in lines) + "  }\n"


def _set_lines(one: dict[str, Any]) -> list[str]:
    lines = [f"{key} {one[key]}" for key in ("type", "typeof") if key in one]
    lines.append(f"flags {','.join(one['flags'])}")
    lines += [f"{key} {one[key]}" for key in ("size", "timeout") if key in one]
    if one.get("counter"):
        lines.append("counter")
    if one.get("elements_from"):
        lines.append(f"# elements from: {one['elements_from']}")
    if one.get("elements"):
        lines += ["elements = {", *(f"  {element}," for element in one["elements"]), "}"]
    return lines


def _map_lines(one: dict[str, Any]) -> list[str]:
    lines = [f"type {one['type']}", f"flags {','.join(one['flags'])}"]
    return [*lines, "elements = {", *(f"  {each['value']} : {each['data']}," for each in one["elements"]), "}"]


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
