# Copyright: (c) 2026, the tidegate developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A table as data, in the words of a table spec, with what only a live table has: handles and counts."""

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
    """Return what nft_info returns."""
    if name is None:
        names = [{"family": there, "name": found} for there, found in nf_tables.tables() if family in (None, there)]
        return {"tables": names, "table": None, "nft_version": ""}
    nft = Nft()
    version = nft.version()
    found = read_table(nft, family or "inet", validate.name(name, "table"), elements=elements or for_ruleset)
    if found is None:
        return {"tables": [], "table": None, "nft_version": version}
    facts = written(found) if for_ruleset else table(found, elements=elements)
    return {"tables": [], "table": facts, "nft_version": version}


def table(value: NftTable, *, elements: bool) -> dict[str, Any]:
    """Return a table's facts; elements: also those of sets and maps."""
    found: dict[str, Any] = {
        "family": value.family,
        "name": value.name,
        "comment": value.comment,
        "flags": value.flags.split(",") if value.flags else [],
        "counters": [],
        "quotas": [],
        "limits": [],
        "others": [],
        "sets": [_set(thing, elements=elements) for thing in value.sets if thing.kind == "set"],
        "maps": [_set(thing, elements=elements) for thing in value.sets if thing.kind == "map"],
        "chains": [_chain(chain) for chain in value.chains],
    }
    for thing in value.objects:
        found[_PLURAL.get(thing.kind, "others")].append(_object(thing))
    return found


def written(value: NftTable) -> dict[str, Any]:
    """Return a table as nft_ruleset takes it: no handles, no counts, no elements of sets that others fill."""
    found = table(value, elements=True)
    found["flags"] = [flag for flag in found["flags"] if flag not in OF_OWNERS]
    known = {named.name: named for named in value.sets}
    for facts in (*found["sets"], *found["maps"]):
        facts["elements"] = _lasting(known[facts["name"]])
    for chain in found["chains"]:
        chain["rules"] = [rule["rule"] for rule in chain["rules"]]
    stated: dict[str, Any] = _stated(found)
    return stated


def _lasting(named: NftSet) -> list[str] | None:
    """Return the elements that somebody wrote down, None where only others fill the set."""
    if named.has("dynamic") or any(line.startswith("timeout ") for line in named.declaration):
        return None
    lasting = [element for element in named.elements if " timeout " not in tokens.unquoted(element.canon)]
    if named.has("timeout") and not lasting:
        return None
    return [tokens.without(element.canon, named.statements) for element in lasting]


def _stated(value: Any) -> Any:
    """Leave out what is live, and what says nothing; a chain without rules and a set without elements say something."""
    if isinstance(value, list):
        return [_stated(item) for item in value]
    if not isinstance(value, dict):
        return value
    return {key: _stated(found) for key, found in value.items() if key not in _LIVE and _says(key, found)}


def _says(key: str, found: Any) -> bool:
    return found is not None and found is not False and (found != [] or key in ("elements", "rules"))


def _object(value: NftObject) -> dict[str, Any]:
    fields = _declared(value.declaration)
    facts: dict[str, Any] = {"name": value.name, "comment": fields.pop("comment", None)}
    for line in value.text:
        numbers = re.fullmatch(r"packets (\d+) bytes (\d+)", line)
        if numbers:
            facts.update(packets=int(numbers.group(1)), bytes=int(numbers.group(2)))
    said = [line for line in value.declaration if not line.startswith("comment ")]
    if value.kind in ("quota", "limit"):
        facts[value.kind] = " ".join(said)
        used = next((line.partition(" used ")[2] for line in value.text if " used " in line), None)
        facts.update({"used": used} if value.kind == "quota" else {})
    elif value.kind != "counter":
        facts.update(kind=value.kind, text="; ".join(said))
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
    counts = next(((found.group(1), found.group(2)) for found in _COUNTER.finditer(text) if found.group(1)), None)
    if counts:
        facts.update(packets=int(counts[0]), bytes=int(counts[1]))
    return facts
