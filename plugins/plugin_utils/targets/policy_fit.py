# Copyright: (c) 2026, the tidegate developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Fits a policy to a target: exact where the target can render it, else approximate as the user allows.

What a target cannot render is an error that names entry and target. A part that narrows to nothing never becomes an
unlimited opening: an opening always has destinations and services.
"""

from __future__ import annotations

from dataclasses import replace

from ansible_collections.tidegate.nftables.plugins.plugin_utils.policy.errors import PolicyErrors
from ansible_collections.tidegate.nftables.plugins.plugin_utils.policy.proving.floor import servers
from ansible_collections.tidegate.nftables.plugins.plugin_utils.policy.reading import words
from ansible_collections.tidegate.nftables.plugins.plugin_utils.policy.resolved import ResolvedEntry
from ansible_collections.tidegate.nftables.plugins.plugin_utils.policy.sets import addresses
from ansible_collections.tidegate.nftables.plugins.plugin_utils.policy.sets.boxes import Box

from .fitting import never
from .fitting.fit import Fit
from .fitting.names import by_external_lists, by_names
from .fitting.protocols import expressed
from .model import NARROWER, WIDER, FittedPolicy, Opening


def fitted(fit: Fit) -> FittedPolicy:
    """Return the fitted policy. Raises PolicyErrors with everything that the target cannot render."""
    openings = _floor(fit)
    for entry in fit.resolved.all_entries():
        openings += _entry(fit, entry)
    closings = never.closings(fit) if any(opening.names for opening in openings) else ()
    if fit.errors:
        raise PolicyErrors(tuple(dict.fromkeys(fit.errors)))
    return FittedPolicy(
        openings=tuple(openings),
        closings=closings,
        differences=tuple(fit.differences),
        notices=tuple(fit.notices),
        never=addresses.union(element.addresses for element in fit.resolved.never),
        protected=fit.resolved.internal | words.never_public(),
    )


def _floor(fit: Fit) -> list[Opening]:
    """Return openings to the named servers, which egress_never does not close."""
    openings = [
        Opening(entry=part.variable, addresses=destinations, services=part.services)
        for part in servers(fit.resolved)
        if part.part in fit.can.floor and (destinations := fit.of_families(part.addresses))
    ]
    if fit.resolved.host_dns and "dns" in fit.resolved.floor and "dns" in fit.can.floor:
        fit.notices.append(
            "egress_dns_servers: only the host knows the servers that auto stands for, so they are not opened here."
            " Fix: name the servers"
        )
    return openings


def _entry(fit: Fit, entry: ResolvedEntry) -> list[Opening]:
    boxes = _in_families(fit, entry, [Box(grant.addresses, grant.services) for grant in entry.grants])
    boxes = [part for box in boxes for part in never.without(fit, entry, box)]
    boxes = [part for box in boxes for part in expressed(fit, entry, box)]
    openings = _by_reference(fit, entry, boxes) + by_names(fit, entry) + by_external_lists(fit, entry)
    approximate = entry.approximate or fit.default
    return [
        replace(opening, reason=entry.reason, owner=entry.owner, approximate=approximate)
        for opening in _for_everybody(fit, entry, openings)
    ]


def _in_families(fit: Fit, entry: ResolvedEntry, boxes: list[Box]) -> list[Box]:
    """Return the boxes in the IP versions of the target."""
    rest = [box for each in boxes if (box := Box(fit.of_families(each.addresses), each.services))]
    if boxes and not rest:
        why = f"{fit.target} has {' and '.join(f'IPv{version}' for version in fit.families)} only"
        fit.direction(entry, why, (NARROWER,))
        fit.differ(entry, NARROWER, why, boxes)
    return rest


def _by_reference(fit: Fit, entry: ResolvedEntry, boxes: list[Box]) -> list[Opening]:
    """Return openings in which fully open destinations go by the target's names, the others by address."""
    known = [each for each in entry.destinations if each.text in fit.references and each.whole]
    others = addresses.union(each.addresses for each in entry.destinations if each not in known)
    openings = []
    for box in boxes:
        # A name of the target stands for the whole destination, so nothing of it may have been subtracted.
        named = [each for each in known if each.addresses and fit.of_families(each.addresses) <= box.addresses]
        by_name = addresses.union(each.addresses for each in named)
        openings.append(
            Opening(
                entry=entry.name,
                addresses=box.addresses - (by_name - others) if named else box.addresses,
                services=box.services,
                references=tuple(sorted(each.text for each in named)),
            )
        )
    return openings


def _for_everybody(fit: Fit, entry: ResolvedEntry, openings: list[Opening]) -> list[Opening]:
    """Return openings that hold for everybody; an entry for some sockets or for containers needs an approximation."""
    boxes = [Box(opening.addresses, opening.services) for opening in openings]
    names = tuple(sorted({name for opening in openings for name in opening.names}))
    users = None
    if (entry.users is not None and not fit.can.user) or (entry.units is not None and not fit.can.unit):
        why = f"{fit.target} cannot distinguish the sockets of {entry.sockets} from others"
        users = entry.users if entry.units is None else (str(entry.sockets),)
    elif "host" not in entry.for_ and not fit.can.containers:
        why = f"{fit.target} cannot distinguish containers from their host"
    else:
        return openings
    direction = fit.direction(entry, why)
    fit.differ(entry, direction, why, boxes, names=names, users=users if direction == NARROWER else None)
    return openings if direction == WIDER else []
