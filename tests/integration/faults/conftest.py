# Copyright: (c) 2026, the tidegate developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A host of its own for every test, in which the real module runs as Ansible would run it."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from ansible_collections.tidegate.nftables.plugins.module_utils.nft import nf_tables
from ansible_collections.tidegate.nftables.plugins.module_utils.nft.command import Nft
from ansible_collections.tidegate.nftables.plugins.module_utils.nft.live.reader import read_table
from ansible_collections.tidegate.nftables.tests.effort import LONG
from ansible_collections.tidegate.nftables.tests.integration.nft.conftest import BINARIES
from ansible_collections.tidegate.nftables.tests.support.namespaces import namespace
from ansible_collections.tidegate.nftables.tests.support.paths import COLLECTIONS
from ansible_collections.tidegate.nftables.tests.support.waiting import finish

__all__ = ["namespace"]

START = "from ansible_collections.tidegate.nftables.plugins.modules.nft_ruleset import main; main()"


@dataclass
class Host:
    """One nft, one run directory and one for files. environment: more of it for the runs."""

    nft: Nft
    folder: Path
    environment: dict[str, str] = field(default_factory=dict)

    @property
    def run_dir(self) -> Path:
        return self.folder / "run"

    @property
    def saved(self) -> Path:
        return self.folder / "saved.nft"

    def start(self, *tables: Mapping[str, Any], **options: Any) -> subprocess.Popen[str]:
        """The module with its arguments on stdin, as Ansible's wrapper gives them, in a process group of its own."""
        internal = {"_ansible_check_mode": options.pop("check", False), "_ansible_remote_tmp": str(self.folder)}
        prefix = options.pop("prefix", ())
        arguments = {"ANSIBLE_MODULE_ARGS": {"tables": list(tables), **options, **internal}}
        environment = {
            **os.environ,
            "PYTHONPATH": str(COLLECTIONS),
            "PATH": f"{Path(self.nft.path).parent}:{os.environ['PATH']}",
            "TIDEGATE_RUN_DIR": str(self.run_dir),
            **self.environment,
        }
        file = self.folder / f"arguments.{os.urandom(6).hex()}"
        file.write_text(json.dumps(arguments))
        with file.open() as stdin:
            file.unlink()
            return subprocess.Popen(
                [*prefix, sys.executable, "-c", START],
                stdin=stdin, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env=environment,
                start_new_session=True,
            )  # fmt: skip

    def run(self, *tables: Mapping[str, Any], **options: Any) -> dict[str, Any]:
        """One run to its end: what it returned. A traceback is a failure of the test."""
        with self.start(*tables, **options) as module:
            return result(module)

    def good(self, *tables: Mapping[str, Any], **options: Any) -> dict[str, Any]:
        """One run that must not fail."""
        result = self.run(*tables, **options)
        assert not result.get("failed"), result["msg"]
        return result

    def load(self, script: str) -> None:
        """Have nft load something, as somebody else would."""
        outcome = self.nft.load(script if script.endswith("\n") else f"{script}\n")
        assert outcome.code == 0, outcome.err

    def listing(self, name: str = "t") -> str:
        """A table as nft prints it, without counts, "" when there is none."""
        if nf_tables.has_table("inet", name) is False:
            return ""
        outcome = self.nft.run("-s", "list", "table", "inet", name)
        return outcome.out if outcome.code == 0 else ""

    def rules(self, chain: str, name: str = "t") -> list[str]:
        table = read_table(self.nft, "inet", name)
        live_chain = table.chain(chain) if table else None
        return [rule.canon for rule in live_chain.rules] if live_chain else []

    def elements(self, of: str, name: str = "t") -> set[str]:
        table = read_table(self.nft, "inet", name)
        live_set = table.set(of) if table else None
        return {element.key for element in live_set.elements} if live_set else set()

    def tables(self) -> list[str]:
        return sorted(name for _family, name in nf_tables.tables())


def result(module: subprocess.Popen[str]) -> dict[str, Any]:
    """What a module returned. Anything but one JSON document is a failure of the test."""
    out, err = finish(module)
    assert "Traceback" not in err, err
    assert "Traceback" not in out, out
    document = json.loads(out)
    assert isinstance(document, dict)
    return document


@pytest.fixture(params=BINARIES if LONG else [list(BINARIES)[-1]])
def host(request: pytest.FixtureRequest, tmp_path: Path) -> Host:
    """A host with one nft: the newest, in the long variants each."""
    return Host(Nft(str(BINARIES[request.param])), tmp_path)
