# Copyright: (c) 2026, the tidegate developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Which rule decides about a connection from this host or to it, and which entries nearly allow it."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, Sequence

from ansible_collections.tidegate.nftables.plugins.module_utils.table_names import ALLOWED_CHAIN, OBSERVED_CHAIN

from . import evaluate
from .denied_ledger import user_name
from .evaluate import CannotJudge, Json, JsonTable, Packet

_DEPTH = 16
"""Chains that may call each other; the kernel's own limit (NFT_JUMP_STACK_SIZE)."""

_NAMES = {"dport": "port", "skuid": "user", "unit": "unit", "l4proto": "protocol"}
"""What a connection may differ in from one that an entry allows, in words."""

_SILENT = ("counter", "log", "limit", "quota", "set", "last", "mangle", "ct count", "xt")
"""Statements without a verdict; a limit or quota counts as not used up."""


@dataclass
class Explanation:
    """The verdict on a connection.

    verdict: accept, drop or reject; chain, rule: where it was decided, rule "" for a rule without a comment and for a
    chain's policy; doubts: rules that could not be evaluated and were skipped; nearly: entries that allow the
    connection except for one field; through: comments of the rules that led to where it was decided.
    """

    verdict: str
    chain: str
    rule: str = ""
    doubts: list[str] = field(default_factory=list)
    nearly: list[str] = field(default_factory=list)
    through: list[str] = field(default_factory=list)

    @property
    def only_observed(self) -> bool:
        """Whether the connection is accepted only because the host is in mode observe."""
        return self.verdict == "accept" and self.chain == OBSERVED_CHAIN


def why(objects: Sequence[Json], packet: Packet) -> Explanation:
    """Return the verdict of a table on a packet; without a chain at its hook it is accept."""
    table = evaluate.read(objects)
    hook = "input" if packet.incoming else "output"
    answer = Explanation("accept", "")
    for chain in table.base:
        if chain["hook"] != hook or chain["type"] != "filter":
            continue
        verdict = _walk(table, packet, chain["name"], answer, 0)
        if verdict in ("", "return"):
            answer.chain, answer.rule, verdict = chain["name"], "", chain.get("policy", "accept")
        answer.verdict = verdict
        if verdict != "accept":
            break
    if answer.verdict != "accept" or answer.only_observed:
        answer.nearly = _nearly(table, packet)
    return answer


def _walk(table: JsonTable, packet: Packet, chain: str, answer: Explanation, depth: int) -> str:
    """Return the verdict of a chain: accept, drop, reject, or "" for none."""
    if depth > _DEPTH:
        raise CannotJudge("chains that call each other endlessly")
    for rule in table.chains.get(chain, []):
        try:
            verdict, target = _rule(table, packet, rule)
        except CannotJudge as doubt:
            answer.doubts.append(f"{chain}: {rule.get('comment', 'a rule')} ({doubt})")
            continue
        if verdict in ("jump", "goto"):
            answer.through.append(rule.get("comment", ""))
            inner = _walk(table, packet, target, answer, depth + 1)
            if inner or verdict == "goto":
                return inner
            answer.through.pop()
        elif verdict == "return":
            return ""
        elif verdict:
            answer.chain, answer.rule = chain, rule.get("comment", "")
            return verdict
    return ""


def _rule(table: JsonTable, packet: Packet, rule: Json) -> tuple[str, str]:
    """Return a rule's verdict and, for jump and goto, the chain; "" when it does not match or has no verdict."""
    for statement in rule["expr"]:
        kind, what = next(iter(statement.items()))
        if kind == "match":
            if not evaluate.matches(table, packet, what):
                break
        elif kind in ("accept", "drop", "reject", "return"):
            return kind, ""
        elif kind in ("jump", "goto"):
            # What an entry allows is accepted there, and this rule has the entry's name.
            return ("accept", "") if what["target"] == ALLOWED_CHAIN else (kind, what["target"])
        elif kind not in _SILENT:
            raise CannotJudge(kind)
    return "", ""


def _nearly(table: JsonTable, packet: Packet) -> list[str]:
    """Return the entries that would allow the connection except for its port, protocol or user."""
    entries: list[str] = []
    for rules in table.chains.values():
        for rule in rules:
            if "comment" not in rule or not any(map(_accepts, rule["expr"])):
                continue
            matches = [statement["match"] for statement in rule["expr"] if "match" in statement]
            try:
                failed = [match for match in matches if not evaluate.matches(table, packet, match)]
            except CannotJudge:
                continue
            addressed = any(_field(match) == "daddr" for match in matches)
            if addressed and failed and all(_field(match) in _NAMES for match in failed):
                entries.append(f"{rule['comment']}, for {' and '.join(_shown(packet, match) for match in failed)}")
    return list(dict.fromkeys(entries))


def _accepts(statement: Json) -> bool:
    return "accept" in statement or statement.get("goto") == {"target": ALLOWED_CHAIN}


def _field(match: Json) -> str:
    left = match["left"]
    if not isinstance(left, dict):
        return ""
    if evaluate.is_of_units(match):
        return "unit"
    return str(left.get("payload", {}).get("field") or left.get("meta", {}).get("key") or "")


def _shown(packet: Packet, match: Json) -> str:
    """Return a match in words: "tcp port 443 or 8443"."""
    right = match["right"]
    several: Sequence[Any] = right["set"] if isinstance(right, dict) and "set" in right else [right]
    values = [
        f"{value['range'][0]}-{value['range'][1]}" if isinstance(value, dict) and "range" in value else str(value)
        for value in several
    ]
    if _field(match) == "unit":
        values = list(packet.unit_sets.get(right[1:], [right]))
    if _field(match) == "skuid":
        values = [user_name(int(value)) if value.isdigit() else value for value in values]
    name = _NAMES[_field(match)]
    protocol = match["left"].get("payload", {}).get("protocol", "") if name == "port" else ""
    return f"{protocol} {name} {' or '.join(values)}".strip().replace("th port", "port")
