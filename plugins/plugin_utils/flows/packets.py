# Copyright: (c) 2026, the tidegate developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Packets that the kernel logged: ulogd2's text (LOGEMU) and JSON outputs, and nft's own `log` in the kernel log."""

from __future__ import annotations

from typing import Any

from . import database, files
from .columns import icmp_or_port, number_of, select
from .lines import found, number, relation
from .model import Source

_REFUSED = "(?i)denied|drop|reject|refuse"
_JSON = {
    "src_ip": "VARCHAR",
    "dest_ip": "VARCHAR",
    "ip.protocol": "INTEGER",
    "src_port": "INTEGER",
    "dest_port": "INTEGER",
    "icmp.type": "INTEGER",
    "icmpv6.type": "INTEGER",
    "oob.prefix": "VARCHAR",
    "oob.out": "VARCHAR",
    "oob.uid": "VARCHAR",
    "oob.time.sec": "BIGINT",
    "raw.pktlen": "BIGINT",
    "orig.ip.protocol": "INTEGER",
    "orig.raw.pktcount": "BIGINT",
    "orig.raw.pktlen": "BIGINT",
    "reply.ip.saddr.str": "VARCHAR",
    "reply.l4.sport": "INTEGER",
    "flow.start.sec": "BIGINT",
    "flow.end.sec": "BIGINT",
}
"""What ulogd2's JSON output writes of packets and of connections, with the types that are wanted (ulogd2 2.0.8)."""


def read(_connection: Any, source: Source) -> list[str]:
    """Return one SELECT for the files of lines and one for those of JSON."""
    of_json = [path for path in source.paths if files.first_line(path).startswith("{")]
    of_text = [path for path in source.paths if path not in of_json]
    return [*([_text(of_text)] if of_text else []), *([_json(of_json)] if of_json else [])]


def _text(paths: Any) -> str:
    protocol = number_of(found(r"\bPROTO=(\S+)"))
    destination, leaves = found(r"\bDST=(\S+)"), found(r"OUT=(\S+)")
    return select(
        {
            "source": found(r"\bSRC=(\S+)"),
            "destination": destination,
            "protocol": protocol,
            "port": icmp_or_port(protocol, number(r"\bTYPE=(\d+)"), number(r"\bDPT=(\d+)")),
            "uid": found(r"\bUID=(\d+)"),
            "accepted": f"NOT regexp_matches(regexp_extract(line, '^(.*?)IN=', 1), {database.text(_REFUSED)})",
            "packets": "1",
            "bytes": number(r"\bLEN=(\d+)"),
            "skipped": f"CASE WHEN {destination} IS NULL OR {protocol} IS NULL THEN 'unreadable' "
            f"WHEN {leaves} IS NULL THEN 'inbound' END",
        },
        relation(paths),
    )


def _json(paths: Any) -> str:
    columns = ", ".join(f"{database.text(name)}: '{kind}'" for name, kind in _JSON.items())
    rows = (
        f"read_json({database.texts(paths)}, format = 'newline_delimited', ignore_errors = true, "
        f"columns = {{{columns}}})"
    )
    protocol = 'coalesce("ip.protocol", "orig.ip.protocol")'
    prefix = "coalesce(\"oob.prefix\", '')"
    # Of connections the source of the reply: where it went after destination NAT.
    destination = 'coalesce("reply.ip.saddr.str", dest_ip)'
    return select(
        {
            "source": "src_ip",
            "destination": destination,
            "protocol": protocol,
            "port": icmp_or_port(
                protocol, 'coalesce("icmp.type", "icmpv6.type")', 'coalesce("reply.l4.sport", dest_port)'
            ),
            "uid": '"oob.uid"',
            "accepted": f"NOT regexp_matches({prefix}, {database.text(_REFUSED)})",
            "packets": 'coalesce("orig.raw.pktcount", 1)',
            "bytes": 'coalesce("orig.raw.pktlen", "raw.pktlen")',
            "first": 'coalesce("flow.start.sec", "oob.time.sec")',
            "last": 'coalesce("flow.end.sec", "oob.time.sec")',
            "skipped": f"CASE WHEN {destination} IS NULL OR {protocol} IS NULL THEN 'unreadable' "
            "WHEN \"orig.ip.protocol\" IS NULL AND coalesce(\"oob.out\", '') = '' THEN 'inbound' END",
        },
        rows,
    )
