# Copyright: (c) 2026, the tidegate developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The tables of a host as the module egress_kernel lists them, typed."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from ansible_collections.tidegate.nftables.plugins.plugin_utils.errors import ControllerError
from ansible_collections.tidegate.nftables.plugins.plugin_utils.nft_json.model import Table
from ansible_collections.tidegate.nftables.plugins.plugin_utils.nft_json.read import UnreadableListing, read_listing


@dataclass(frozen=True)
class LiveRuleset:
    """What nf_tables holds on a host.

    users: uid by name, for those names of the policy that the host has. now: the host's clock, seconds since 1970.
    unread: (name, reason) of everything that cannot be read, tables and others.
    """

    tables: Sequence[Table]
    users: Mapping[str, int]
    now: float
    unread: tuple[tuple[str, str], ...] = ()


class RulesetError(ControllerError):
    """A host's answer that is no result of the module egress_kernel."""

    reason = "bad_result"


def live_ruleset(result: Mapping[str, Any]) -> LiveRuleset:
    """Return the ruleset in a result of the module egress_kernel; a listing that is none counts as unread.

    Raises RulesetError for a result of another shape.
    """
    try:
        users = {str(name): int(uid) for name, uid in result["users"].items()}
        unread = [(f"{name} of iptables-legacy", "nft does not list it") for name in result["legacy"]]
        unread += [(str(name), str(reason)) for name, reason in result["beside"]]
        named = [(f"{table['family']} {table['name']}", table["listing"], table["error"]) for table in result["tables"]]
        now = float(result["now"])
    except (AttributeError, KeyError, TypeError, ValueError) as error:
        raise RulesetError(
            f"The host returned no listing of its tables: {error!r} in the result of egress_kernel."
        ) from error
    tables = []
    for name, listing, failure in named:
        try:
            tables.append(_table(listing, failure))
        except UnreadableListing as error:
            unread.append((name, str(error)))
    return LiveRuleset(tables, users, now, tuple(unread))


def _table(listing: Any, failure: Any) -> Table:
    if failure:
        raise UnreadableListing(str(failure))
    try:
        return read_listing(listing)
    except UnreadableListing as error:
        raise UnreadableListing(f"its listing cannot be read: {error}") from error
