# Copyright: (c) 2026, the tidegate developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The counters of the rules with a comment, without nft, which would list every set beside them."""

from __future__ import annotations

from typing import NamedTuple

from . import wire
from .connection import Connection

_USERDATA = 7
_COMMENT = 0
_EXPR_DATA = 2


class RuleCounter(NamedTuple):
    """The counter of one rule. comment: the rule's, "" without one."""

    chain: str
    comment: str
    packets: int
    bytes: int


def rule_counters(family: str, table: str) -> list[RuleCounter]:
    """Return the counter of each rule of a table that has one; [] when the table does not exist."""
    request = wire.string_attribute(wire.NFTA_RULE_TABLE, table)
    with Connection() as kernel:
        action = f"reading the counters of the rules of table {family} {table}"
        answers = kernel.dump(action, wire.NFT_MSG_GETRULE, wire.family_number(family), request)
    counters = []
    for answer in answers:
        _family, attributes = wire.nft_payload(answer, wire.NFT_MSG_NEWRULE)
        # Some kernels ignore the filter of the request.
        if wire.text(attributes, wire.NFTA_RULE_TABLE) != table:
            continue
        for _kind, value in wire.parse_list(attributes.get(wire.NFTA_RULE_EXPRESSIONS, b"")):
            expression = wire.parse_attributes(value)
            if wire.text(expression, wire.NFTA_EXPR_NAME) == "counter":
                data = wire.parse_attributes(expression[_EXPR_DATA])
                packets, size = (
                    wire.number(data, number, 8) for number in (wire.NFTA_COUNTER_PACKETS, wire.NFTA_COUNTER_BYTES)
                )
                userdata = wire.parse_userdata(attributes.get(_USERDATA, b""))
                comment = wire.userdata_text(userdata.get(_COMMENT)) or ""
                counters.append(RuleCounter(wire.text(attributes, wire.NFTA_RULE_CHAIN), comment, packets, size))
                break
    return counters
