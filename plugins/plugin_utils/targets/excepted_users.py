# Copyright: (c) 2026, the tidegate developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Users whom elements of egress_never without units do not concern, in view of one entry."""

from __future__ import annotations

from collections.abc import Sequence

from ansible_collections.tidegate.nftables.plugins.plugin_utils.policy.proving.decide import is_one_of
from ansible_collections.tidegate.nftables.plugins.plugin_utils.policy.resolved import ResolvedEntry, ResolvedNever


def excepted_users(entry: ResolvedEntry, never: ResolvedNever) -> tuple[str, ...]:
    """Return the users of the entry whom this element does not concern."""
    if entry.users is None:
        return never.except_users
    return tuple(user for user in entry.users if is_one_of(user, never.except_users))


def users_by_exceptions(entry: ResolvedEntry, nevers: Sequence[ResolvedNever]) -> list[tuple[str, ...]]:
    """Return the users whom some of these elements do not concern, grouped by which elements those are."""
    groups: dict[tuple[bool, ...], list[str]] = {}
    for user in sorted({user for never in nevers for user in excepted_users(entry, never)}):
        groups.setdefault(tuple(is_one_of(user, never.except_users) for never in nevers), []).append(user)
    return [tuple(users) for users in groups.values()]
