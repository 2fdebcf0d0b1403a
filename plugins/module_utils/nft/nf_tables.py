# Copyright: (c) 2026, the tidegate developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Questions that the kernel answers without nft: generation, network namespace, handles of tables."""

from __future__ import annotations

from typing import Callable, TypeVar

from ansible_collections.tidegate.nftables.plugins.module_utils.netlink import errors as netlink_errors
from ansible_collections.tidegate.nftables.plugins.module_utils.netlink import tables as netlink

from .errors import EngineError, no_nf_tables, not_allowed

Answer = TypeVar("Answer")


def answer(query: Callable[[], Answer]) -> Answer | None:
    """Return the answer of a query, None when there is none; raise when nft could not work either."""
    try:
        return query()
    except netlink_errors.MissingCapability as error:
        raise not_allowed() from error
    except netlink_errors.NoNfTables as error:
        raise no_nf_tables(str(error)) from error
    except (netlink_errors.NetlinkError, OSError):
        return None


def generation() -> int | None:
    """Return the number that every commit of any process increments, None when it cannot be read."""
    return answer(netlink.generation)


def settled() -> int:
    """Return the generation when no commit is under way, 0 when it cannot be read."""
    return answer(netlink.settled_generation) or 0


def namespace() -> int | None:
    """Return the identifier of this network namespace, unique since boot; None before Linux 5.14."""
    return netlink.netns_cookie()


def has_table(family: str, name: str) -> bool | None:
    """Whether the table exists, None when that cannot be known without nft."""
    return answer(lambda: netlink.table_handle(family, name) is not None)


def delete_table(family: str, name: str) -> None:
    """Delete a table, if it exists, on a host without nft. Raise EngineError when that fails."""
    if answer(lambda: netlink.delete_table(family, name)) is None:
        raise EngineError(
            "not_applied", f"The table {family} {name} could not be deleted without nft. Fix: install nft."
        )


def handle(family: str, name: str) -> int | None:
    """Return the handle of a table, None when it does not exist or cannot be read."""
    return answer(lambda: netlink.table_handle(family, name))


def counters(family: str, name: str) -> dict[str, dict[str, int]]:
    """Return packets and bytes of each named counter of a table; {} when there are none or they cannot be read."""
    totals = answer(lambda: netlink.table_counters(family, name)) or {}
    return {counter: {"packets": packets, "bytes": size} for counter, (packets, size) in sorted(totals.items())}


def has_extensions(family: str, name: str) -> bool:
    """Whether a rule of the table holds an extension of iptables, which nft cannot write."""
    return any(rule.extended for rule in answer(lambda: netlink.table_rules(family, name)) or ())


def tables() -> list[tuple[str, str]]:
    """Return (family, name) of every table, sorted; their content is not read."""
    names = answer(netlink.table_names)
    if names is None:
        raise EngineError("busy", "The kernel did not return the names of its tables. Fix: run again.")
    return sorted(names)
