# Copyright: (c) 2026, the tidegate developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Squid's access.log in its native format ("squid" of logformat): whom clients reached, as if they had gone directly.

The address is that of the peer (HIER_DIRECT/203.0.113.10), the port that of the URL, or of CONNECT.
"""

from __future__ import annotations

from typing import Any

from .columns import select
from .lines import matched, number, relation
from .model import Source

_LINE = r"^\s*(\d+)\.\d+\s+\d+ (\S+) (\w+)/(\d+) (\d+) \S+ (\S+) \S+ \w+/(\S+)"
_TIME, _CLIENT, _RESULT, _STATUS, _BYTES, _URL, _PEER = range(1, 8)
_HOST = r"^(?:[a-z]+://)?(?:[^/]*@)?([^/:\[]+)"
_ADDRESS = r"^[0-9.]+$"
_PORT = r"^(?:[a-z]+://)?(?:[^/]*@)?(?:\[[^]]*\]|[^/:]*):(\d+)"
_SCHEMES = {"http": 80, "https": 443, "ftp": 21}


def read(_connection: Any, source: Source) -> list[str]:
    """Return the SELECT over a log."""
    url = f"coalesce({matched(_LINE, _URL)}, '')"
    host = f"coalesce({matched(_HOST, column=url)}, '')"
    schemes = " ".join(f"WHEN {url} LIKE '{scheme}://%' THEN {port}" for scheme, port in _SCHEMES.items())
    port_of_url = f"TRY_CAST({matched(_PORT, column=url)} AS INTEGER)"
    peer = matched("^([0-9a-fA-F]*[.:][0-9a-fA-F.:]+)$", column=matched(_LINE, _PEER))
    return [
        select(
            {
                "source": matched(_LINE, _CLIENT),
                "destination": peer,
                "protocol": "6",
                "port": f"coalesce({port_of_url}, CASE {schemes} END)",
                "accepted": f"{matched(_LINE, _RESULT)} NOT LIKE '%DENIED%'",
                "answered": f"{peer} IS NOT NULL AND {matched(_LINE, _STATUS)} NOT IN ('502', '503', '504')",
                "name": f"CASE WHEN NOT regexp_matches({host}, '{_ADDRESS}') THEN {host} END",
                "bytes": number(_LINE, _BYTES),
                "first": number(_LINE, _TIME),
                "last": number(_LINE, _TIME),
                "skipped": f"CASE WHEN {matched(_LINE, _CLIENT)} IS NOT NULL AND {peer} IS NULL THEN 'no address' END",
            },
            relation(source.files),
        )
    ]
