# Copyright: (c) 2026, the tidegate developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Reading while others write."""

from __future__ import annotations

import subprocess
import sys

import pytest

from ansible_collections.tidegate.nftables.plugins.module_utils.netlink import sets
from ansible_collections.tidegate.nftables.plugins.module_utils.netlink import tables as netlink
from ansible_collections.tidegate.nftables.tests.support.nft import NftCommand
from ansible_collections.tidegate.nftables.tests.support.waiting import end, wait_for

FLIP = """
import sys
from ansible_collections.tidegate.nftables.plugins.module_utils.netlink import sets
info = sets.get_set("inet", "t", sys.argv[1])
sides = [sets.read_all(info, [f"10.{side}.{n // 256}.{n % 256}" for n in range(0, 8000, 2)]) for side in (1, 2)]
while True:
    for side in sides:
        sets.change_elements([sets.SetChange(info, side, flush=True)])
"""


@pytest.mark.parametrize(("flags", "times"), [("", 50), ("flags interval;", 15)])
def test_a_dump_while_the_set_is_replaced_is_one_of_its_two_contents(nft: NftCommand, flags: str, times: int) -> None:
    """The kernel lets a commit happen in the middle of a dump and says nothing: one in fifteen is torn here."""
    nft.load(f"table inet t {{\n set s {{ type ipv4_addr; {flags} }}\n}}\n")
    info = sets.get_set("inet", "t", "s")
    sides = [sets.read_all(info, [f"10.{side}.{n // 256}.{n % 256}" for n in range(0, 8000, 2)]) for side in (1, 2)]
    writer = subprocess.Popen([sys.executable, "-c", FLIP, "s"])

    def is_filled() -> bool:
        """Read the set once; return whether it could be read, and not before the writer began."""
        try:
            elements = sets.dump_elements(info)
        except sets.Busy:
            return False
        assert elements in (*sides, [])
        (first,) = sets.get_elements(info, [sides[0][7].start])
        assert first in (sides[0][7], None)
        return bool(elements)

    try:
        for _read in range(times):
            # The writer's CPU time is no progress here: what counts is that this side gets to read.
            wait_for(is_filled, "a dump of the set", process=writer, progress=bool)
    finally:
        end(writer)


def test_on_a_host_that_commits_all_the_time_a_set_can_be_read(nft: NftCommand) -> None:
    nft.load("table inet t {\n set s { type ipv4_addr; flags interval; }\n}\n")
    info = sets.get_set("inet", "t", "s")
    many = sets.read_all(info, [f"10.{number // 256}.{number % 256}.0/30" for number in range(20_000)])
    sets.change_elements([sets.SetChange(info, many)])
    loop = "import subprocess, sys\nwhile True: subprocess.run([sys.argv[1], 'add table ip z; delete table ip z'])"
    writer = subprocess.Popen([sys.executable, "-c", loop, str(nft.path)])
    try:
        before = netlink.generation()
        for _turn in range(5):
            assert sets.dump_elements(info) == many
            assert ("inet", "t") in netlink.table_names()
        assert netlink.generation() > before + 5, "the other writer did not write"
    finally:
        end(writer)
