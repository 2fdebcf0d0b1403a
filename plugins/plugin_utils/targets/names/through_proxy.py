# Copyright: (c) 2026, the tidegate developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The part of a policy that goes through a proxy: its entries with domain names, as far as Squid can say them."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace

from ansible_collections.tidegate.nftables.plugins.plugin_utils.policy.resolved import ResolvedEntry, ResolvedPolicy
from ansible_collections.tidegate.nftables.plugins.plugin_utils.policy.sets import addresses
from ansible_collections.tidegate.nftables.plugins.plugin_utils.policy.sets.addresses import AddressSet
from ansible_collections.tidegate.nftables.plugins.plugin_utils.targets.fitting.fit import Fit
from ansible_collections.tidegate.nftables.plugins.plugin_utils.targets.model import FittedPolicy, Opening
from ansible_collections.tidegate.nftables.plugins.plugin_utils.targets.policy_fit import fitted

from .squid import TARGET


def by_name(resolved: ResolvedPolicy) -> FittedPolicy:
    """Return what a proxy opens. Raise PolicyErrors with every entry that it can say only in part."""
    containers = None if resolved.containers is None else _named(resolved.containers)
    named = replace(resolved, entries=_named(resolved.entries), containers=containers)
    approximate = resolved.names.approximate
    return fitted(Fit(target=TARGET.name, can=TARGET.can, resolved=named, default=approximate))


def bound(resolved: ResolvedPolicy, opening: Opening) -> AddressSet:
    """Return where the names of an opening may lead: `within`, else the internet, and nowhere that is closed."""
    entry = next(entry for entry in resolved.all_entries() if entry.name == opening.entry)
    closed = (never.addresses for never in resolved.never if never.services & opening.services)
    return addresses.union(grant.addresses for grant in entry.by_name) - addresses.union(closed)


def _named(entries: Iterable[ResolvedEntry]) -> tuple[ResolvedEntry, ...]:
    return tuple(replace(entry, grants=(), external=(), destinations=()) for entry in entries if entry.names)
