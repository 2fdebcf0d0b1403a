# Copyright: (c) 2026, the tidegate developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Protocols and ports that a target can express, and what takes the place of the others."""

from __future__ import annotations

from ansible_collections.tidegate.nftables.plugins.plugin_utils.policy.resolved import ResolvedEntry
from ansible_collections.tidegate.nftables.plugins.plugin_utils.policy.sets import services
from ansible_collections.tidegate.nftables.plugins.plugin_utils.policy.sets.boxes import Box
from ansible_collections.tidegate.nftables.plugins.plugin_utils.policy.sets.services import ServiceSet
from ansible_collections.tidegate.nftables.plugins.plugin_utils.targets.box_arithmetic import (
    carried_services,
    subtract_boxes,
    whole_protocols,
)
from ansible_collections.tidegate.nftables.plugins.plugin_utils.targets.model import NARROWER, WIDER
from ansible_collections.tidegate.nftables.plugins.plugin_utils.targets.wording import first_few, service_words

from . import never
from .fit import Fit


def expressed(fit: Fit, entry: ResolvedEntry, box: Box) -> list[Box]:
    """Return the box in protocols and ports of the target, exact or approximate."""
    if box.services == services.ANY and fit.can.any:
        return [box]
    exact, rest = _split(fit, box.services)
    exact_boxes = [Box(box.addresses, exact)] if exact else []
    rest = carried_services(rest, box.addresses)
    if not rest:
        return exact_boxes
    why = f"{fit.target} cannot express {first_few(service_words(rest))}"
    direction = fit.direction(entry, why, (WIDER, NARROWER) if fit.can.widens else (NARROWER,))
    if direction != WIDER:
        fit.differ(entry, direction, why, [Box(box.addresses, rest)])
        return exact_boxes
    wide = services.ANY if fit.can.widens == "any" else exact | whole_protocols(rest)
    more = Box(box.addresses, wide - box.services)
    closed = never.closed_in(fit, more)
    if closed:
        why = f"{why} without opening {closed.first()}, which egress_never closes"
        fit.direction(entry, why, (NARROWER,))
        return exact_boxes
    # `internal` opens no DNS, an address beside it does: flows that the entry opens anyway are no difference.
    fit.differ(entry, WIDER, why, subtract_boxes([more], entry.grants))
    return [Box(box.addresses, wide)]


def _split(fit: Fit, requested: ServiceSet) -> tuple[ServiceSet, ServiceSet]:
    """Return (services that the target can express, the others)."""
    exact = rest = services.NONE
    for number, ports in requested.protocols().items():
        part = ServiceSet(
            tuple((number * services.PORTS + first, number * services.PORTS + last) for first, last in ports)
        )
        known = fit.can.protocols if ports == services.WHOLE else fit.can.ported
        exact, rest = (exact | part, rest) if number in known else (exact, rest | part)
    return exact, rest
