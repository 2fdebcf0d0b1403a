# Copyright: (c) 2026, the tidegate developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""prefix_list:NAME as a destination: what others maintain opens no more than they may be trusted with."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from ansible_collections.tidegate.nftables.plugins.plugin_utils.policy.errors import PolicyErrors
from ansible_collections.tidegate.nftables.plugins.plugin_utils.policy.model import (
    Destination,
    Entry,
    PrefixListContent,
)
from ansible_collections.tidegate.nftables.plugins.plugin_utils.policy.reading import hints, values
from ansible_collections.tidegate.nftables.plugins.plugin_utils.policy.reading.context import Context
from ansible_collections.tidegate.nftables.plugins.plugin_utils.policy.sets.addresses import NOTHING, AddressSet

VARIABLE = "egress_prefix_lists"


@dataclass(frozen=True)
class Split:
    """The destinations of an entry.

    known: those whose addresses are known here. external: the names of lists that others fill. shared: those of lists
    whose platform anybody can be a customer of. fed: of each in external the domain names that fill it.
    """

    known: tuple[Destination, ...]
    external: tuple[str, ...] = ()
    shared: tuple[str, ...] = ()
    fed: tuple[tuple[str, tuple[str, ...]], ...] = ()


def declared(variables: Mapping[str, Any]) -> tuple[str, ...]:
    """The names in egress_prefix_lists, well declared or not."""
    lists = variables.get(VARIABLE)
    return tuple(sorted(str(name) for name in lists)) if isinstance(lists, Mapping) else ()


def split(context: Context, entry: Entry) -> Split:
    """What is known of an entry's destinations, and what others fill. An inbound entry has nothing of the latter."""
    found = {one: listed for one in entry.to if (listed := _find(context, one)) is not None}
    shared = tuple(sorted({one.value for one, listed in found.items() if listed.shared}))
    if entry.kind == "inbound":
        return Split(entry.to, shared=shared)
    external = tuple(sorted({one.value for one, listed in found.items() if listed.external}))
    if external and entry.except_:
        cause = f"except cannot be taken out of prefix_list:{external[0]}, which others fill"
        context.report.error(entry.place, cause, "give the list an entry of its own; egress_never closes for all")
    known = tuple(one for one in entry.to if one not in found or not found[one].external)
    fed = {one.value: listed.names for one, listed in found.items() if listed.external}
    return Split(known, external, shared, tuple(sorted(fed.items())))


def addresses(context: Context, destination: Destination, own: AddressSet) -> AddressSet:
    """The networks of a list; nothing after an error.

    own: what is left out of a list that is fetched from elsewhere, which are internal networks and metadata services
    where it is to open something: its author must not decide about the inside of somebody else's network.
    """
    listed = _find(context, destination)
    if listed is None:
        return NOTHING
    if listed.external:
        cause = f'"{destination.text}" is filled by others, so what it holds is not known here'
        context.report.error(destination.place, cause, "write it in the to of an entry that allows, and only there")
        return NOTHING
    if listed.fetched_at is None:
        return listed.addresses
    kept = listed.addresses - own
    if kept != listed.addresses:
        first = (listed.addresses - kept).first()
        text = f'"{destination.text}" has {first}, which is internal or a metadata service: it opens nothing there'
        context.report.notice("prefix_list_inside", destination.place, text)
    return kept


def _find(context: Context, destination: Destination) -> PrefixListContent | None:
    """The list of a destination that is one; None for another destination and after an error."""
    if destination.kind != "prefix_list":
        return None
    if destination.value not in context.lists:
        cause = f'"{destination.text}": egress_prefix_lists has no list {values.show(destination.value)}'
        fix = hints.did_you_mean(destination.value, context.lists) or f"declare it: {VARIABLE}: {{NAME: {{url: …}}}}"
        context.report.error(destination.place, cause, fix)
        return None
    try:
        listed = context.inventory.prefix_list(destination.value)
    except PolicyErrors as errors:
        context.report.extend(errors=errors.errors)
        return None
    context.report.extend(notices=listed.notices)
    return listed
