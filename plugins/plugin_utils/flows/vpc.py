# Copyright: (c) 2026, the tidegate developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""AWS VPC flow logs: text in the default or any other format, versions 2 to 5, plain or gzip, and Parquet.

Fields and their meaning: "Flow log records" in the Amazon VPC user guide. A record says which way packets went, not who
opened the flow; that is read from the TCP flags where the format has them, else from the ports.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

from . import database, files
from .columns import icmp_or_port, select
from .errors import FlowError
from .model import Source

# fmt: off
DEFAULT = (
    "version", "account_id", "interface_id", "srcaddr", "dstaddr", "srcport", "dstport", "protocol", "packets", "bytes",
    "start", "end", "action", "log_status",
)
# fmt: on
"""The fields of version 2, which is the default format, in their order."""

NEEDED = ("srcaddr", "dstaddr", "srcport", "dstport", "protocol")
_KNOWN = frozenset({*DEFAULT, "vpc_id", "subnet_id", "instance_id", "tcp_flags", "type", "pkt_srcaddr", "pkt_dstaddr"})
_STAMP = re.compile(r"\d{4}-\d{2}-\d{2}T[0-9:.]+Z")
_AT = "at_"
EPHEMERAL = 32768
"""The first port that Linux gives to clients by itself (net.ipv4.ip_local_port_range)."""

_SYN, _SYN_ACK = 2, 18
_ECHO = "CASE protocol WHEN '1' THEN 8 ELSE 128 END"
"""VPC flow logs do not say the type of an ICMP message; what hosts begin is an echo (RFC 792, RFC 4443)."""


def read(connection: Any, source: Source) -> list[str]:
    """Return one SELECT for each layout among the files of a source.

    Raises FlowError for a format that lacks what a policy judges.
    """
    parquet = [path for path in source.paths if path.suffix == ".parquet"]
    layouts: dict[tuple[tuple[str, ...], bool], list[Path]] = {}
    for path in source.paths:
        if path.suffix != ".parquet":
            layouts.setdefault(layout(path, source.format), []).append(path)
    made = [_of_text(names, headed, paths) for (names, headed), paths in layouts.items()]
    return [*([_of_parquet(connection, parquet)] if parquet else []), *made]


def layout(path: Path, written: str | None) -> tuple[tuple[str, ...], bool]:
    """Return the fields of a text file in their order, and whether its first line is their names."""
    words = files.first_line(path).split()
    stamped = bool(words and _STAMP.fullmatch(words[0]))
    named = normalise(words[stamped:])
    headed = len(_KNOWN.intersection(named)) >= 3
    fields = named if headed else normalise(written.split()) if written else DEFAULT
    if not headed and len(named) != len(fields):
        raise FlowError(
            f"{path}: its lines have {len(named)} fields and the {'given' if written else 'default'} format has "
            f"{len(fields)}. Give the flow log's own: {{vpc: …, format: '${{srcaddr}} ${{dstaddr}} …'}}"
        )
    _check(path, fields)
    return ((_AT, *fields) if stamped else fields), headed


def normalise(words: Iterable[str]) -> tuple[str, ...]:
    """Field names as they are compared: `${pkt-srcaddr}` and `PKT_SRCADDR` are pkt_srcaddr."""
    return tuple(word.strip("${}").lower().replace("-", "_") for word in words)


def _check(path: Path, fields: Iterable[str]) -> None:
    have = set(fields)
    missing = [field for field in NEEDED if field not in have]
    if missing:
        raise FlowError(f"{path}: the flow log's format lacks {', '.join(missing)}; a policy cannot be asked without")


def _of_text(names: Sequence[str], headed: bool, paths: Sequence[Path]) -> str:
    columns = ", ".join(f"{database.text(name)}: 'VARCHAR'" for name in names)
    options = (
        f"delim = ' ', header = false, skip = {int(headed)}, columns = {{{columns}}}, nullstr = '-', quote = '', "
        "escape = '', auto_detect = false, ignore_errors = true, store_rejects = true"
    )
    return _select(names, f"read_csv({database.texts(paths)}, {options})")


def _of_parquet(connection: Any, paths: Sequence[Path]) -> str:
    relation = f"read_parquet({database.texts(paths)}, union_by_name = true)"
    columns = [row[0] for row in connection.execute(f"DESCRIBE SELECT * FROM {relation}").fetchall()]
    fields = dict(zip(normalise(columns), columns, strict=True))
    _check(paths[0], fields)
    renamed = (f"NULLIF(CAST({database.name(column)} AS VARCHAR), '-') AS {field}" for field, column in fields.items())
    return _select(fields, f"(SELECT {', '.join(renamed)} FROM {relation})")


def _select(fields: Iterable[str], relation: str) -> str:
    have = set(fields)

    def number(field: str) -> str:
        return f'TRY_CAST("{field}" AS BIGINT)' if field in have else "NULL"

    destination = "coalesce(pkt_dstaddr, dstaddr)" if "pkt_dstaddr" in have else "dstaddr"
    return select(
        {
            "source": "srcaddr",
            "destination": destination,
            "protocol": number("protocol"),
            "port": icmp_or_port(number("protocol"), _ECHO, number("dstport")),
            "accepted": "action = 'ACCEPT'" if "action" in have else "true",
            "packets": number("packets"),
            "bytes": number("bytes"),
            "first": number("start"),
            "last": number("end"),
            "skipped": _skipped(have),
        },
        relation,
    )


def _skipped(have: set[str]) -> str:
    """SQL for why a record is no flow that its source opened."""
    cases = []
    if "log_status" in have:
        cases.append("WHEN log_status IN ('NODATA', 'SKIPDATA') THEN lower(log_status)")
    cases.append("WHEN srcaddr IS NULL OR dstaddr IS NULL OR TRY_CAST(protocol AS INTEGER) IS NULL THEN 'unreadable'")
    if "flow_direction" in have:
        cases.append("WHEN flow_direction = 'ingress' THEN 'inbound'")
    if "tcp_flags" in have:
        flags = f"(TRY_CAST(tcp_flags AS INTEGER) & {_SYN_ACK})"
        cases.append(f"WHEN protocol = '6' AND {flags} = {_SYN_ACK} THEN 'reply'")
        cases.append(f"WHEN protocol = '6' AND {flags} = {_SYN} THEN NULL")
    to_client = f"TRY_CAST(dstport AS INTEGER) >= {EPHEMERAL} AND TRY_CAST(srcport AS INTEGER) < {EPHEMERAL}"
    cases.append(f"WHEN protocol IN ('6', '17') AND {to_client} THEN 'reply'")
    return f"CASE {' '.join(cases)} END"
