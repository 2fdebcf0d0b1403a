# Copyright: (c) 2026, the tidegate developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""AWS VPC flow logs: text in the default or any other format, versions 2 to 5, plain or gzip, JSON, and Parquet.

Fields and their meaning: "Flow log records" in the Amazon VPC user guide. A record says which way packets went, not who
opened the flow; that is read from the TCP flags where the format has them, else from the ports.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

from . import database, vpc_json
from .columns import icmp_or_port, select
from .errors import FlowError
from .model import LogFile, Source

# fmt: off
DEFAULT = (
    "version", "account_id", "interface_id", "srcaddr", "dstaddr", "srcport", "dstport", "protocol", "packets", "bytes",
    "start", "end", "action", "log_status",
)
# fmt: on
"""The fields of version 2, which is the default format, in their order."""

NEEDED = ("srcaddr", "dstaddr", "srcport", "dstport", "protocol")
FIELDS = (*NEEDED, "interface_id", "packets", "bytes", "start", "end", "action", "log_status", "tcp_flags",
          "pkt_dstaddr", "flow_direction")  # fmt: skip
"""The fields that are read. No other name out of a file gets into a query."""
_HEADER_WORDS = frozenset({*DEFAULT, *FIELDS, "vpc_id", "subnet_id", "instance_id", "type", "pkt_srcaddr"})
_STAMP = re.compile(r"\d{4}-\d{2}-\d{2}T[0-9:.]+(?:Z|[+-]\d{2}:?\d{2})?")
WELL_KNOWN = 1024
"""The first port that an ordinary program may listen at (net.ipv4.ip_unprivileged_port_start)."""
EPHEMERAL = 32768
"""The first port that Linux gives to clients by itself (net.ipv4.ip_local_port_range)."""

_SYN, _SYN_ACK = 2, 18
_ECHO = "CASE protocol WHEN 1 THEN 8 ELSE 128 END"
"""VPC flow logs do not say the type of an ICMP message; what hosts begin is an echo (RFC 792, RFC 4443)."""


class Layout(NamedTuple):
    """The columns of a text file.

    names: a name for each column; those of fields that are not read are numbers. headed: the first line has the names.
    """

    names: tuple[str, ...]
    headed: bool


def read(connection: Any, source: Source) -> list[str]:
    """Return one SELECT for each layout among the files of a source.

    Raises FlowError for a format that lacks what a policy judges.
    """
    layouts: dict[Layout, list[LogFile]] = {}
    for file in source.files:
        if file.content == "text":
            layouts.setdefault(layout(file, source.format), []).append(file)
    parquet = [file for file in source.files if file.content == "parquet"]
    return [
        *[_of_parquet(connection, file) for file in parquet],
        *[_of_text(columns, files) for columns, files in layouts.items()],
        *[_of_json(file, source.format) for file in source.files if file.content == "json"],
    ]


def fields_of(written: str | None) -> tuple[str, ...]:
    """Return the fields of a format as it is declared, of the default one for None."""
    return normalise(written.split()) if written else DEFAULT


def layout(file: LogFile, written: str | None) -> Layout:
    """Return the layout of a text file. Raises FlowError.

    Lines of CloudWatch begin with a time, those of `aws logs tail` have the log stream behind it.
    """
    words = file.first_line.split()
    fields = fields_of(written)
    lead = 0
    if words and _STAMP.fullmatch(words[0]):
        lead = 2 if len(words) == len(fields) + 2 else 1
    header = normalise(words[lead:])
    headed = len(_HEADER_WORDS.intersection(header)) >= 3
    fields = header if headed else fields
    if not headed and len(header) != len(fields):
        raise _other_format(file, "lines", len(header), written)
    check(file.path, fields)
    names = [*range(lead), *(field if field in FIELDS else lead + at for at, field in enumerate(fields))]
    return Layout(tuple(f"other {name}" if isinstance(name, int) else name for name in names), headed)


def normalise(words: Iterable[str]) -> tuple[str, ...]:
    """Return field names as they are compared: `${pkt-srcaddr}` and `PKT_SRCADDR` are pkt_srcaddr."""
    return tuple(word.strip("${}").lower().replace("-", "_") for word in words)


def check(path: Path, fields: Sequence[str]) -> None:
    """Raise FlowError where a format lacks what a policy judges, or has a field twice."""
    missing = [field for field in NEEDED if field not in fields]
    if missing:
        raise FlowError(f"{path}: the flow log's format lacks {', '.join(missing)}; no policy can judge without")
    double = [field for field in FIELDS if fields.count(field) > 1]
    if double:
        raise FlowError(f"{path}: the flow log's format has {double[0]} twice")


def _other_format(file: LogFile, what: str, count: int, written: str | None) -> FlowError:
    return FlowError(
        f"{file.path}: its {what} have {count} fields, but the {'declared' if written else 'default'} format has "
        f"{len(fields_of(written))}. "
        "Fix: give the flow log's own format: {vpc: …, format: '${srcaddr} ${dstaddr} …'}"
    )


def _of_text(columns: Layout, files: Sequence[LogFile]) -> str:
    typed = ", ".join(f"{database.text(name)}: 'VARCHAR'" for name in columns.names)
    options = (
        f"delim = ' ', header = false, skip = {int(columns.headed)}, columns = {{{typed}}}, nullstr = '-', quote = '', "
        "escape = '', auto_detect = false, strict_mode = false, ignore_errors = true, store_rejects = true"
    )
    relation = f"read_csv({database.texts(file.alias for file in files)}, {options})"
    return _select({field: database.name(field) for field in columns.names if field in FIELDS}, relation)


def _of_json(file: LogFile, written: str | None) -> str:
    fields = fields_of(written)
    check(file.path, fields)
    messages = vpc_json.messages(file.start)
    counts = {len(message.split()) for message in messages}
    if counts and len(fields) not in counts:
        raise _other_format(file, "messages", min(counts), written)
    relation = vpc_json.relation(file, fields, FIELDS)
    return _select({field: database.name(field) for field in FIELDS}, relation)


def _of_parquet(connection: Any, file: LogFile) -> str:
    relation = f"read_parquet({database.text(file.alias)})"
    columns = [row[0] for row in connection.execute(f"DESCRIBE SELECT * FROM {relation}").fetchall()]
    fields = normalise(columns)
    check(file.path, fields)
    by_field = {field: column for field, column in zip(fields, columns, strict=True) if field in FIELDS}
    return _select(
        {field: f"NULLIF(TRY_CAST({database.name(column)} AS VARCHAR), '-')" for field, column in by_field.items()},
        relation,
    )


def _select(fields: Mapping[str, str], relation: str) -> str:
    """Return the SELECT of a relation. fields: the SQL for each field that it has."""
    have = set(fields)
    # Each number is made once, here.
    named = ", ".join(
        f"{f'TRY_CAST({expression} AS BIGINT)' if field in _NUMBERS else expression} AS {database.name(field)}"
        for field, expression in fields.items()
    )
    return select(
        {
            "source": "srcaddr",
            "destination": "coalesce(pkt_dstaddr, dstaddr)" if "pkt_dstaddr" in have else "dstaddr",
            "protocol": "protocol",
            "port": icmp_or_port("protocol", _ECHO, "dstport"),
            "accepted": "coalesce(action = 'ACCEPT', true)" if "action" in have else "true",
            "client_port": f"CASE WHEN {_undecided(have)} THEN srcport END",
            "skipped": _skipped(have),
            **{column: database.name(field) for column, field in _PLAIN.items() if field in have},
        },
        f"(SELECT {named} FROM {relation})",
    )


_NUMBERS = frozenset({"srcport", "dstport", "protocol", "packets", "bytes", "start", "end", "tcp_flags"})
_PLAIN = {"interface": "interface_id", "packets": "packets", "bytes": "bytes", "first": "start", "last": "end"}
_HAS_PORTS = "protocol IN (6, 17)"
_LEAST_CLIENT_PORTS = (WELL_KNOWN, EPHEMERAL)
"""A packet from below one of these ports to that port or above goes to a client; the two never disagree."""


def _to_service(least: int) -> str:
    """Return SQL for whether a packet goes from a port of clients to one of services. least: of the clients' ports."""
    return f"(dstport < {least} AND srcport >= {least})"


def _to_client(least: int) -> str:
    return f"(srcport < {least} AND dstport >= {least})"


def _flags(have: set[str], flags: int) -> str:
    """Return SQL for whether the flags of a TCP record say this of SYN and ACK."""
    if "tcp_flags" not in have:
        return "false"
    return f"coalesce(protocol = 6 AND (tcp_flags & {_SYN_ACK}) = {flags}, false)"


def _undecided(have: set[str]) -> str:
    """Return SQL for whether neither flags nor ports say who opened the flow of a record."""
    ports = [f"{_to_client(least)} OR {_to_service(least)}" for least in _LEAST_CLIENT_PORTS]
    return f"{_HAS_PORTS} AND NOT ({' OR '.join([_flags(have, _SYN), *ports])})"


def _skipped(have: set[str]) -> str:
    """Return SQL for why a record is no flow that its source opened."""
    cases = []
    if "log_status" in have:
        cases.append("WHEN log_status IN ('NODATA', 'SKIPDATA') THEN lower(log_status)")
    if "flow_direction" in have:
        cases.append("WHEN flow_direction = 'ingress' THEN 'inbound'")
    if "tcp_flags" in have:
        cases += [f"WHEN {_flags(have, _SYN_ACK)} THEN 'reply'", f"WHEN {_flags(have, _SYN)} THEN NULL"]
    to_client = " OR ".join(_to_client(least) for least in _LEAST_CLIENT_PORTS)
    cases.append(f"WHEN {_HAS_PORTS} AND ({to_client}) THEN 'reply'")
    return f"CASE {' '.join(cases)} END"
