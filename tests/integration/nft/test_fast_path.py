# Copyright: (c) 2026, the tidegate developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A run that has nothing to do starts no nft, and one that has something to do is never mistaken for it."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

import pytest

from ansible_collections.tidegate.nftables.plugins.module_utils.nft import nf_tables
from ansible_collections.tidegate.nftables.plugins.module_utils.nft.command import Nft, NftOutcome
from ansible_collections.tidegate.nftables.plugins.module_utils.nft.state import proof
from ansible_collections.tidegate.nftables.tests.support.namespaces import enter_new

from .conftest import Lab
from .test_declarations import send

TABLE: dict[str, Any] = {
    "name": "t",
    "sets": [{"name": "s", "type": "ipv4_addr", "elements": ["10.0.0.1"]}],
    "chains": [
        {"name": "c", "type": "filter", "hook": "output", "priority": "filter", "rules": ["tcp dport 80 accept"]}
    ],
}


class Counting(Nft):
    """Counts how often nft is started."""

    starts = 0

    def run(self, *arguments: str, stdin: str = "") -> NftOutcome:
        type(self).starts += 1
        return super().run(*arguments, stdin=stdin)


@pytest.fixture
def counting(lab: Lab) -> Lab:
    Counting.starts = 0
    lab.nft = Counting(lab.path)
    return lab


def test_unchanged_run_starts_no_nft(counting: Lab) -> None:
    assert counting.run(TABLE).path == "full"
    Counting.starts = 0
    again = counting.run(TABLE)
    assert (again.changed, again.path, again.transaction) == (False, "fast", "")
    assert again.nft_version == counting.nft.version()
    assert counting.run(TABLE, check=True).path == "fast"
    assert Counting.starts <= 1
    # The version above was asked for by this test.


def test_unchanged_run_proves_itself_too(lab: Lab) -> None:
    lab.run(TABLE)
    lab.forget()
    assert lab.run(TABLE).path == "full"
    assert lab.run(TABLE).path == "fast"


def test_check_run_without_changes_proves_itself_too(lab: Lab) -> None:
    lab.run(TABLE)
    lab.forget()
    assert lab.run(TABLE, check=True).path == "full"
    assert lab.run(TABLE, check=True).path == "fast"
    assert lab.run(TABLE).path == "fast"


def test_check_run_with_changes_proves_nothing(lab: Lab) -> None:
    lab.run(TABLE)
    other = {**TABLE, "chains": []}
    assert lab.run(other, check=True).changed
    assert lab.run(other, check=True).changed
    assert lab.run(TABLE).path == "fast"
    assert lab.run(other).changed


@pytest.mark.parametrize("check", [True, False])
def test_commit_of_another_table_costs_one_full_run(lab: Lab, *, check: bool) -> None:
    lab.run(TABLE)
    lab.load("add table inet foreign")
    paths = [lab.run(TABLE, check=check).path for _run in range(3)]
    assert paths[1:] == ["fast", "fast"]
    generation = nf_tables.generation()
    assert lab.run(TABLE, check=check).path == "fast"
    assert nf_tables.generation() == generation


@pytest.mark.parametrize("check", [True, False])
def test_file_of_names_that_changed_costs_one_full_run(
    lab: Lab, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, *, check: bool
) -> None:
    users = tmp_path / "passwd"
    users.write_text("")
    monkeypatch.setattr(proof, "NAMES", (str(users),))
    lab.run(TABLE)
    users.write_text("www:x:33:33::/:/bin/sh\n")
    paths = [lab.run(TABLE, check=check).path for _run in range(3)]
    assert paths == ["full", "fast", "fast"]


@pytest.mark.parametrize("check", [True, False])
def test_file_of_names_that_changes_during_the_run_proves_nothing(
    lab: Lab, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, *, check: bool
) -> None:
    """nft may have read the file before it changed."""
    users = tmp_path / "passwd"
    users.write_text("")
    monkeypatch.setattr(proof, "NAMES", (str(users),))
    lab.run(TABLE)
    lab.forget()

    class Slow(Nft):
        def version(self) -> str:
            users.write_text(f"{users.read_text()}www:x:33:33::/:/bin/sh\n")
            return super().version()

    plain, lab.nft = lab.nft, Slow(lab.path)
    assert lab.run(TABLE, check=check).path == "full"
    lab.nft = plain
    assert [lab.run(TABLE, check=check).path for _run in range(2)] == ["full", "fast"]


CHANGES: dict[str, str] = {
    "its rules": "add rule inet t c drop",
    "its elements": "add element inet t s { 10.0.0.2 }",
    "another table": "add table ip elsewhere",
    "itself": "delete table inet t",
}


@pytest.mark.parametrize("what", CHANGES)
def test_somebody_changes(lab: Lab, what: str) -> None:
    lab.run(TABLE)
    lab.load(CHANGES[what])
    again = lab.run(TABLE)
    assert again.path == "full"
    assert again.changed == (what != "another table")
    assert lab.run(TABLE).path == "fast"


def test_other_arguments_are_another_matter(lab: Lab) -> None:
    lab.run(TABLE)
    assert lab.run({**TABLE, "chains": []}).changed
    assert lab.run(TABLE).changed


def test_same_words_in_another_namespace(lab: Lab) -> None:
    """A namespace whose ruleset has come to the same generation, with a table of the same name and handle."""
    lab.run(TABLE)
    here, handle = nf_tables.generation() or 0, nf_tables.handle("inet", "t") or 0
    inside = os.fork()
    if inside == 0:
        code = 1
        try:
            enter_new()
            for number in range(handle - 1):
                lab.load(f"add table inet x{number}\n")
            lab.load("add table inet t\n")
            while (nf_tables.generation() or 0) < here:
                lab.load(f"add chain inet t c{nf_tables.generation()}\n")
            same = (nf_tables.generation(), nf_tables.handle("inet", "t")) == (here, handle)
            result = lab.run(TABLE)
            code = 0 if same and (result.path, result.changed) == ("full", True) else 2
        finally:
            os._exit(code)
    _pid, status = os.waitpid(inside, 0)
    assert os.waitstatus_to_exitcode(status) == 0


def test_same_words_in_another_namespace_of_a_kernel_that_does_not_number_them(
    lab: Lab, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Before Linux 5.14 there is no cookie; then the inode tells."""
    monkeypatch.setattr(nf_tables, "namespace", lambda: None)
    lab.run(TABLE)
    assert lab.run(TABLE).path == "fast"
    enter_new()
    # As many commits and the same handles, by somebody who keeps their state elsewhere.
    Lab(lab.path, tmp_path / "elsewhere").run({**TABLE, "chains": [{**TABLE["chains"][0], "rules": ["drop"]}]})
    assert lab.run(TABLE).changed
    assert [rule.canon for rule in lab.rules("c")] == ["tcp dport 80 accept"]


def test_notes_of_another_boot_prove_nothing(lab: Lab, monkeypatch: pytest.MonkeyPatch) -> None:
    """The first namespace has the same number after every boot, and a /run may be restored."""
    lab.run(TABLE)
    assert lab.run(TABLE).path == "fast"
    monkeypatch.setattr(proof, "boot_id", lambda: "another")
    assert lab.run(TABLE).path == "full"


def test_another_task_of_ours_that_changes_the_same_is_seen(lab: Lab) -> None:
    """Its commits are known to be ours, and yet they count; those about something else do not."""
    lab.run(TABLE)
    lab.run({"name": "other", "chains": [{"name": "c", "rules": ["drop"]}]})
    assert lab.run(TABLE).path == "fast"
    lab.single("rule", chain="c", rule="drop", comment="more")
    again = lab.run(TABLE)
    assert (again.changed, again.path) == (True, "full")
    assert [rule.canon for rule in lab.rules("c")] == ["tcp dport 80 accept"]
    lab.single("element", set="s", elements=["10.0.0.2"])
    assert lab.run(TABLE).changed
    assert [element.key for element in lab.elements("s")] == ["10.0.0.1"]


def test_table_made_again_by_others_at_the_same_generation_is_not_trusted(lab: Lab) -> None:
    lab.run(TABLE)
    (record,) = lab.run_dir.glob("applied.*")
    lab.load("delete table inet t\n")
    lab.load("add table inet t\n")
    content = json.loads(record.read_text())
    content["proof"]["generation"] = nf_tables.generation()
    record.write_text(json.dumps(content))
    assert lab.run(TABLE).changed


@pytest.mark.parametrize("content", ["", "[]", "{", '{"version": "1", "proof": 5}', "\xff\xfe"])
def test_a_spoiled_note_is_no_proof(lab: Lab, content: str) -> None:
    lab.run(TABLE)
    (record,) = lab.run_dir.glob("applied.*")
    record.write_text(content, "latin-1")
    assert lab.run(TABLE).path == "full"
    assert lab.run(TABLE).path == "fast"


def test_a_directory_that_others_can_write_to_is_not_believed(lab: Lab) -> None:
    lab.run(TABLE)
    lab.run_dir.chmod(0o777)
    assert lab.run(TABLE).path == "full"
    assert lab.run(TABLE).path == "full"


@pytest.mark.parametrize("obstacle", ["file", "read-only"])
def test_a_directory_that_cannot_be_used_never_breaks_a_run(lab: Lab, obstacle: str, tmp_path: Path) -> None:
    if obstacle == "file":
        lab.run_dir.write_text("in the way")
    else:
        lab.run_dir = Path("/proc/1/tidegate")
    assert lab.run(TABLE).changed
    assert not lab.run(TABLE).changed


VOLATILE: dict[str, dict[str, Any]] = {
    "an index of an interface": {"chains": [{"name": "c", "rules": ["iif lo accept"]}]},
    "an element that times out": {"sets": [{"name": "s", "type": "mark", "timeout": "1d", "elements": ["1"]}]},
    "an element with a time": {
        "sets": [{"name": "s", "type": "mark", "flags": ["timeout"], "elements": [{"value": "1", "timeout": 99}]}]
    },
}


@pytest.mark.parametrize("what", VOLATILE)
def test_what_changes_without_a_commit_is_always_looked_at(lab: Lab, what: str) -> None:
    table = {"name": "t", **VOLATILE[what]}
    lab.run(table)
    assert lab.run(table).path == "full"


def test_saved_file_is_looked_at(lab: Lab, tmp_path: Path) -> None:
    file = tmp_path / "table.nft"
    lab.run(TABLE, save=file)
    assert lab.run(TABLE, save=file).path == "fast"
    content = file.read_text()
    file.write_text(f"{content}# edited\n")
    assert lab.run(TABLE, save=file).changed
    assert file.read_text() == content
    file.chmod(0o644)
    assert lab.run(TABLE, save=file).changed
    assert file.stat().st_mode & 0o777 == 0o600
    file.unlink()
    assert lab.run(TABLE, save=file).changed
    assert lab.run(TABLE, save=file).path == "fast"


def test_ledger_filled_by_traffic_keeps_the_proof(lab: Lab) -> None:
    table = {
        "name": "t",
        "sets": [{"name": "seen", "type": "ipv4_addr", "flags": ["dynamic", "timeout"], "timeout": "1d", "size": 99}],
        "chains": [
            {"name": "c", "type": "filter", "hook": "output", "priority": 0, "rules": ["update @seen { ip daddr }"]}
        ],
    }
    lab.run(table)
    send(2)
    assert lab.run(table).path == "fast"
