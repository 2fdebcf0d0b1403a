# Copyright: (c) 2026, the tidegate developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The quota of AWS: rules of a group, in each IP version, and groups of a network interface.

A rule with the id of a group or prefix list counts in both versions, a prefix list as the entries that it may have
(Amazon VPC quotas), so a list of one's own takes as many rules as its networks would.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from ansible_collections.tidegate.nftables.plugins.plugin_utils.policy.errors import PolicyError
from ansible_collections.tidegate.nftables.plugins.plugin_utils.policy.reading import values
from ansible_collections.tidegate.nftables.plugins.plugin_utils.policy.sets import addresses
from ansible_collections.tidegate.nftables.plugins.plugin_utils.policy.sets.addresses import AddressSet
from ansible_collections.tidegate.nftables.plugins.plugin_utils.targets.model import WIDER

from .address_groups import AddressGroup, touches
from .rules import RuleKey, SecurityGroupRule


@dataclass(frozen=True)
class Quota:
    """rules: of one group, for each IP version. groups: that a unit may have."""

    rules: int
    groups: int

    @property
    def total(self) -> int:
        """Return the rules of all groups, for each IP version."""
        return self.rules * self.groups

    def __str__(self) -> str:
        return f"{self.total} ({self.groups} groups of {self.rules})" if self.groups > 1 else str(self.rules)


def fits(groups: Iterable[AddressGroup], limit: int) -> bool:
    """Return whether neither IP version needs more rules; looks at no more networks than it takes to know."""
    rules: dict[int, set[tuple[RuleKey, int, int]]] = {4: set(), 6: set()}
    for group in groups:
        for version, address, length in group.networks():
            rules[version].add((group.key, address, length))
            if len(rules[version]) > limit:
                return False
    return limit >= 0


def spread(rules: Sequence[SecurityGroupRule], quota: Quota) -> list[list[SecurityGroupRule]] | None:
    """Return the rules of each group, of as few groups as it takes; None where the quota has no room for them.

    Rules keep their order. What counts as many rules is placed first.
    """
    counts: list[Counter[int]] = [Counter() for _group in range(quota.groups)]
    placed: list[list[int]] = [[] for _group in counts]
    for number, rule in sorted(enumerate(rules), key=lambda item: -item[1].weight):
        for count, numbers in zip(counts, placed, strict=True):
            if all(count[version] + rule.weight <= quota.rules for version in rule.versions):
                count.update(dict.fromkeys(rule.versions, rule.weight))
                numbers.append(number)
                break
        else:
            return None
    return [[rules[number] for number in sorted(numbers)] for numbers in placed if numbers] or [[]]


def too_many(groups: Sequence[AddressGroup], by_id: Sequence[SecurityGroupRule], quota: Quota) -> PolicyError:
    """Return the error that names the entries with the most rules. groups: one for each key."""
    needed = Counter({4: 0, 6: 0})
    by_entry: Counter[str] = Counter()
    for rule in by_id:
        needed.update(dict.fromkeys(rule.versions, rule.weight))
        by_entry.update(dict.fromkeys(rule.entries, rule.weight))
    for group in groups:
        networks = list(group.networks())
        needed.update(version for version, _address, _length in networks)
        by_name: dict[str, list[AddressSet]] = {}
        for opening in group.openings:
            by_name.setdefault(opening.entry, []).append(opening.addresses)
        for name, several in by_name.items():
            own = addresses.union(several)
            by_entry[name] += sum(touches(own, *network) for network in networks)
    most = sorted(by_entry.items(), key=lambda item: (-item[1], item[0]))[:3]
    cause = f"needs {needed[4]} IPv4 and {needed[6]} IPv6 rules, the quota is {quota}; most are for "
    cause += ", ".join(f"{entry} ({number})" for entry, number in most)
    exact = {opening.entry for group in groups for opening in group.openings if opening.approximate != WIDER}
    wider = [entry for entry, _number in most if entry in exact]
    fix = f"write approximate: wider in {values.enumeration(wider)} (egress_approximate for all), " if wider else ""
    fix += "name groups of destinations by id in egress_aws.references, or have AWS raise the quota"
    return PolicyError("egress_aws.rules", cause, f"{fix} and set egress_aws.rules or egress_aws.groups")
