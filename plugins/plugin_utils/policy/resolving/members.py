# Copyright: (c) 2026, the tidegate developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Which hosts of the inventory a destination names: by a pattern, by a group, or by their tier."""

from __future__ import annotations

from collections.abc import Sequence

from ansible_collections.tidegate.nftables.plugins.plugin_utils.policy.errors import PolicyErrors
from ansible_collections.tidegate.nftables.plugins.plugin_utils.policy.model import Destination
from ansible_collections.tidegate.nftables.plugins.plugin_utils.policy.reading import hints, values
from ansible_collections.tidegate.nftables.plugins.plugin_utils.policy.reading.context import Context

_OPTIONAL = "write optional: true if it may match nothing"


def members(context: Context, destination: Destination, *, optional: bool) -> Sequence[str]:
    """The hosts of a destination of one of HOST_KINDS; none after an error. optional: may there be none?"""
    if destination.kind == "group":
        return _group(context, destination, optional)
    if destination.kind == "tier":
        return _tier(context, destination, optional)
    found = context.inventory.hosts(destination.value)
    if not found and not optional:
        fix = f"mend the pattern, or {_OPTIONAL}"
        context.report.error(destination.place, f'"{destination.text}" matches no host', fix)
    return found


def _group(context: Context, destination: Destination, optional: bool) -> Sequence[str]:
    known, name = context.inventory.groups, destination.value
    if known.get(name) or optional:
        return known.get(name, ())
    if name in known:
        cause, fix = "the group has no host", f"put hosts into it, or {_OPTIONAL}"
    elif context.inventory.hosts(name):
        cause, fix = f"{values.show(name)} is no group, but names hosts", f"write hosts:{name}"
    else:
        cause = f"the inventory has no group {values.show(name)}"
        fix = hints.did_you_mean(name, known) or f"mend the name, or {_OPTIONAL}"
    context.report.error(destination.place, f'"{destination.text}": {cause}', fix)
    return ()


def _tier(context: Context, destination: Destination, optional: bool) -> Sequence[str]:
    """The hosts by their egress_tier. What a thin role sets is known in its play alone, so it does not count."""
    name = destination.value
    try:
        found = context.inventory.tiers
    except PolicyErrors as errors:
        context.report.extend(errors=errors.errors)
        return ()
    if found.get(name) or optional:
        return found.get(name, ())
    known = {*context.tiers, *found}
    if name in known:
        cause = f"no host of the inventory has egress_tier: {name}"
        fix = "set egress_tier in the variables of its hosts; what a thin role sets is not seen from other hosts"
    else:
        cause, fix = f"unknown tier {values.show(name)}", hints.did_you_mean(name, known, "tiers")
    context.report.error(destination.place, f'"{destination.text}": {cause}', fix)
    return ()
