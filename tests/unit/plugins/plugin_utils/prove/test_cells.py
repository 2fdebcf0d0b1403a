# Copyright: (c) 2026, the tidegate developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""How many packets become one word of a table."""

from __future__ import annotations

import pytest

from ansible_collections.tidegate.nftables.plugins.plugin_utils.prove.cells import cells, word
from ansible_collections.tidegate.nftables.plugins.plugin_utils.prove.probe_flows import ProbeFlow, ProbeResult

BOTH = [("v4", "root"), ("v4", "payd"), ("v6", "root"), ("v6", "payd")]


@pytest.mark.parametrize(
    ("marks", "said"),
    [
        ("++++", "yes"),
        ("----", "."),
        ("-+-+", "payd"),
        ("+-+-", "root"),
        ("--++", "v6"),
        ("++--", "v4"),
        ("---+", "v6:payd"),
        ("+---", "v4:root"),
        ("+--+", "+--+"),  # no family and no user that would describe it
        ("-+++", "-+++"),
        ("??++", "??++"),
        ("????", "????"),
        ("!!--", "!!--"),
    ],
)
def test_a_cell_in_one_word(marks: str, said: str) -> None:
    assert word(marks, BOTH) == said


def test_a_host_with_one_family_is_reached_when_that_one_is() -> None:
    assert word("++", BOTH[2:]) == "yes"
    assert word("+-", BOTH[2:]) == "root"


def test_different_marks_never_read_the_same() -> None:
    every = [f"{a}{b}{c}{d}" for a in "+-?!" for b in "+-?!" for c in "+-?!" for d in "+-?!"]
    assert len({word(marks, BOTH) for marks in every}) == len(every)


def test_packets_of_one_service_share_a_cell() -> None:
    def one(address: str, user: str, port: int, expected: str, outcome: str) -> ProbeResult:
        allowed = expected == "allowed"
        return ProbeResult(ProbeFlow("db1", address, "tcp", port, user), allowed, not allowed, "", outcome)

    result = cells(
        [
            one("192.0.2.1", "root", 22, "allowed", "answered"),
            one("2001:db8::1", "root", 22, "allowed", "silent"),
            one("192.0.2.1", "root", 443, "refused", "refused"),
            one("2001:db8::1", "root", 443, "refused", "answered"),
        ]
    )
    assert [(cell.service, cell.expected, cell.measured, cell.agrees) for cell in result] == [
        ("tcp/22", "++", "+?", False),
        ("tcp/443", "--", "-+", False),
    ]
    assert result[0].variants == (("v4", "root"), ("v6", "root"))
