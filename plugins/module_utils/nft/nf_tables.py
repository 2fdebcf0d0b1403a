# Copyright: (c) 2026, the tidegate developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What the engine asks the kernel without nft: generation, network namespace, handles of tables."""

from __future__ import annotations

from typing import Callable, TypeVar

from ansible_collections.tidegate.nftables.plugins.module_utils.netlink import errors as netlink_errors
from ansible_collections.tidegate.nftables.plugins.module_utils.netlink import tables as netlink

from .errors import EngineError, no_nf_tables, not_allowed

Answer = TypeVar("Answer")


def _asked(question: Callable[[], Answer]) -> Answer | None:
    """Return the answer, None when it could not be had; raise when nft could not work either."""
    try:
        return question()
    except netlink_errors.MissingCapability as error:
        raise not_allowed() from error
    except netlink_errors.NoNfTables as error:
        raise no_nf_tables(str(error)) from error
    except (netlink_errors.NetlinkError, OSError):
        return None


def generation() -> int | None:
    """Return the number that moves by one with every commit of anybody, None when it cannot be read."""
    return _asked(netlink.generation)


def settled() -> int:
    """Return the generation when no commit is under way, 0 when it cannot be read."""
    return _asked(netlink.settled_generation) or 0


def namespace() -> int | None:
    """Return what identifies this network namespace since boot, None before Linux 5.14."""
    return netlink.netns_cookie()


def has_table(family: str, name: str) -> bool | None:
    """Whether there is such a table, None when that cannot be known without nft."""
    return _asked(lambda: netlink.table_handle(family, name) is not None)


def delete_table(family: str, name: str) -> None:
    """Delete a table, if it is there, on a host that has no nft. Raise EngineError when that cannot be done."""
    if _asked(lambda: netlink.delete_table(family, name)) is None:
        raise EngineError("not_applied", f"The table {family} {name} could not be deleted without nft. Install nft.")


def handle(family: str, name: str) -> int | None:
    """Return a table's handle, None when there is no such table or it cannot be read."""
    return _asked(lambda: netlink.table_handle(family, name))


def counters(family: str, name: str) -> dict[str, dict[str, int]]:
    """Return packets and bytes of each named counter of a table; {} when there are none or they cannot be read."""
    found = _asked(lambda: netlink.table_counters(family, name)) or {}
    return {counter: {"packets": packets, "bytes": size} for counter, (packets, size) in sorted(found.items())}


def tables() -> list[tuple[str, str]]:
    """Return (family, name) of every table, sorted; what is in them is not looked at."""
    found = _asked(netlink.table_names)
    if found is None:
        raise EngineError("busy", "The kernel did not answer with the names of its tables. Run again.")
    return sorted(found)
