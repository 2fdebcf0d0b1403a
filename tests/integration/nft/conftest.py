# Copyright: (c) 2026, the tidegate developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A network namespace for every test, and every version of nft: those of Debian 11, 12 and 13, and this machine's."""

from __future__ import annotations

import copy
import re
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from ansible_collections.tidegate.nftables.plugins.module_utils.nft.command import Nft
from ansible_collections.tidegate.nftables.plugins.module_utils.nft.desired import parse, parse_single
from ansible_collections.tidegate.nftables.plugins.module_utils.nft.desired.spec import TableSpec
from ansible_collections.tidegate.nftables.plugins.module_utils.nft.engine import Engine, RunResult
from ansible_collections.tidegate.nftables.plugins.module_utils.nft.live.model import NftElement, NftRule, NftTable
from ansible_collections.tidegate.nftables.plugins.module_utils.nft.live.reader import read_table
from ansible_collections.tidegate.nftables.plugins.module_utils.nft.state import persist
from ansible_collections.tidegate.nftables.plugins.module_utils.nft.state.run_directory import RunDirectory
from ansible_collections.tidegate.nftables.tests.support.namespaces import namespace
from ansible_collections.tidegate.nftables.tests.support.nft import binaries

__all__ = ["namespace"]

BINARIES = binaries()


@pytest.fixture(params=BINARIES)
def binary(request: pytest.FixtureRequest) -> str:
    """The path of one nft."""
    return str(BINARIES[request.param])


@dataclass
class Lab:
    """One nft in a namespace of its own, and the engine over it. table_name: the table that a test is about."""

    path: str
    run_dir: Path
    table_name: str = "t"

    def __post_init__(self) -> None:
        self.nft = Nft(self.path)

    @property
    def version(self) -> tuple[int, ...]:
        return tuple(map(int, self.nft.version().split(".")))

    def load(self, script: str) -> None:
        """Have nft load a script, as somebody else would."""
        outcome = self.nft.load(script if script.endswith("\n") else f"{script}\n")
        assert outcome.code == 0, outcome.err

    def listing(self, *what: str, options: tuple[str, ...] = ()) -> str:
        """What `nft list` prints."""
        outcome = self.nft.run(*options, "list", *(what or ("ruleset",)))
        assert outcome.code == 0, outcome.err
        return outcome.out

    def table(self, name: str = "t", family: str = "inet") -> NftTable:
        """A table as the engine reads it."""
        live = read_table(self.nft, family, name)
        assert live is not None
        return live

    def rules(self, chain: str, family: str = "inet") -> tuple[NftRule, ...]:
        """The rules of a chain of table t."""
        live_chain = self.table("t", family).chain(chain)
        assert live_chain is not None
        return live_chain.rules

    def elements(self, name: str) -> tuple[NftElement, ...]:
        """The elements of a set or map of table t."""
        live_set = self.table().set(name)
        assert live_set is not None
        return live_set.elements

    def engine(self, *, check: bool = False) -> Engine:
        return Engine(self.nft, check=check, state=RunDirectory(str(self.run_dir)))

    def run(self, *tables: dict[str, Any], check: bool = False, save: Path | None = None) -> RunResult:
        """One run of nft_ruleset."""
        desired = parse.tables([copy.deepcopy(table) for table in tables])
        file = persist.PersistFile(str(save)) if save else None
        return self.engine(check=check).run(desired, file)

    def single(self, kind: str, /, *, check: bool = False, **arguments: Any) -> RunResult:
        """One run of nft_KIND on table t."""
        options: dict[str, Any] = {
            "family": "inet",
            "table": "t",
            "state": "present",
            **DEFAULTS.get(kind, {}),
            **arguments,
        }
        if kind == "table":
            del options["table"]
        reader = getattr(parse_single, kind, None) or getattr(parse_single, f"{kind}_")
        desired: tuple[TableSpec, ...] = reader(options)
        return self.engine(check=check).run(desired)

    def predicted(self, *tables: dict[str, Any]) -> RunResult:
        """A run of which check mode said beforehand exactly what it does, and after which a run has nothing to do."""
        checked = self.run(*tables, check=True)
        result = self.run(*tables)
        assert _timeless(checked) == _timeless(result)
        self.settled(*tables)
        return result

    def settled(self, *tables: dict[str, Any]) -> None:
        """Assert that nothing is left to do, in check mode and for real, by proof and without."""
        for check in (True, False):
            again = self.run(*tables, check=check)
            assert not again.changed, again.transaction
        self.forget()
        again = self.run(*tables)
        assert not again.changed, again.transaction
        assert again.path == "full"

    def single_predicted(self, kind: str, /, **arguments: Any) -> RunResult:
        """The same as predicted, for a module that owns one object."""
        checked = self.single(kind, check=True, **arguments)
        result = self.single(kind, **arguments)
        assert _timeless(checked) == _timeless(result)
        for check in (True, False):
            again = self.single(kind, check=check, **arguments)
            assert not again.changed, again.transaction
        self.forget()
        assert not self.single(kind, **arguments).changed
        return result

    def forget(self) -> None:
        """Throw away what earlier runs recorded."""
        for record in self.run_dir.glob("applied.*"):
            record.unlink()


def _timeless(result: RunResult) -> dict[str, Any]:
    """What a run returned, without the time that elements have left, which goes by between two runs."""
    output = result.as_dict()
    return {**output, "transaction": re.sub(r" expires \S+", "", output["transaction"])}


DEFAULTS: dict[str, dict[str, Any]] = {
    "rule": {
        "rule": None,
        "comment": None,
        "position": None,
        "before": None,
        "after": None,
        "users": None,
        "missing_users": "skip",
    },
    "object": {"text": None, "comment": None},
}


@pytest.fixture
def lab(binary: str, tmp_path: Path) -> Lab:
    """An empty namespace with one nft."""
    return Lab(binary, tmp_path / "run")


OTHERS = """
table inet t {
    comment "mine"
    counter hits { packets 5 bytes 500; }
    set fed { type ipv4_addr; flags interval; elements = { 192.0.2.0/24 } }
    chain other { counter packets 7 bytes 700 accept comment "others own this"; }
    chain base { type filter hook input priority 0; policy accept;
        tcp dport 22 counter packets 3 bytes 300 accept comment "ssh"
        jump other
    }
}
"""


@pytest.fixture
def table_of_others(lab: Lab) -> None:
    """A table with something of everything, all of it somebody else's."""
    lab.load(OTHERS)
