# Copyright: (c) 2026, the tidegate developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What suggest found: a JSON document, text for people, files of drafts, all bound to the hashes of the policies."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from ansible_collections.tidegate.nftables.plugins.module_utils.printable import printable
from ansible_collections.tidegate.nftables.plugins.plugin_utils.enforce.tier_state import TierState
from ansible_collections.tidegate.nftables.plugins.plugin_utils.entry_yaml import list_item
from ansible_collections.tidegate.nftables.plugins.plugin_utils.errors import ControllerError
from ansible_collections.tidegate.nftables.plugins.plugin_utils.plural import count

from .drafts import Draft, Drafts, SetAside
from .proof import Proof, variable
from .rules import LOOK_AT, day

VERSION = 1
FILE = "suggest.json"
_ANSWERED = {
    True: "answered",
    False: "never answered, because it was rejected",
    None: "whether it was answered is not known",
}
_SHOWN = 10
"""Rows of one kind that the text has; the document has all."""


class DocumentError(ControllerError):
    """A document that suggest did not write."""

    reason = "bad_document"


class StaleSuggestion(ControllerError):
    """Suggestions for policies that have changed since."""

    reason = "stale_suggestion"


@dataclass(frozen=True, kw_only=True)
class Suggestion:
    """A draft with its proof. hosts: of the tier, which all get it; sent: those that were refused."""

    draft: Draft
    proof: Proof
    hosts: int

    def row(self) -> dict[str, Any]:
        """Return it as plain values."""
        seen = self.draft.seen
        sent = {host for each in seen for host in each.hosts}
        return {
            **self.draft.entry,
            "users": list(self.draft.users),
            "kind": self.draft.kind,
            "hosts": self.hosts,
            "sent": len(sent),
            "packets": sum(each.packets for each in seen),
            "first": min(each.first for each in seen),
            "last": max(each.last for each in seen),
            "decisions": sorted({decision for each in seen for decision in each.decisions}),
            "destinations": len({destination for each in seen for destination in each.destinations}),
            "proof": asdict(self.proof),
        }


def tier_row(
    state: TierState,
    policies: Mapping[str, str],
    suggestions: Sequence[Suggestion],
    drafts: Drafts,
    new: Iterable[int],
) -> dict[str, Any]:
    """Return one tier of the document. policies: the hash of each host's; new: when each destination was."""
    return {
        "tier": state.tier,
        "state": asdict(state),
        "policies": dict(policies),
        "new": _by_day(new),
        "suggestions": [suggestion.row() for suggestion in suggestions],
        "waiting": [_aside(each) for each in drafts.waiting],
        "look_at": [_aside(each) for each in drafts.look_at],
        "ignored": [_aside(each) for each in drafts.ignored],
    }


def _by_day(firsts: Iterable[int]) -> dict[str, int]:
    """Return how many destinations were new on each day."""
    days: dict[str, int] = {}
    for moment in sorted(firsts):
        days[day(moment)] = days.get(day(moment), 0) + 1
    return days


def text(tiers: Sequence[Mapping[str, Any]], silent: Mapping[str, str]) -> Iterator[str]:
    """Yield the lines for people. silent: hosts without data, and why."""
    for tier in tiers:
        yield tier["state"]["sentence"]
        for row in tier["suggestions"]:
            yield from _suggestion(row)
        yield from _asides(tier["waiting"], "not enough evidence yet", lambda row: row["why"])
        yield from _asides(tier["look_at"], "look at this", lambda row: LOOK_AT[row["why"]][0])
        yield from _asides(tier["ignored"], "ignored", lambda row: row["why"])
        new = ", ".join(f"{number} on {when}" for when, number in [*tier["new"].items()][-7:])
        yield f"  new destinations: {new or 'none'}"
        yield from (f"  narrow {row['name']} ({row['where']}): {row['text']}" for row in tier.get("narrow", ()))
    yield from (f"{host}: no data: {why}" for host, why in silent.items())


def files(tiers: Sequence[Mapping[str, Any]], made: str, names: Sequence[str] = ()) -> dict[str, str]:
    """Return the files with drafts, by name. made: the day. names: of the drafts; all that are accepted by default."""
    written = {}
    for tier in tiers:
        rows = [row for row in tier["suggestions"] if row["proof"]["accepted"] and (not names or row["name"] in names)]
        if rows:
            hashes = ", ".join(sorted(set(tier["policies"].values())))
            lines = [
                "---",
                f"# Drafts for tier {tier['tier']}, made {made} for the policy {hashes}.",
                "# Review each and say why in its reason; those in group_vars count from the next run on.",
                f"{variable(tier['tier'])}:",
            ]
            for row in rows:
                lines += [f"  # {printable(line)}" for line in _facts(row)]
                lines += list_item(_entry(row))
            written[f"{variable(tier['tier'])}.yml"] = "\n".join(lines) + "\n"
    return written


def dump(tiers: Sequence[Mapping[str, Any]], silent: Mapping[str, str], made: str) -> str:
    """Return the document."""
    return json.dumps({"version": VERSION, "made": made, "tiers": tiers, "no_data": silent}, indent=1) + "\n"


def load(path: Path) -> dict[str, Any]:
    """Return a document. Raise DocumentError."""
    fix = f"Fix: name a {FILE} that the playbook suggest wrote."
    try:
        document: Any = json.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise DocumentError(f"{path} cannot be read: {error.strerror}. {fix}") from error
    except (ValueError, RecursionError) as error:
        raise DocumentError(f"{path} is not JSON: {error}. {fix}") from error
    if not isinstance(document, dict) or document.get("version") != VERSION:
        raise DocumentError(f"{path} is no document of version {VERSION}. {fix}")
    try:
        for tier in document["tiers"]:
            str(tier["tier"]) + str(sorted(tier["policies"].items()))
            for row in tier["suggestions"]:
                _facts(row), _entry(row), bool(row["proof"]["accepted"])
    except (KeyError, TypeError, AttributeError, ValueError) as error:
        raise DocumentError(f"{path} is damaged: {error!r}. {fix}") from error
    return document


def check_fresh(document: Mapping[str, Any], policies: Mapping[str, str]) -> None:
    """Raise StaleSuggestion unless each tier has the very policies that its drafts were proven for."""
    for tier in document["tiers"]:
        for host, made_for in sorted(tier["policies"].items()):
            now = policies.get(host, "none")
            if now != made_for:
                raise StaleSuggestion(
                    f"The drafts for tier {tier['tier']} were proven for another policy: {host} had {made_for} and "
                    f"has {now}. Nothing was written. Fix: run the playbook suggest again and review what it finds now."
                )


def _entry(row: Mapping[str, Any]) -> dict[str, Any]:
    entry = {name: row[name] for name in ("name", "to", "services", "users", "reason")}
    return {name: value for name, value in entry.items() if name != "users" or value}


def _facts(row: Mapping[str, Any]) -> Iterator[str]:
    proof = row["proof"]
    many = row["destinations"]
    addresses = f", {count(many, 'address', 'addresses')}" if many > 1 else ""
    yield (
        f"{count(row['packets'], 'packet')} of {row['sent']} of {count(row['hosts'], 'host')}{addresses}, "
        f"{day(row['first'])} to {day(row['last'])}, {' and '.join(row['decisions']).replace('_', ' ')}"
    )
    yield from (f"{sentence}, on {count(row['hosts'], 'host')}" for sentence in proof["opens"])
    yield proof["verdict"]
    if proof["nearest"]:
        yield f"nearest: {', '.join(proof['nearest'])}"
    yield _ANSWERED[proof["answered"]]


def _suggestion(row: Mapping[str, Any]) -> Iterator[str]:
    accepted = "" if row["proof"]["accepted"] else " (not accepted by the policy)"
    yield f"  suggested{accepted}:"
    yield from (f"  {line}" for line in list_item(_entry(row)))
    yield from (f"      # {fact}" for fact in _facts(row))


def _asides(rows: Sequence[Mapping[str, Any]], title: str, why: Any) -> Iterator[str]:
    if rows:
        yield f"  {title}:"
    for row in rows[:_SHOWN]:
        yield f"    {row['to']} {row['service']} by {row['user'] or 'no user'}: {why(row)}"
    if len(rows) > _SHOWN:
        yield f"    and {len(rows) - _SHOWN} more in {FILE}"


def _aside(each: SetAside) -> dict[str, Any]:
    seen = each.seen
    return {
        "to": each.to,
        "service": seen.service,
        "user": seen.user,
        "hosts": len(seen.hosts),
        "packets": seen.packets,
        "first": seen.first,
        "last": seen.last,
        "why": each.why,
    }
