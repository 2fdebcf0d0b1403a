# Copyright: (c) 2026, the tidegate developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Which hosts of the inventory a destination names: `hosts:PATTERN`, `group:NAME`, `tier:NAME`."""

from __future__ import annotations

from collections.abc import Sequence

from ansible_collections.tidegate.nftables.plugins.plugin_utils.policy.errors import PolicyErrors
from ansible_collections.tidegate.nftables.plugins.plugin_utils.policy.model import Destination
from ansible_collections.tidegate.nftables.plugins.plugin_utils.policy.reading import hints, values
from ansible_collections.tidegate.nftables.plugins.plugin_utils.policy.reading.context import Context

_OPTIONAL = "write optional: true if it may match no host"


def members(context: Context, destination: Destination, *, optional: bool) -> Sequence[str]:
    """Return the hosts of a destination of one of HOST_KINDS; none after an error. optional: whether it may be none."""
    if destination.kind == "group":
        return _group(context, destination, optional)
    if destination.kind == "tier":
        return _tier(context, destination, optional)
    hosts = context.inventory.hosts(destination.value)
    if not hosts and not optional:
        known = {*context.inventory.groups, *context.inventory.hosts("all")} - {destination.value}
        guess = hints.guess(destination.value, known)
        fix = f"did you mean hosts:{guess}?" if guess else f"correct the pattern, or {_OPTIONAL}"
        context.report.error(destination.place, f'"{destination.text}" matches no host', fix)
    return hosts


def _group(context: Context, destination: Destination, optional: bool) -> Sequence[str]:
    groups, name = context.inventory.groups, destination.value
    if groups.get(name) or optional:
        return groups.get(name, ())
    if name in groups:
        cause, fix = "the group has no host", f"put hosts into it, or {_OPTIONAL}"
    elif context.inventory.hosts(name):
        cause, fix = f"{values.show(name)} is not a group, but names hosts", f"write hosts:{name}"
    else:
        cause = f"the inventory has no group {values.show(name)}"
        fix = hints.did_you_mean(name, groups) or f"correct the name, or {_OPTIONAL}"
    context.report.error(destination.place, f'"{destination.text}": {cause}', fix)
    return ()


def _tier(context: Context, destination: Destination, optional: bool) -> Sequence[str]:
    """Return the hosts by their egress_tier. A role sets it within its play only, so that does not count."""
    name = destination.value
    try:
        hosts = context.inventory.tiers
    except PolicyErrors as errors:
        context.report.extend(errors=errors.errors)
        return ()
    if hosts.get(name) or optional:
        return hosts.get(name, ())
    known = {*context.tiers, *hosts}
    if name in known:
        cause = f"no host of the inventory has egress_tier: {name}"
        fix = "set egress_tier in inventory variables; roles such as egress_web set it only within their play"
    else:
        cause, fix = f"unknown tier {values.show(name)}", hints.did_you_mean(name, known, "tiers")
    context.report.error(destination.place, f'"{destination.text}": {cause}', fix)
    return ()
