# Copyright: (c) 2026, the tidegate developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Destinations whose addresses nobody knows here: domain names, and prefix lists that others fill."""

from __future__ import annotations

from ansible_collections.tidegate.nftables.plugins.module_utils import domain_names
from ansible_collections.tidegate.nftables.plugins.module_utils.domain_names import BELOW, EXACT
from ansible_collections.tidegate.nftables.plugins.plugin_utils.policy.resolved import ResolvedEntry
from ansible_collections.tidegate.nftables.plugins.plugin_utils.policy.sets import addresses
from ansible_collections.tidegate.nftables.plugins.plugin_utils.policy.sets.addresses import NOTHING
from ansible_collections.tidegate.nftables.plugins.plugin_utils.policy.sets.boxes import Box
from ansible_collections.tidegate.nftables.plugins.plugin_utils.policy.sets.services import ServiceSet
from ansible_collections.tidegate.nftables.plugins.plugin_utils.targets.box_arithmetic import subtract_boxes
from ansible_collections.tidegate.nftables.plugins.plugin_utils.targets.model import NARROWER, WIDER, Opening
from ansible_collections.tidegate.nftables.plugins.plugin_utils.targets.wording import first_few

from . import never
from .fit import Fit
from .protocols import expressed

_WAYS = "write addresses or a prefix list; send these connections through a proxy by an entry to its hosts; or "
"""The ways out where a target knows no names, before the approximation."""


def _also_below(name: str) -> list[str]:
    """Return what a pattern leaves out of a name with all below."""
    pattern = domain_names.parse(name)
    return {EXACT: [f"*.{pattern.name}"], BELOW: [pattern.name]}.get(pattern.kind, [])


def by_names(fit: Fit, entry: ResolvedEntry) -> list[Opening]:
    if not entry.names:
        return []
    names = tuple(name.name for name in entry.names)
    return _with_names(fit, entry, names, entry.by_name[0].services, where=entry.names[0].where)


def by_external_lists(fit: Fit, entry: ResolvedEntry) -> list[Opening]:
    """Return openings for lists that others fill: by their domain names, where those are known."""
    openings: list[Opening] = []
    fed = dict(entry.feeding_names)
    for grant in entry.external:
        names = fed.get(grant.part, ())
        if names and fit.can.names != "no":
            openings += _with_names(fit, entry, names, grant.services, prefix_list=grant.part)
            continue
        why = f"{fit.target} does not know the content of prefix_list:{grant.part}, which others fill"
        direction = fit.direction(entry, why)
        bound = never.without(fit, entry, Box(fit.of_families(grant.addresses), grant.services))
        fit.differ(entry, direction, why, subtract_boxes(bound, entry.grants))
        if direction == WIDER:
            openings += [
                Opening(entry=entry.name, addresses=part.addresses, services=part.services)
                for box in bound
                for part in expressed(fit, entry, box)
            ]
    return openings


def _with_names(
    fit: Fit,
    entry: ResolvedEntry,
    names: tuple[str, ...],
    requested: ServiceSet,
    *,
    where: str = "",
    prefix_list: str = "",
) -> list[Opening]:
    """Return openings by domain names. where: the place of an error. prefix_list: the list that the names fill."""
    unresolved = [Box(NOTHING, requested)]
    if fit.can.names == "no":
        why = f"{fit.target} does not know domain names ({first_few(list(names))})"
        fit.direction(entry, why, (NARROWER,), where, _WAYS)
        fit.differ(entry, NARROWER, why, unresolved, names=names)
        return []
    if fit.can.names == "below":
        more = [extra for name in names for extra in _also_below(name)]
        why = f"{fit.target} also matches {first_few(more)}"
        if more and fit.direction(entry, why, where=where) == NARROWER:
            fit.differ(entry, NARROWER, why, unresolved, names=names)
            return []
        if more:
            fit.differ(entry, WIDER, why, unresolved, names=tuple(more))
    boxes = expressed(fit, entry, Box(addresses.EVERYTHING, requested))
    return [
        Opening(entry=entry.name, addresses=NOTHING, services=box.services, names=names, prefix_list=prefix_list)
        for box in boxes
    ]
