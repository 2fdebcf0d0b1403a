# Copyright: (c) 2026, the tidegate developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Whatever release of nft made our table, every other one lists it: those in containers of the host's network do.

nft before 1.1 ends by a segmentation fault where nft 1.1.2 or later wrote a set or a map by its `type`.
"""

from __future__ import annotations

from pathlib import Path

import pytest

from ansible_collections.tidegate.nftables.tests.golden.cases import Case, cases, readable
from ansible_collections.tidegate.nftables.tests.integration.policy.conftest import BINARIES, TABLE, load, nft
from ansible_collections.tidegate.nftables.tests.support.waiting import run

CASES = [case for case in cases() if case.resolved().mode != "absent"]


@pytest.mark.parametrize(
    ("writer", "case"),
    [(writer, case) for writer in BINARIES for case in readable(CASES, writer)],
    ids=lambda one: one.parent.name if isinstance(one, Path) else str(one),
)
def test_every_nft_lists_a_table_of_every_other_one(case: Case, writer: Path, tmp_path: Path) -> None:
    readers = [binary for binary in BINARIES if readable([case], binary)]
    load(case.spec(), tmp_path, writer)
    ours = nft("-s", "list", "table", *TABLE.split(), binary=writer)
    for reader in readers:
        names = [line.split()[1] for line in nft("list", "ruleset", binary=reader).splitlines() if "chain " in line]
        assert names == [line.split()[1] for line in ours.splitlines() if "chain " in line]
        nft("-j", "list", "ruleset", binary=reader)
        nft("-f", "-", given="add table inet other\ndelete table inet other\n", binary=reader)


def test_they_do_crash_on_a_set_that_is_declared_by_its_type() -> None:
    """The control of the test above: with an nft that is cured of it, this fault is past."""
    old, new = BINARIES[0], BINARIES[-1]
    nft("-f", "-", given="table inet other {\n set s { type ipv4_addr; }\n}\n", binary=new)
    assert run([str(old), "list", "ruleset"], check=False).returncode != 0
