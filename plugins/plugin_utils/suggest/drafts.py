# Copyright: (c) 2026, the tidegate developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Drafts of entries from what a tier was refused: what is evident, what is not yet, and what is never suggested."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from ansible_collections.tidegate.nftables.plugins.plugin_utils.enforce.decisions import Ignored
from ansible_collections.tidegate.nftables.plugins.plugin_utils.entry_yaml import service_name
from ansible_collections.tidegate.nftables.plugins.plugin_utils.records.destinations import (
    Seen,
    by_destination,
    is_refused,
)

from . import rules
from .rules import Surroundings
from .words import Candidate, Vocabulary, candidates

_LONGEST_NAME = 60


@dataclass(frozen=True, kw_only=True)
class Tier:
    """What is known of a tier beside its records. hosts: how many it has in the inventory; entries: names in use."""

    name: str
    hosts: int
    vocabulary: Vocabulary
    around: Surroundings
    entries: frozenset[str] = frozenset()
    ignored: Sequence[Ignored] = ()


@dataclass(frozen=True, kw_only=True)
class Draft:
    """An entry that would allow what was refused. kind: of its destination; to, services, users: of the entry.

    users: () for everybody's, which a request to a proxy is. seen: all that it would have allowed, by service and user.
    """

    name: str
    kind: str
    to: str
    services: tuple[str, ...]
    users: tuple[str, ...]
    seen: tuple[Seen, ...]

    @property
    def entry(self) -> dict[str, Any]:
        """The entry as a policy writes it. Why it is needed, its author has to say."""
        return {
            "name": self.name,
            "to": [self.to],
            "services": list(self.services),
            **({"users": list(self.users)} if self.users else {}),
            "reason": "",
        }


@dataclass(frozen=True, kw_only=True)
class SetAside:
    """What is not suggested. why: a word of rules.LOOK_AT, or a sentence about the evidence or the decision."""

    to: str
    seen: Seen
    why: str


@dataclass(frozen=True, kw_only=True)
class Drafts:
    """drafts: of entries. waiting: without enough evidence. look_at: never suggested. ignored: people decided so."""

    drafts: tuple[Draft, ...] = ()
    waiting: tuple[SetAside, ...] = ()
    look_at: tuple[SetAside, ...] = ()
    ignored: tuple[SetAside, ...] = ()


def refused(records: Iterable[Mapping[str, Any]]) -> list[Mapping[str, Any]]:
    """Return the records of what the policy still does not allow."""
    return [record for record in records if is_refused(record)]


def drafts(records: Iterable[Mapping[str, Any]], tier: Tier) -> Drafts:
    """Return the drafts for one tier. records: its own, of the shape docs/schema/flow-1.json."""
    lines = by_destination(refused(records))
    around = Surroundings(tier.around.internal, rules.scanning(lines))
    look_at, ignored = list[SetAside](), list[SetAside]()
    alike = dict[tuple[str, str], list[Seen]]()
    for seen in lines:
        (destination,) = seen.destinations
        decision = next(
            (each for each in tier.ignored if each.covers(seen.destinations, seen.protocol, seen.port)), None
        )
        if decision is not None:
            ignored.append(SetAside(to=destination, seen=seen, why=decision.text))
        elif why := rules.look_at(seen, around):
            look_at.append(SetAside(to=destination, seen=seen, why=why))
        else:
            alike.setdefault((seen.service, seen.user), []).append(seen)
    evident: dict[str, list[Candidate]] = {}
    waiting = []
    for several in alike.values():
        for candidate in candidates(several, tier.vocabulary):
            if lacking := rules.missing(candidate.seen, tier.hosts):
                waiting.append(SetAside(to=candidate.to, seen=candidate.seen, why=lacking))
            else:
                evident.setdefault(candidate.to, []).append(candidate)
    return Drafts(
        drafts=tuple(_named(_merged(evident), tier)),
        waiting=tuple(waiting),
        look_at=tuple(look_at),
        ignored=tuple(ignored),
    )


def _merged(evident: Mapping[str, Sequence[Candidate]]) -> list[Draft]:
    """Return one draft for the services of a destination that have the same users; no user gets another's service."""
    merged = []
    for to, several in evident.items():
        users: dict[str, set[str]] = {}
        for each in several:
            users.setdefault(each.seen.service, set()).add(each.seen.user)
        services: dict[tuple[str, ...], list[str]] = {}
        for service, names in users.items():
            services.setdefault(tuple(sorted(names)), []).append(service)
        merged += [
            Draft(
                name="",
                kind=several[0].kind,
                to=to,
                services=tuple(service_name(text) for text in sorted(texts)),
                users=tuple(filter(None, names)),
                seen=tuple(each.seen for each in several if each.seen.service in texts and each.seen.user in names),
            )
            for names, texts in services.items()
        ]
    return sorted(merged, key=lambda draft: (-sum(seen.packets for seen in draft.seen), draft.to, draft.services))


def _named(several: Iterable[Draft], tier: Tier) -> Iterable[Draft]:
    """Yield the drafts with names that no entry of the tier has."""
    names = set(tier.entries)
    for draft in several:
        words = [*draft.users[:1], draft.to.removeprefix("group:").removeprefix("hosts:"), *draft.services[:1]]
        stem = re.sub(r"[^A-Za-z0-9_]+", "-", "-".join(words))[:_LONGEST_NAME].strip("-_") or "suggested"
        tried = 1
        name = stem
        while name in names:
            tried += 1
            name = f"{stem}-{tried}"
        names.add(name)
        yield Draft(**{**vars(draft), "name": name})
