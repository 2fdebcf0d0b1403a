# Copyright: (c) 2026, the tidegate developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Destinations that are prefix lists: which are known here, and which others fill on the host."""

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


@dataclass(frozen=True, kw_only=True)
class SplitDestinations:
    """The destinations of an entry.

    known: those whose addresses are known here. external: the names of the lists that others fill.
    shared: the lists of platforms on which anyone can host a service, as written.
    feeding_names: for each list in external, the domain names that fill it.
    """

    known: tuple[Destination, ...]
    external: tuple[str, ...] = ()
    shared: tuple[str, ...] = ()
    feeding_names: tuple[tuple[str, tuple[str, ...]], ...] = ()


def declared(variables: Mapping[str, Any]) -> tuple[str, ...]:
    """Return the names in egress_prefix_lists, whether or not their declarations have errors."""
    lists = variables.get(VARIABLE)
    return tuple(sorted(str(name) for name in lists)) if isinstance(lists, Mapping) else ()


def split(context: Context, entry: Entry) -> SplitDestinations:
    """Return what is known of an entry's destinations, and what others fill: nothing of an inbound entry."""
    contents = {
        destination: content for destination in entry.to if (content := _content(context, destination)) is not None
    }
    shared = tuple(
        sorted({f"prefix_list:{destination.value}" for destination, content in contents.items() if content.shared})
    )
    if entry.kind == "inbound":
        return SplitDestinations(known=entry.to, shared=shared)
    external = {destination.value: content.names for destination, content in contents.items() if content.external}
    if external and entry.except_:
        cause = f"except cannot apply to prefix_list:{min(external)}, which others fill"
        context.report.error(entry.place, cause, "give the list a separate entry; egress_never applies to all entries")
    return SplitDestinations(
        known=tuple(
            destination for destination in entry.to if destination not in contents or not contents[destination].external
        ),
        external=tuple(sorted(external)),
        shared=shared,
        feeding_names=tuple(sorted(external.items())),
    )


def addresses(context: Context, destination: Destination, own: AddressSet) -> AddressSet:
    """Return the networks of a list; nothing after an error.

    own: what is left out of a list that is fetched from elsewhere, which are internal networks and metadata services
    where it is to open something: its author must not decide about the inside of somebody else's network.
    """
    content = _content(context, destination)
    if content is None:
        return NOTHING
    if content.external:
        cause = f'"{destination.text}" is filled by others, so its content is not known here'
        context.report.error(destination.place, cause, "use the list only in the to of an entry that allows")
        return NOTHING
    if content.fetched_at is None:
        return content.addresses
    opened = content.addresses - own
    if opened != content.addresses:
        first = (content.addresses - opened).first()
        text = f'"{destination.text}" contains {first}, which is internal or a metadata service: it opens nothing there'
        context.report.notice("prefix_list_inside", destination.place, text)
    return opened


def _content(context: Context, destination: Destination) -> PrefixListContent | None:
    """Return the content of a destination that is a list; None for another destination and after an error."""
    if destination.kind != "prefix_list":
        return None
    if destination.value not in context.lists:
        cause = f'"{destination.text}": {VARIABLE} has no list {values.show(destination.value)}'
        fix = hints.did_you_mean(destination.value, context.lists) or f"declare it: {VARIABLE}: {{NAME: {{url: …}}}}"
        context.report.error(destination.place, cause, fix)
        return None
    try:
        content = context.inventory.prefix_list(destination.value)
    except PolicyErrors as errors:
        context.report.extend(errors=errors.errors)
        return None
    context.report.extend(notices=content.notices)
    return content
