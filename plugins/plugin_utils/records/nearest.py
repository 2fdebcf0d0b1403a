# Copyright: (c) 2026, the tidegate developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The entry that comes nearest to a flow that none allows: it names the destination, for other users or services."""

from __future__ import annotations

from functools import lru_cache

from ansible_collections.tidegate.nftables.plugins.module_utils import domain_names
from ansible_collections.tidegate.nftables.plugins.plugin_utils.policy import ResolvedPolicy
from ansible_collections.tidegate.nftables.plugins.plugin_utils.policy.resolved import Grant, ResolvedEntry
from ansible_collections.tidegate.nftables.plugins.plugin_utils.policy.sets import intervals
from ansible_collections.tidegate.nftables.plugins.plugin_utils.policy.sets.addresses import parse_address
from ansible_collections.tidegate.nftables.plugins.plugin_utils.whatif.judge import naming


class Nearest:
    """Finds the nearest entries of one host's policy."""

    def __init__(self, resolved: ResolvedPolicy) -> None:
        self._entries = resolved.entries
        self._to = lru_cache(maxsize=None)(self._grants_to)

    def __call__(self, destination: str, protocol: int, port: int | None) -> str | None:
        """Return the name of an entry for this service and other users, else of one for other services, else None."""
        grants = self._to(destination)
        for entry, grant in grants:
            if grant.services.contains(protocol, port or 0):
                return entry.name
        return grants[0][0].name if grants else None

    def _grants_to(self, destination: str) -> tuple[tuple[ResolvedEntry, Grant], ...]:
        if domain_names.is_name(destination):
            named = (entry for entry in self._entries if naming(entry, destination))
            return tuple((entry, grant) for entry in named for grant in entry.by_name)
        version, value = parse_address(destination)
        return tuple(
            (entry, grant)
            for entry in self._entries
            for grant in entry.grants
            if intervals.contains(grant.addresses.family(version), value)
        )
