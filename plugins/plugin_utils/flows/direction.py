# Copyright: (c) 2026, the tidegate developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Who opened a flow where one record cannot say it, and flows that are recorded at both of their ends.

Works on rows of the shape of columns.py with one more column, records: how many records are in a row.
"""

from __future__ import annotations

from .columns import KEY, MEASURES, sums

_END = ("source", "client_port", "destination", "port")
_KEYS = ", ".join(KEY)


def without_replies(rows: str) -> str:
    """Return the SELECT over a table of rows where replies to recorded flows are skipped.

    Rows with a client_port are undecided. Where its reverse is recorded too, one of the two is the reply: it comes from
    the end that more others talk to, else from the one that began later, else from the lower port.
    """
    return f"""
        WITH ends AS (
          SELECT {", ".join(_END)}, protocol, min(coalesce(first, 0)) AS begun FROM {rows}
          WHERE client_port IS NOT NULL AND skipped IS NULL GROUP BY ALL
        ), talks AS (
          SELECT source AS address, client_port AS number, protocol, destination, port FROM ends
          UNION SELECT destination, port, protocol, source, client_port FROM ends
        ), peers AS (
          SELECT address, number, protocol, count(*) AS many FROM talks GROUP BY ALL
        ), replies AS (
          SELECT flow.source, flow.client_port, flow.destination, flow.port, flow.protocol
          FROM ends AS flow
          JOIN ends AS back ON back.source = flow.destination AND back.client_port = flow.port
            AND back.destination = flow.source AND back.port = flow.client_port AND back.protocol = flow.protocol
          JOIN peers AS here ON here.address = flow.source AND here.number = flow.client_port
            AND here.protocol = flow.protocol
          JOIN peers AS there ON there.address = flow.destination AND there.number = flow.port
            AND there.protocol = flow.protocol
          WHERE (here.many, flow.begun, flow.port) > (there.many, back.begun, flow.client_port)
        )
        SELECT {rows}.* REPLACE (
          CASE WHEN replies.source IS NULL THEN {rows}.skipped ELSE coalesce({rows}.skipped, 'reply') END AS skipped
        ) FROM {rows} LEFT JOIN replies ON {" AND ".join(f"replies.{column} = {rows}.{column}" for column in _END)}
          AND replies.protocol = {rows}.protocol
    """


def once(rows: str) -> str:
    """Return the SELECT over a table of rows that counts flows once that several interfaces recorded.

    Interfaces that recorded the same key at the same time saw the same flows: the one with the most counts. An address
    that moved to another interface was recorded at different times.
    """
    group = f"{_KEYS}, interface IS NULL"
    order = f"PARTITION BY {group} ORDER BY first, interface"
    return f"""
        WITH recorded AS (
          SELECT {_KEYS}, interface, skipped, {sums()}, sum(records) AS records FROM {rows} GROUP BY ALL
        ), timed AS (
          SELECT *, max(last) OVER ({order} ROWS BETWEEN UNBOUNDED PRECEDING AND 1 PRECEDING) AS before
          FROM recorded WHERE skipped IS NULL
        ), stretches AS (
          SELECT *, sum(CASE WHEN first > before THEN 1 ELSE 0 END) OVER ({order} ROWS UNBOUNDED PRECEDING) AS stretch
          FROM timed
        ), ranked AS (
          SELECT *, row_number() OVER (
            PARTITION BY {group}, stretch ORDER BY flows DESC, {MEASURES[2]} DESC, interface
          ) AS place FROM stretches
        )
        SELECT * EXCLUDE (before, stretch, place)
          REPLACE (CASE WHEN place > 1 THEN 'second interface' END AS skipped) FROM ranked
        UNION ALL BY NAME SELECT * FROM recorded WHERE skipped IS NOT NULL
    """
