# Copyright: (c) 2026, the tidegate developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The words beside destinations, which are those that suggest would use: an address alone says little to people."""

from __future__ import annotations

from array import array
from collections.abc import Mapping

from ansible_collections.tidegate.nftables.plugins.module_utils import protocols
from ansible_collections.tidegate.nftables.plugins.plugin_utils.records.destinations import Seen
from ansible_collections.tidegate.nftables.plugins.plugin_utils.suggest.words import Candidate, Vocabulary, candidates

from .totals import Numbers, Totals

_Key = tuple[str, str, str]
"""Tier, destination, service."""


def name_destinations(totals: Totals, vocabularies: Mapping[str, Vocabulary], others: Vocabulary) -> None:
    """Put words in the place of the names that were asked for. others: the vocabulary of tiers without one."""
    by_service: dict[tuple[str, str], dict[str, set[str]]] = {}
    for (tier, destination, service, _decision), group in totals.groups.items():
        by_service.setdefault((tier, service), {}).setdefault(destination, set()).update(group.names)
    words: dict[_Key, str] = {}
    for (tier, service), asked in by_service.items():
        vocabulary = vocabularies.get(tier, others)
        several = [_seen(tier, destination, service, names) for destination, names in asked.items()]
        for candidate in candidates(several, vocabulary):
            for destination in candidate.seen.destinations:
                words.setdefault((tier, destination, service), _word(candidate, destination, asked, vocabulary))
    for (tier, destination, service, _decision), group in totals.groups.items():
        group.name = words[tier, destination, service]
    _rename(totals, words)


def _word(candidate: Candidate, destination: str, asked: Mapping[str, set[str]], vocabulary: Vocabulary) -> str:
    """Return the word of one destination, with what a wider word says less of."""
    if candidate.to == destination:
        return ""
    if candidate.kind == "group" and candidate.to.startswith("group:"):
        return f"{candidate.to} ({vocabulary.hosts[destination]})"
    if candidate.kind == "known":
        return f"{candidate.to} ({max(asked[destination], default=destination)})"
    return candidate.to


def _seen(tier: str, destination: str, service: str, names: set[str]) -> Seen:
    """Return a destination as suggest takes it, with what words are made of."""
    protocol, _slash, port = service.partition("/")
    number = protocols.number(protocol)
    return Seen(
        tier=tier,
        destinations=frozenset([destination]),
        protocol=number or 0,
        port=int(port) if port.isdigit() and number is not None else None,
        user="",
        hosts=frozenset(),
        packets=0,
        moments=frozenset(),
        answered=None,
        decisions=frozenset(),
        causes=frozenset(),
        names=frozenset(names),
    )


def _rename(totals: Totals, words: Mapping[_Key, str]) -> None:
    texts, columns = totals.texts, totals.columns
    tiers, destinations, services = (list(texts[name]) for name in ("tier", "destination", "service"))
    numbers = Numbers()
    rows = zip(columns["tier"], columns["destination"], columns["service"], strict=True)
    columns["name"] = array(
        "I", (numbers[words[tiers[tier], destinations[to], services[service]]] for tier, to, service in rows)
    )
    texts["name"] = numbers
