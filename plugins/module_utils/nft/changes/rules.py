# Copyright: (c) 2026, the tidegate developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Add or delete a single rule of a chain that others own; carry values from a rule to its successor."""

from __future__ import annotations

import re
from typing import Sequence

from ansible_collections.tidegate.nftables.plugins.module_utils.nft.desired.spec import RuleEdit
from ansible_collections.tidegate.nftables.plugins.module_utils.nft.desired.validate import rule_comment
from ansible_collections.tidegate.nftables.plugins.module_utils.nft.errors import bad_spec
from ansible_collections.tidegate.nftables.plugins.module_utils.nft.live.model import NftRule

_COUNTER = re.compile(r'"[^"]*"|(?P<kept>\bcounter\b)(?: packets \d+ bytes \d+)?(?!\s+name\b|\s+")')
_COUNTER_VALUE = re.compile(r'"[^"]*"|\bcounter (?P<value>packets \d+ bytes \d+)')
_QUOTA = re.compile(r'"[^"]*"|(?P<kept>\bquota (?:over |until )?\d+ [a-z]*bytes)(?: used \d+ [a-z]*bytes)?')
_QUOTA_VALUE = re.compile(r'"[^"]*"|\bquota (?:over |until )?\d+ [a-z]*bytes(?P<value> used \d+ [a-z]*bytes)?')


def edited(rules: Sequence[NftRule], new: NftRule | None, edit: RuleEdit, where: str) -> tuple[NftRule, ...]:
    """Return the rules of a chain with one rule added, moved or deleted; the rules of others keep their handles."""
    indexes = [at for at, rule in enumerate(rules) if _is_it(rule, new, edit)]
    if not edit.present:
        return tuple(rule for at, rule in enumerate(rules) if at not in indexes)
    if new is None:
        raise bad_spec(where, "The option 'rule' is missing.")
    if len(indexes) > 1 and edit.comment is not None:
        raise bad_spec(
            where,
            f'{len(indexes)} rules of the chain have the comment "{edit.comment}". Fix: give them different comments.',
        )
    at = indexes[0] if indexes else None
    rest = [rule for number, rule in enumerate(rules) if number != at]
    place = _place(rest, at, edit, where)
    stays = at == place and rules[at].canon == new.canon
    rest.insert(place, rules[place] if stays else new)
    return tuple(rest)


def _is_it(rule: NftRule, new: NftRule | None, edit: RuleEdit) -> bool:
    if edit.comment is not None:
        return rule_comment(rule.canon) == edit.comment
    return new is not None and rule.canon == new.canon


def _place(rest: Sequence[NftRule], at: int | None, edit: RuleEdit, where: str) -> int:
    """Return the index of the rule in ``rest``; a rule that already stands on the right side of its anchor stays."""
    if edit.place == "first":
        return 0
    if edit.place == "last" or (not edit.place and at is None):
        return len(rest)
    if not edit.place and at is not None:
        return at
    anchors = [number for number, rule in enumerate(rest) if rule_comment(rule.canon) == edit.anchor]
    if not anchors:
        raise bad_spec(
            where, f'The chain has no rule with the comment "{edit.anchor}" to insert the rule {edit.place}.'
        )
    if edit.place == "before":
        return at if at is not None and at <= anchors[0] else anchors[0]
    return at if at is not None and at > anchors[-1] else anchors[-1] + 1


def carry(text: str, before: str) -> str:
    """Return the rule text with the counts and used quotas of the listed rule that it succeeds."""
    counted = _with(text, _COUNTER, [f" {value}" for value in _values(before, _COUNTER_VALUE)], " packets 0 bytes 0")
    return _with(counted, _QUOTA, _values(before, _QUOTA_VALUE), "")


def _values(before: str, pattern: re.Pattern[str]) -> list[str]:
    return [match["value"] or "" for match in pattern.finditer(before) if not match.group().startswith('"')]


def _with(text: str, pattern: re.Pattern[str], values: list[str], nothing: str) -> str:
    """Insert values behind the statements of a text, when there are as many of both."""
    matches = [match for match in pattern.finditer(text) if match["kept"]]
    if len(values) != len(matches) or all(value == nothing for value in values):
        return text
    remaining = iter(values)
    return pattern.sub(lambda match: match["kept"] + next(remaining) if match["kept"] else match.group(), text)
