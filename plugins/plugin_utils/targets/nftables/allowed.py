# Copyright: (c) 2026, the tidegate developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What becomes of a packet that an entry allows: it is accepted, on request with a line in the ledger.

Established connections are accepted before, so a connection costs this once, unless every packet is compared with the
policy. The chain accepts whatever happens to the ledger: a full set ends its rule, not the chain.
"""

from __future__ import annotations

from ansible_collections.tidegate.nftables.plugins.module_utils import table_names
from ansible_collections.tidegate.nftables.plugins.plugin_utils.policy.resolved import ResolvedPolicy

from . import denied
from .matches import Spec

_HAS_SOCKET = "meta skuid 0-4294967294"


def verdict(resolved: ResolvedPolicy) -> str:
    """Return the verdict of the rules of entries about outbound packets."""
    return f"goto {table_names.ALLOWED_CHAIN}" if resolved.sight.ledger == "all" else "accept"


def counters(resolved: ResolvedPolicy) -> list[str]:
    """Return the counter of what the ledger has no line of."""
    return [table_names.ALLOWED_FULL_COUNTER] if resolved.sight.ledger == "all" else []


def sets(resolved: ResolvedPolicy) -> list[Spec]:
    """Return the dynamic sets that keep, for a day after the last connection, who talked to whom."""
    return [denied.ledger_set(each) for each in table_names.ALLOWED_SETS.values()] if counters(resolved) else []


def chains(resolved: ResolvedPolicy) -> list[Spec]:
    """Return ALLOWED_CHAIN where rules lead to it. No flow of a socket gets a line without its user."""
    full = f'counter name "{table_names.ALLOWED_FULL_COUNTER}" accept'
    by_user, others = (
        [denied.update(each, "accept") for each in table_names.ALLOWED_SETS.values() if each.user == user]
        for user in (True, False)
    )
    rules = [*by_user, f"{_HAS_SOCKET} {full}", *others, full]
    return [{"name": table_names.ALLOWED_CHAIN, "rules": rules}] if counters(resolved) else []
