# Copyright: (c) 2026, the tidegate developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The printed report on the proofs of many hosts, and the sentence that fails the run."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from ansible_collections.tidegate.nftables.plugins.plugin_utils.plural import count, noun

from .cells import MatrixCell
from .matrix import HostBlock, legend, matrix

MOST = 10
"""Differences and failed tests that are written out; the rest are counted."""


@dataclass(frozen=True)
class ProofReport:
    """Lines for people, and a sentence when a packet or test contradicts a policy, else None."""

    lines: list[str]
    complaint: str | None


def report(proofs: Mapping[str, Mapping[str, Any]]) -> ProofReport:
    """Return the report. proofs: the results of egress_prove by host name."""
    blocks = [_block(host, proof) for host, proof in proofs.items()]
    differences = [f"{host}: {text}" for host, proof in proofs.items() for text in proof["differences"]]
    complaints = [f"{host}: {text}" for host, proof in proofs.items() for text in proof["complaints"]]
    if not sum(proof["flows"] for proof in proofs.values()):
        return ProofReport([], "No packet was sent, so nothing is proven.")
    lines = ["", *matrix(blocks), "", *legend(blocks), "", *_counts(proofs)]
    wrong = [*differences, *complaints]
    lines += [f"  {text}" for text in wrong[:MOST]]
    if len(wrong) > MOST:
        lines.append(f"  and {len(wrong) - MOST} more")
    return ProofReport([*lines, ""], _complaint(proofs, differences, complaints))


def _block(host: str, proof: Mapping[str, Any]) -> HostBlock:
    return HostBlock(f"{host} ({proof['tier'] or 'no tier'})", tuple(_cell(cell) for cell in proof["cells"]))


def _cell(data: Mapping[str, Any]) -> MatrixCell:
    variants = tuple((str(family), str(user)) for family, user in data["variants"])
    return MatrixCell(data["destination"], data["service"], variants, data["expected"], data["measured"])


def _counts(proofs: Mapping[str, Mapping[str, Any]]) -> list[str]:
    def total(name: str) -> int:
        return sum(proof[name] for proof in proofs.values())

    modes = ", ".join(sorted({str(proof["mode"]) for proof in proofs.values()}))
    flows, allowed, answered, refused = map(total, ("flows", "allowed", "answered", "refused"))
    wrong = sum(len(proof["differences"]) for proof in proofs.values())
    lines = [
        f"mode {modes}: {count(flows, 'flow')} tried with real packets",
        f"  expected by the policy: {allowed} answered, {flows - allowed} refused",
        f"  measured:               {answered} answered, {refused} refused, {flows - answered - refused} neither",
        f"  different: {wrong}",
    ]
    if total("would_be_refused"):
        lines.append(f"  answered in this mode, rejected in mode enforce: {total('would_be_refused')}")
    if total("tests"):
        failing = sum(len(proof["complaints"]) for proof in proofs.values())
        lines.append(f"  policy tests (egress_tests_*): {total('tests')}, of which {failing} failed")
    return lines


def _complaint(proofs: Mapping[str, Mapping[str, Any]], differences: list[str], complaints: list[str]) -> str | None:
    parts = []
    if differences:
        flows = count(sum(proof["flows"] for proof in proofs.values()), "flow")
        differ = noun(len(differences), "differs", "differ")
        parts.append(f"{len(differences)} of {flows} {differ} from the policy, the first: {differences[0]}.")
    if complaints:
        parts.append(f"{count(len(complaints), 'policy test')} failed, the first: {complaints[0]}.")
    return " ".join(parts) or None
