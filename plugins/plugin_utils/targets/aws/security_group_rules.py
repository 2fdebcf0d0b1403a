# Copyright: (c) 2026, the tidegate developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Openings as rules of the security groups of a unit, within AWS's quota."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from typing import Literal

from ansible_collections.tidegate.nftables.plugins.plugin_utils.policy.errors import PolicyErrors
from ansible_collections.tidegate.nftables.plugins.plugin_utils.policy.sets import addresses
from ansible_collections.tidegate.nftables.plugins.plugin_utils.targets.model import Opening, TargetDifference, Unit

from . import approximation
from .address_groups import AddressGroup, by_entry, by_key, touches
from .group_quota import Quota, fits, spread, too_many
from .rules import RuleKey, SecurityGroupRule, keys

# Characters that a description cannot have (API reference of IpRange), and those that Terraform would interpolate.
_UNFIT = re.compile(r"[^a-zA-Z0-9 ._:/()#,@\[\]+=&;!*-]")
_DESCRIPTION_MAX = 255


def security_group_rules(unit: Unit) -> tuple[list[list[SecurityGroupRule]], tuple[TargetDifference, ...]]:
    """Return the rules of each group, in a fixed order, and their differences from the policy. Raises PolicyErrors.

    Rules are made entry by entry where one group has room for them, so that an edit changes those of one entry only.
    Else the networks of all entries with the same services are joined, then several groups are filled, and at last
    entries that may be wider are: first in services, then in networks.
    """
    quota = Quota(int(unit.settings.get("rules", 60)), int(unit.settings.get("groups", 1)))
    by_id = list(_rules_by_id(unit))

    def groups_of(networks: list[AddressGroup], allowed: Quota) -> list[list[SecurityGroupRule]] | None:
        room = allowed.total - sum(rule.weight for rule in by_id)
        return spread(_rules(networks) + by_id, allowed) if fits(networks, room) else None

    single = by_entry(unit.openings)
    joined = by_key(single)
    for networks, allowed in ((single, Quota(quota.rules, 1)), (joined, Quota(quota.rules, 1)), (joined, quota)):
        if groups := groups_of(networks, allowed):
            return groups, ()
    openings, differences = approximation.whole_services(unit.openings, unit.never)
    whole = by_key(by_entry(openings))
    if groups := groups_of(whole, quota):
        return groups, tuple(differences)
    left = quota.total - sum(rule.weight for rule in by_id)
    wide, more = approximation.join_networks(whole, left, unit.never | unit.protected)
    if groups := groups_of(wide, quota):
        return groups, (*differences, *more)
    raise PolicyErrors((too_many(wide, by_id, quota),))


def _rules_by_id(unit: Unit) -> Iterator[SecurityGroupRule]:
    """Yield rules for destinations that AWS knows by an id."""
    rules: dict[tuple[RuleKey, str], SecurityGroupRule] = {}
    for opening in unit.openings:
        for text in opening.references:
            known = unit.settings["references"][text]
            kind: Literal["group", "prefix_list"] = "group" if known["id"].startswith("sg-") else "prefix_list"
            for key in keys(opening.services):
                before = rules.get((key, known["id"]))
                entries = (*(before.entries if before else ()), opening.entry)
                rules[key, known["id"]] = SecurityGroupRule(
                    key=key,
                    kind=kind,
                    to=known["id"],
                    entries=entries,
                    description=_description(entries, opening),
                    weight=known["weight"],
                )
    yield from rules.values()


def _rules(groups: Iterable[AddressGroup]) -> list[SecurityGroupRule]:
    """Return one rule for each network; several entries share it, because AWS rejects an equal second rule."""
    rules: dict[tuple[RuleKey, str], SecurityGroupRule] = {}
    for group in groups:
        for version, address, length in group.networks():
            network = f"{addresses.to_text(version, address)}/{length}"
            before = rules.get((group.key, network))
            openings = [opening for opening in group.openings if touches(opening.addresses, version, address, length)]
            names = (opening.entry for opening in openings)
            entries = tuple(dict.fromkeys((*(before.entries if before else ()), *names)))
            text = _description(entries, openings[0]) if len(entries) == 1 else ", ".join(entries)[:_DESCRIPTION_MAX]
            rules[group.key, network] = SecurityGroupRule(
                key=group.key,
                kind="ipv4" if version == 4 else "ipv6",
                to=network,
                entries=entries,
                description=text,
            )
    return list(rules.values())


def _description(entries: Sequence[str], opening: Opening) -> str:
    """Return the names of the entries, with reason and owner of the first."""
    reason = f": {opening.reason}" if opening.reason else ""
    owner = f" ({opening.owner})" if opening.owner else ""
    return _UNFIT.sub("_", f"{', '.join(entries)}{reason}{owner}")[:_DESCRIPTION_MAX]
