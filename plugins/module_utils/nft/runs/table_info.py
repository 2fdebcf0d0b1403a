# Copyright: (c) 2026, the tidegate developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Return a live table as data, with the keys of nft_ruleset, handles and counters."""

from __future__ import annotations

import re
from typing import Any

from ansible_collections.tidegate.nftables.plugins.module_utils.nft import nf_tables
from ansible_collections.tidegate.nftables.plugins.module_utils.nft.changes.desired_table import OF_OWNERS
from ansible_collections.tidegate.nftables.plugins.module_utils.nft.command import Nft
from ansible_collections.tidegate.nftables.plugins.module_utils.nft.desired import tokens, validate
from ansible_collections.tidegate.nftables.plugins.module_utils.nft.desired.validate import rule_comment
from ansible_collections.tidegate.nftables.plugins.module_utils.nft.live.model import (
    NftChain,
    NftObject,
    NftSet,
    NftTable,
)
from ansible_collections.tidegate.nftables.plugins.module_utils.nft.live.reader import read_table

_COUNTER = re.compile(r'"[^"]*"|\bcounter packets (\d+) bytes (\d+)')
_LIVE = ("handle", "packets", "bytes", "used")
_PLURAL = {"counter": "counters", "quota": "quotas", "limit": "limits"}


def gather(family: str | None, name: str | None, *, elements: bool, for_ruleset: bool = False) -> dict[str, Any]:
    """Return the result of nft_info."""
    if name is None:
        names = [
            {"family": table_family, "name": live}
            for table_family, live in nf_tables.tables()
            if family in (None, table_family)
        ]
        return {"tables": names, "table": None, "nft_version": ""}
    nft = Nft()
    version = nft.version()
    live = read_table(nft, family or "inet", validate.name(name, "table"), elements=elements or for_ruleset)
    if live is None:
        return {"tables": [], "table": None, "nft_version": version}
    facts = written(live) if for_ruleset else table(live, elements=elements)
    return {"tables": [], "table": facts, "nft_version": version}


def table(value: NftTable, *, elements: bool) -> dict[str, Any]:
    """Return the facts about a table; elements: also those of sets and maps."""
    facts: dict[str, Any] = {
        "family": value.family,
        "name": value.name,
        "comment": value.comment,
        "flags": value.flags.split(",") if value.flags else [],
        "counters": [],
        "quotas": [],
        "limits": [],
        "others": [],
        "sets": [_set(item, elements=elements) for item in value.sets if item.kind == "set"],
        "maps": [_set(item, elements=elements) for item in value.sets if item.kind == "map"],
        "chains": [_chain(chain) for chain in value.chains],
    }
    for item in value.objects:
        facts[_PLURAL.get(item.kind, "others")].append(_object(item))
    return facts


def written(value: NftTable) -> dict[str, Any]:
    """Return a table as arguments of nft_ruleset: without handles, counters and elements that others add."""
    facts = table(value, elements=True)
    facts["flags"] = [flag for flag in facts["flags"] if flag not in OF_OWNERS]
    known = {named.name: named for named in value.sets}
    for set_facts in (*facts["sets"], *facts["maps"]):
        set_facts["elements"] = _permanent(known[set_facts["name"]])
    for chain in facts["chains"]:
        chain["rules"] = [rule["rule"] for rule in chain["rules"]]
    result: dict[str, Any] = _arguments(facts)
    return result


def declared(value: NftTable) -> dict[str, Any]:
    """Return a table as arguments of nft_ruleset, with every element; a set without any is one that others fill."""
    facts = table(value, elements=True)
    for set_facts in (*facts["sets"], *facts["maps"]):
        named = value.set(set_facts["name"])
        listed_elements = named.elements if named else ()
        texts = [tokens.without(element.canon, named.statements) for element in listed_elements] if named else []
        set_facts["elements"] = texts or None
    for chain in facts["chains"]:
        chain["rules"] = [rule["rule"] for rule in chain["rules"]]
    result: dict[str, Any] = _arguments(facts)
    return result


def _permanent(nft_set: NftSet) -> list[str] | None:
    """Return the elements without a timeout, None for a set that only others fill."""
    if nft_set.has("dynamic") or nft_set.timeout:
        return None
    lasting = [element for element in nft_set.elements if " timeout " not in tokens.unquoted(element.canon)]
    if nft_set.has("timeout") and not lasting:
        return None
    return [tokens.without(element.canon, nft_set.statements) for element in lasting]


def _arguments(value: Any) -> Any:
    """Leave out live values and empty ones, except the rules of a chain and the elements of a set."""
    if isinstance(value, list):
        return [_arguments(item) for item in value]
    if not isinstance(value, dict):
        return value
    return {key: _arguments(item) for key, item in value.items() if key not in _LIVE and _is_set(key, item)}


def _is_set(key: str, value: Any) -> bool:
    return value is not None and value is not False and (value != [] or key in ("elements", "rules"))


def _object(value: NftObject) -> dict[str, Any]:
    fields = _declared(value.declaration)
    facts: dict[str, Any] = {"name": value.name, "comment": fields.pop("comment", None)}
    for line in value.text:
        numbers = re.fullmatch(r"packets (\d+) bytes (\d+)", line)
        if numbers:
            facts.update(packets=int(numbers.group(1)), bytes=int(numbers.group(2)))
    declaration = [line for line in value.declaration if not line.startswith("comment ")]
    if value.kind in ("quota", "limit"):
        facts[value.kind] = " ".join(declaration)
        used = next((line.partition(" used ")[2] for line in value.text if " used " in line), None)
        facts.update({"used": used} if value.kind == "quota" else {})
    elif value.kind != "counter":
        facts.update(kind=value.kind, text="; ".join(declaration))
    return facts


def _set(value: NftSet, *, elements: bool) -> dict[str, Any]:
    fields = _declared(value.declaration)
    size = fields.get("size")
    facts: dict[str, Any] = {
        "name": value.name,
        "type": fields.get("type"),
        "typeof": fields.get("typeof"),
        "flags": fields["flags"].split(",") if "flags" in fields else [],
        "timeout": fields.get("timeout"),
        "gc_interval": fields.get("gc-interval"),
        "size": int(size) if size else None,
        "policy": fields.get("policy"),
        "auto_merge": value.has("auto-merge"),
        "counter": value.has("counter"),
        "statements": value.statements if value.statements not in ("", "counter") else None,
        "comment": fields.get("comment"),
    }
    if elements:
        facts["elements"] = [element.text for element in value.elements]
    return facts


def _declared(lines: tuple[str, ...]) -> dict[str, str]:
    pairs = (line.partition(" ") for line in lines)
    return {key: rest.strip('"') if key == "comment" else rest for key, _space, rest in pairs}


def _chain(value: NftChain) -> dict[str, Any]:
    hook = value.hook
    return {
        "name": value.name,
        "comment": value.comment,
        "type": hook.type if hook else None,
        "hook": hook.hook if hook else None,
        "priority": hook.priority if hook else None,
        "policy": hook.policy if hook else None,
        "devices": list(hook.devices) if hook else [],
        "rules": [_rule(rule.canon, rule.text, rule.handle) for rule in value.rules],
    }


def _rule(canon: str, text: str, handle: int | None) -> dict[str, Any]:
    facts: dict[str, Any] = {"rule": canon, "handle": handle, "comment": rule_comment(canon)}
    counts = next(((match.group(1), match.group(2)) for match in _COUNTER.finditer(text) if match.group(1)), None)
    if counts:
        facts.update(packets=int(counts[0]), bytes=int(counts[1]))
    return facts
