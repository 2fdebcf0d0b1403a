# Copyright: (c) 2026, the tidegate developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Squid's access.log: of any Squid in its native format ("squid" of logformat), of the role egress_proxy as JSON.

In the native format a client reached the peer (HIER_DIRECT/203.0.113.10), as if it had gone directly. A request that
Squid rejected went to no address, and the role's proxy opens names alone: there the destination is the name. The port
is that of the URL, or of CONNECT.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from .columns import select
from .lines import json_relation, matched, number, relation
from .model import LogFile, Source

_LINE = r"^\s*(\d+)\.\d+\s+\d+ (\S+) (\w+)/(\d+) (\d+) \S+ (\S+) \S+ \w+/(\S+)"
_TIME, _CLIENT, _RESULT, _STATUS, _BYTES, _URL, _PEER = range(1, 8)
_HOST = r"^(?:[a-z]+://)?(?:[^/]*@)?([^/:\[]+)"
_ADDRESS = r"^[0-9.]+$"
_PORT = r"^(?:[a-z]+://)?(?:[^/]*@)?(?:\[[^]]*\]|[^/:]*):(\d+)"
_JSON = {
    **dict.fromkeys(("client", "name", "port", "decision", "tls", "peer"), "VARCHAR"),
    "time": "DOUBLE",
    "bytes": "BIGINT",
}
"""The fields of the JSON that are read."""
_SCHEMES = {"http": 80, "https": 443, "ftp": 21}


def read(_connection: Any, source: Source) -> list[str]:
    """Return one SELECT for the files of lines and one for those of JSON."""
    of_json = [file for file in source.files if file.content == "json"]
    of_text = [file for file in source.files if file.content != "json"]
    return [*([_text(of_text)] if of_text else []), *([_json(of_json)] if of_json else [])]


def _text(files: Sequence[LogFile]) -> str:
    url = f"coalesce({matched(_LINE, _URL)}, '')"
    host = f"coalesce({matched(_HOST, column=url)}, '')"
    schemes = " ".join(f"WHEN {url} LIKE '{scheme}://%' THEN {port}" for scheme, port in _SCHEMES.items())
    port_of_url = f"TRY_CAST({matched(_PORT, column=url)} AS INTEGER)"
    peer = matched("^([0-9a-fA-F]*[.:][0-9a-fA-F.:]+)$", column=matched(_LINE, _PEER))
    accepted = f"{matched(_LINE, _RESULT)} NOT LIKE '%DENIED%'"
    name = f"CASE WHEN NOT regexp_matches({host}, '{_ADDRESS}') THEN nullif(lower({host}), '') END"
    reached = f"CASE WHEN {accepted} THEN {peer} ELSE coalesce({peer}, nullif(lower({host}), '')) END"
    return select(
        {
            "source": matched(_LINE, _CLIENT),
            "destination": reached,
            "protocol": "6",
            "port": f"coalesce({port_of_url}, CASE {schemes} END)",
            "accepted": accepted,
            "answered": f"{peer} IS NOT NULL AND {matched(_LINE, _STATUS)} NOT IN ('502', '503', '504')",
            "name": name,
            "bytes": number(_LINE, _BYTES),
            "first": number(_LINE, _TIME),
            "last": number(_LINE, _TIME),
            "skipped": f"CASE WHEN {matched(_LINE, _CLIENT)} IS NOT NULL AND {reached} IS NULL THEN 'no address' END",
        },
        relation(files),
    )


def _json(files: Sequence[LogFile]) -> str:
    """Return the SELECT over logs of targets/names/proxy.py: of a tunnel a line of its begin and one of its end."""
    rows = json_relation(files, _JSON)
    accepted = "(decision <> 'rejected' AND coalesce(tls, '') <> 'terminate')"
    reached = "regexp_matches(peer, '[.:]')"
    return select(
        {
            "source": "client",
            "destination": "trim(lower(name), '[]')",
            "protocol": "6",
            "port": "port",
            "accepted": accepted,
            "answered": f"{accepted} AND {reached} AND bytes > 0",
            "name": f"CASE WHEN NOT regexp_matches(name, '{_ADDRESS}') THEN lower(name) END",
            "bytes": "bytes",
            "first": "time",
            "last": "time",
            "skipped": f"CASE WHEN client IS NOT NULL AND {accepted} AND NOT coalesce({reached}, false) "
            "THEN 'begin of a tunnel' END",
        },
        rows,
    )
