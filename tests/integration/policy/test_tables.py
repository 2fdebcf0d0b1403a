# Copyright: (c) 2026, the tidegate developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Every golden table is read by every nft there is, and the engine has nothing to do when it applies one twice."""

from __future__ import annotations

import copy
from pathlib import Path

import pytest

from ansible_collections.tidegate.nftables.plugins.module_utils.nft.command import Nft
from ansible_collections.tidegate.nftables.plugins.module_utils.nft.desired import parse
from ansible_collections.tidegate.nftables.plugins.module_utils.nft.engine import Engine
from ansible_collections.tidegate.nftables.plugins.module_utils.nft.state.run_directory import RunDirectory
from ansible_collections.tidegate.nftables.tests.golden.cases import Case, cases, readable
from ansible_collections.tidegate.nftables.tests.integration.policy.conftest import BINARIES, load, nft

PRESENT = [case for case in cases() if case.spec().get("state") != "absent"]


@pytest.mark.parametrize("binary", BINARIES, ids=lambda path: path.parent.name)
def test_nft_loads_every_golden_table(binary: Path, tmp_path: Path) -> None:
    for case in readable(PRESENT, binary):
        load(case.spec(), tmp_path, binary)
        listing = nft("list", "table", "inet", "tidegate", binary=binary)
        assert f'comment "{case.resolved().entries[0].name}"' in listing if case.resolved().entries else listing
        nft("delete", "table", "inet", "tidegate", binary=binary)


@pytest.mark.parametrize("case", PRESENT, ids=str)
def test_the_engine_makes_it_once_and_has_nothing_to_do_then(case: Case, tmp_path: Path) -> None:
    def run() -> bool:
        engine = Engine(Nft("/usr/sbin/nft"), check=False, state=RunDirectory(str(tmp_path)))
        return bool(engine.run(parse.tables([copy.deepcopy(existing_users(case))])).as_dict()["changed"])

    assert run()
    (tmp_path / "again").mkdir()
    assert not run()


def existing_users(case: Case) -> dict[str, object]:
    """The spec with the users that every system has, where a missing one would be an error."""
    spec = case.spec()
    for chain in spec["chains"]:
        for rule in chain["rules"]:
            if isinstance(rule, dict) and rule["missing_users"] == "error":
                rule["users"] = ["root"]
    return spec
