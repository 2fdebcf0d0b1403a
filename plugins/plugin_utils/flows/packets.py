# Copyright: (c) 2026, the tidegate developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Packets that nf_tables logged: ulogd2's text (LOGEMU) and JSON outputs, and nft's own `log` in the kernel log."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from . import database
from .columns import icmp_or_port, number_of, select
from .lines import json_relation, matched, number, relation
from .model import LogFile, Source

_REJECTED = "(?i)denied|drop|reject|refuse|block"
_OBSERVED = "(?i)would[_ -]"
"""Words of a prefix. Without one of them, or with one of the second kind, the packet got through."""
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
"""The fields of ulogd2's JSON output, of packets and of connections, that are read (ulogd2 2.0.8)."""


def read(_connection: Any, source: Source) -> list[str]:
    """Return one SELECT for the files of lines and one for those of JSON."""
    of_json = [file for file in source.files if file.content == "json"]
    of_text = [file for file in source.files if file.content != "json"]
    return [*([_text(of_text)] if of_text else []), *([_json(of_json)] if of_json else [])]


def _text(files: Sequence[LogFile]) -> str:
    protocol = number_of(matched(r"\bPROTO=(\S+)"))
    destination, leaves = matched(r"\bDST=(\S+)"), matched(r"OUT=(\S+)")
    return select(
        {
            "source": matched(r"\bSRC=(\S+)"),
            "destination": destination,
            "protocol": protocol,
            "port": icmp_or_port(protocol, number(r"\bTYPE=(\d+)"), number(r"\bDPT=(\d+)")),
            "uid": matched(r"\bUID=(\d+)"),
            "accepted": _accepted("regexp_extract(line, '^(.*?)IN=', 1)"),
            "packets": "1",
            "bytes": number(r"\bLEN=(\d+)"),
            "skipped": f"CASE WHEN {destination} IS NOT NULL AND {leaves} IS NULL THEN 'inbound' END",
        },
        relation(files),
    )


def _json(files: Sequence[LogFile]) -> str:
    rows = json_relation(files, _JSON)
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
            "accepted": _accepted(prefix),
            "packets": 'coalesce("orig.raw.pktcount", 1)',
            "bytes": 'coalesce("orig.raw.pktlen", "raw.pktlen")',
            "first": 'coalesce("flow.start.sec", "oob.time.sec")',
            "last": 'coalesce("flow.end.sec", "oob.time.sec")',
            "skipped": f'CASE WHEN {destination} IS NOT NULL AND "orig.ip.protocol" IS NULL '
            "AND coalesce(\"oob.out\", '') = '' THEN 'inbound' END",
        },
        rows,
    )


def _accepted(prefix: str) -> str:
    """Return SQL for whether a packet with a prefix got through."""
    rejected, observed = (f"regexp_matches({prefix}, {database.text(words)})" for words in (_REJECTED, _OBSERVED))
    return f"(NOT {rejected} OR {observed})"
