# Copyright: (c) 2026, the tidegate developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""List every table of this network namespace, one by one, as JSON."""

from __future__ import annotations

import json
import os
import pwd
import time
from typing import Any, Iterable

from ansible_collections.tidegate.nftables.plugins.module_utils.nft import nf_tables
from ansible_collections.tidegate.nftables.plugins.module_utils.nft.command import Nft, failure
from ansible_collections.tidegate.nftables.plugins.module_utils.nft.errors import EngineError

from . import socket_levels
from .beside import beside

# The kernel names the tables of iptables-legacy here, which also decide about packets.
LEGACY = ("/proc/net/ip_tables_names", "/proc/net/ip6_tables_names")

ATTEMPTS = 5


def gather(users: Iterable[str]) -> dict[str, Any]:
    """Return every table with its JSON or the error, uids of the users that exist, and the time.

    Raise EngineError when nothing can be read.
    """
    # nft writes times in the time zone of its process.
    os.environ["TZ"] = "UTC"
    nft = Nft()
    version = nft.version()
    for _attempt in range(ATTEMPTS):
        before = nf_tables.generation()
        tables = [_table(nft, family, name) for family, name in nf_tables.tables()]
        if nf_tables.generation() == before:
            break
    else:
        raise EngineError(
            "busy",
            f"The ruleset changed during every attempt to read it ({ATTEMPTS} attempts). Fix: "
            "run again when other processes are idle.",
        )
    return {
        "tables": tables,
        "users": {name: uid for name in users for uid in _uid(name)},
        "now": time.time(),
        "legacy": [name for path in LEGACY for name in _lines(path)],
        "beside": beside(),
        "nft_version": version,
    }


def _table(nft: Nft, family: str, name: str) -> dict[str, Any]:
    """Return one table; a table that crashes nft or that it lists as invalid JSON does not stop the others."""
    table: dict[str, Any] = {"family": family, "name": name, "listing": None, "error": ""}
    try:
        outcome = nft.run("-nn", "-j", "list", "table", family, name)
        if outcome.code != 0:
            raise failure(outcome, f"nft list table {family} {name}")
        listing = json.loads(outcome.out)
        if socket_levels.missing(listing):
            socket_levels.add(listing, nft.list_table(family, name).out)
        table["listing"] = listing
    except EngineError as error:
        table["error"] = str(error)
    except ValueError:
        table["error"] = "nft lists it as invalid JSON, as older versions do for tables that are dormant or owned"
    return table


def _uid(name: str) -> Iterable[int]:
    try:
        return [pwd.getpwnam(name).pw_uid]
    except KeyError:
        return []


def _lines(path: str) -> list[str]:
    """Return the names of legacy tables in a file, [] when it does not exist or cannot be read."""
    try:
        with open(path, encoding="ascii") as names:  # noqa: PTH123
            return [f"{path.rsplit('/', 1)[-1].replace('_names', '')} {line.strip()}" for line in names]
    except OSError:
        return []
