# Copyright: (c) 2026, the tidegate developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What is printed about the proofs of many hosts, and the sentence that fails the run."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from .cells import Cell
from .matrix import Block, legend, matrix

MOST = 10
"""Differences that are written out; the rest are counted."""


@dataclass(frozen=True)
class Report:
    """Lines for people, and one sentence when something is not as the policies say (None when all is)."""

    lines: list[str]
    complaint: str | None


def report(proofs: Mapping[str, Mapping[str, Any]]) -> Report:
    """Say what each host reached. ``proofs``: host name to what egress_prove returned there."""
    blocks = [_block(host, proof) for host, proof in proofs.items()]
    differences = [f"{host}: {text}" for host, proof in proofs.items() for text in proof["differences"]]
    complaints = [f"{host}: {text}" for host, proof in proofs.items() for text in proof["complaints"]]
    if not sum(proof["flows"] for proof in proofs.values()):
        return Report([], "No packet was tried, so nothing is proven.")
    lines = ["", *matrix(blocks), "", *legend(blocks), "", *_counts(proofs)]
    wrong = [*differences, *complaints]
    lines += [f"  {text}" for text in wrong[:MOST]]
    if len(wrong) > MOST:
        lines.append(f"  and {len(wrong) - MOST} more")
    return Report([*lines, ""], _complaint(proofs, differences, complaints))


def _block(host: str, proof: Mapping[str, Any]) -> Block:
    return Block(f"{host} ({proof['tier'] or 'no tier'})", tuple(_cell(cell) for cell in proof["cells"]))


def _cell(given: Mapping[str, Any]) -> Cell:
    variants = tuple((str(family), str(user)) for family, user in given["variants"])
    return Cell(given["destination"], given["service"], variants, given["expected"], given["measured"])


def _counts(proofs: Mapping[str, Mapping[str, Any]]) -> list[str]:
    def total(name: str) -> int:
        return sum(proof[name] for proof in proofs.values())

    modes = ", ".join(sorted({str(proof["mode"]) for proof in proofs.values()}))
    flows, allowed, answered, refused = map(total, ("flows", "allowed", "answered", "refused"))
    wrong = sum(len(proof["differences"]) for proof in proofs.values())
    lines = [
        f"mode {modes}: {flows} flows tried with real packets",
        f"  expected by the policy: {allowed} answered, {flows - allowed} refused",
        f"  found:                  {answered} answered, {refused} refused, {flows - answered - refused} neither",
        f"  different: {wrong}",
    ]
    if total("would_be_refused"):
        lines.append(f"  answered in this mode, refused in the mode enforce: {total('would_be_refused')}")
    if total("tests"):
        untrue = sum(len(proof["complaints"]) for proof in proofs.values())
        lines.append(f"  hand-written tests (egress_tests_*): {total('tests')}, of which {untrue} do not hold")
    return lines


def _complaint(proofs: Mapping[str, Mapping[str, Any]], differences: list[str], complaints: list[str]) -> str | None:
    parts = []
    if differences:
        flows = sum(proof["flows"] for proof in proofs.values())
        parts.append(f"{len(differences)} of {flows} flows differ from the policy, first {differences[0]}.")
    if complaints:
        parts.append(f"{len(complaints)} of the hand-written tests do not hold, first {complaints[0]}.")
    return " ".join(parts) or None
