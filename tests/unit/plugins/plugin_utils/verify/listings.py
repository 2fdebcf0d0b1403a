# Copyright: (c) 2026, the tidegate developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Tables as nft lists them in JSON (libnftables-json(5)), small enough to be written by hand."""

from __future__ import annotations

from typing import Any

from ansible_collections.tidegate.nftables.plugins.plugin_utils.nft_json.model import Table
from ansible_collections.tidegate.nftables.plugins.plugin_utils.nft_json.read import read_listing

Rule = list[dict[str, Any]]
ACCEPT, DROP, RETURN = {"accept": None}, {"drop": None}, {"return": None}
COUNTER = {"counter": {"packets": 0, "bytes": 0}}
HOOK = "c"
"""The chain at the hook."""


def listing(
    rules: list[Rule],
    *,
    family: str = "inet",
    name: str = "theirs",
    hook: str = "output",
    policy: str = "accept",
    chains: dict[str, list[Rule]] | None = None,
    sets: dict[str, list[Any]] | None = None,
    maps: dict[str, list[Any]] | None = None,
    flags: Any = None,
) -> dict[str, Any]:
    """One table with one chain at a hook, those that it jumps to, and its sets and maps."""
    at = {"family": family, "table": name}
    all_chains = {HOOK: rules, **(chains or {})}
    base = {"type": "filter", "hook": hook, "prio": 0, "policy": policy}
    return {
        "nftables": [
            {"metainfo": {"json_schema_version": 1}},
            {"table": {"family": family, "name": name, **({"flags": flags} if flags else {})}},
            *({"set": {**at, "name": set_name, "elem": elements}} for set_name, elements in (sets or {}).items()),
            *({"map": {**at, "name": map_name, "elem": pairs}} for map_name, pairs in (maps or {}).items()),
            *({"chain": {**at, "name": chain, **(base if chain == HOOK else {})}} for chain in all_chains),
            *({"rule": {**at, "chain": chain, "expr": rule}} for chain, own in all_chains.items() for rule in own),
        ]
    }


def table(rules: list[Rule], **options: Any) -> Table:
    """The same, read."""
    return read_listing(listing(rules, **options))


def match(left: dict[str, Any], right: Any, op: str = "==") -> dict[str, Any]:
    """A match statement."""
    return {"match": {"op": op, "left": left, "right": right}}


def payload(protocol: str, field: str) -> dict[str, Any]:
    """A field of a header."""
    return {"payload": {"protocol": protocol, "field": field}}


def meta(key: str) -> dict[str, Any]:
    """What nf_tables knows about a packet."""
    return {"meta": {"key": key}}


def port(number: Any, op: str = "==") -> dict[str, Any]:
    """`tcp dport NUMBER`."""
    return match(payload("tcp", "dport"), number, op)


def jump(chain: str, verdict: str = "jump") -> dict[str, Any]:
    """A jump, or a goto."""
    return {verdict: {"target": chain}}
