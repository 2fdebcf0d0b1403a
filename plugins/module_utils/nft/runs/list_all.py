# Copyright: (c) 2026, the tidegate developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Every table of this network namespace, listed one by one, for whoever calculates with them."""

from __future__ import annotations

import json
import os
import pwd
import time
from typing import Any, Iterable

from ansible_collections.tidegate.nftables.plugins.module_utils.nft import nf_tables
from ansible_collections.tidegate.nftables.plugins.module_utils.nft.command import Nft, failure
from ansible_collections.tidegate.nftables.plugins.module_utils.nft.errors import EngineError

# Filters that are not nf_tables and decide as well: the kernel names the tables of iptables-legacy here.
LEGACY = ("/proc/net/ip_tables_names", "/proc/net/ip6_tables_names")

ATTEMPTS = 5


def gather(users: Iterable[str]) -> dict[str, Any]:
    """Tables with nft's JSON, or why one cannot be read; uids of those users that there are; the clock.

    Raises EngineError when nothing at all can be read.
    """
    # nft writes moments in the time zone of its process.
    os.environ["TZ"] = "UTC"
    nft = Nft()
    version = nft.version()
    for _attempt in range(ATTEMPTS):
        before = nf_tables.generation()
        tables = [_table(nft, family, name) for family, name in nf_tables.tables()]
        if nf_tables.generation() == before:
            break
    else:
        raise EngineError("busy", "Somebody changes the ruleset all the time, so no moment of it could be read.")
    return {
        "tables": tables,
        "users": {name: uid for name in users for uid in _uid(name)},
        "now": time.time(),
        "legacy": [name for path in LEGACY for name in _lines(path)],
        "nft_version": version,
    }


def _table(nft: Nft, family: str, name: str) -> dict[str, Any]:
    """One table; a table of somebody else's that crashes nft or makes it write nonsense concerns nobody else."""
    found: dict[str, Any] = {"family": family, "name": name, "listing": None, "error": ""}
    try:
        outcome = nft.run("-nn", "-j", "list", "table", family, name)
        if outcome.code != 0:
            raise failure(outcome, f"nft list table {family} {name}")
        found["listing"] = json.loads(outcome.out)
    except EngineError as error:
        found["error"] = str(error)
    except ValueError:
        found["error"] = "nft writes no valid JSON about it, as older versions do of dormant tables and of owned ones"
    return found


def _uid(name: str) -> Iterable[int]:
    try:
        return [pwd.getpwnam(name).pw_uid]
    except KeyError:
        return []


def _lines(path: str) -> list[str]:
    """The tables of a filter that is not there, or that we may not see, are none."""
    try:
        with open(path, encoding="ascii") as names:  # noqa: PTH123
            return [f"{path.rsplit('/', 1)[-1].replace('_names', '')} {line.strip()}" for line in names]
    except OSError:
        return []
