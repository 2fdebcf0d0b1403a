# Copyright: (c) 2026, the tidegate developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What is saved for boot: the same table, in numbers, whole or not at all."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import pytest

from ansible_collections.tidegate.nftables.plugins.module_utils.nft.command import Nft, NftOutcome
from ansible_collections.tidegate.nftables.plugins.module_utils.nft.errors import EngineError

from .conftest import Lab
from .test_declarations import TABLE, send

SMALL: dict[str, Any] = {
    "name": "t",
    "chains": [{"name": "c", "type": "filter", "hook": "output", "priority": 0, "rules": ["meta skuid root accept"]}],
}


def test_saved_table_loads_to_the_same_table(lab: Lab, tmp_path: Path) -> None:
    file = tmp_path / "t.nft"
    assert lab.run(TABLE, save=file).changed
    assert file.stat().st_mode & 0o777 == 0o600
    lab.load("add element inet t fed { 192.0.2.1 }")
    send(2)
    lab.load("delete table inet t\nadd table inet bystander")
    lab.load(file.read_text())
    # The saved file makes what the run makes, and nobody else's elements.
    assert not lab.run(TABLE, save=file).changed
    # Loading it again, over a table that has changed, puts everything back.
    lab.load("add rule inet t sent drop")
    lab.load(file.read_text())
    assert not lab.run(TABLE, save=file).changed
    assert "bystander" in lab.listing("tables")


def test_saved_text_is_numeric(lab: Lab, tmp_path: Path) -> None:
    file = tmp_path / "t.nft"
    rules = ["meta skuid root tcp dport { https, ssh } accept", "skgid root drop"]
    lab.run({**SMALL, "chains": [{**SMALL["chains"][0], "rules": rules}]}, save=file)
    text = file.read_text()
    assert not any(word in text for word in ("root", "https", "ssh"))
    assert "meta skuid 0 tcp dport { 22, 443 } accept" in text


def test_check_mode_predicts_the_file_and_does_not_write_it(lab: Lab, tmp_path: Path) -> None:
    file = tmp_path / "t.nft"
    checked = lab.run(SMALL, save=file, check=True)
    assert not file.exists()
    result = lab.run(SMALL, save=file)
    assert checked.as_dict() == result.as_dict()
    assert ("add", "file") in [(change.action, change.kind) for change in result.changes]
    assert not lab.run(SMALL, save=file, check=True).changed
    file.write_text("something else")
    for check in (True, False):
        result = lab.run(SMALL, save=file, check=check)
        assert result.changed
        assert result.transaction == ""
        assert [(change.action, change.kind) for change in result.changes] == [("recreate", "file")]
        assert result.before != result.after
    assert not lab.run(SMALL, save=file).changed


def test_only_the_file_is_missing(lab: Lab, tmp_path: Path) -> None:
    file = tmp_path / "t.nft"
    lab.run(SMALL)
    assert lab.run(SMALL, save=file).changed
    assert not lab.run(SMALL, save=file).changed


def test_nothing_left_to_save(lab: Lab, tmp_path: Path) -> None:
    file = tmp_path / "t.nft"
    lab.run(SMALL, {"name": "u"}, save=file)
    assert "table inet u" in file.read_text()
    lab.run(SMALL, {"name": "u", "state": "absent"}, save=file)
    assert "table inet u" not in file.read_text()
    assert lab.run({"name": "t", "state": "absent"}, save=file).changed
    assert not file.exists()
    assert not lab.run({"name": "t", "state": "absent"}, save=file).changed


def test_file_does_not_depend_on_the_order_things_came_in(lab: Lab, tmp_path: Path) -> None:
    file = tmp_path / "t.nft"
    named = [{"name": name, "type": "ipv4_addr", "elements": ["10.0.0.2", "10.0.0.1"]} for name in "abc"]
    lab.run({"name": "t", "sets": named}, save=file)
    content = file.read_text()
    lab.run({"name": "t", "sets": [{**named[0], "comment": "x"}, *named[1:]]}, save=file)
    lab.run({"name": "t", "sets": named}, save=file)
    assert file.read_text() == content
    lab.forget()
    assert not lab.run({"name": "t", "sets": named}, save=file).changed


@pytest.mark.parametrize(
    ("path", "part"),
    [("t.nft", "is not an absolute path"), ("/nowhere/t.nft", "does not exist"), ("/tmp", "is a directory")],
)
def test_impossible_places(lab: Lab, path: str, part: str) -> None:
    with pytest.raises(EngineError, match=part) as error:
        lab.run(SMALL, save=Path(path))
    assert (error.value.reason, error.value.where) == ("bad_spec", "persist")
    assert lab.listing() == ""


def test_refused_transaction_leaves_the_file_alone(lab: Lab, tmp_path: Path) -> None:
    file = tmp_path / "t.nft"
    lab.run(SMALL, save=file)
    content = file.read_text()
    bad = {"name": "t", "chains": [{**SMALL["chains"][0], "rules": ["masquerade"]}]}
    with pytest.raises(EngineError):
        lab.run(bad, save=file)
    assert file.read_text() == content
    assert list(tmp_path.glob(".t.nft*")) == []


def test_unwritable_directory_changes_nothing(lab: Lab) -> None:
    with pytest.raises(EngineError, match="is not writable") as error:
        lab.run(SMALL, save=Path("/proc/self/t.nft"))
    assert error.value.reason == "bad_spec"
    assert lab.listing() == ""


def test_elements_of_timeouts_are_saved_with_their_time(lab: Lab, tmp_path: Path) -> None:
    file = tmp_path / "t.nft"
    elements = [{"value": "10.0.0.1", "timeout": "1d", "comment": "a day"}]
    table = {"name": "t", "sets": [{"name": "s", "type": "ipv4_addr", "flags": ["timeout"], "elements": elements}]}
    lab.run(table, save=file)
    assert '10.0.0.1 timeout 1d comment "a day"' in file.read_text()
    assert not lab.run(table, save=file).changed


def test_the_text_is_on_the_disk_before_the_commit_and_its_name_after(
    lab: Lab, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whatever moment the power goes at: the file is whole, and never ahead of the kernel."""
    file = tmp_path / "t.nft"
    lab.run(SMALL, save=file)
    done: list[str] = []
    fsync, replace, load = os.fsync, Path.replace, Nft.load

    def synced(number: int) -> None:
        name = str(Path(f"/proc/self/fd/{number}").readlink())
        done.append("directory" if name == str(tmp_path) else "text" if Path(name).read_text() else "nothing")
        fsync(number)

    def renamed(path: Path, target: Path) -> Path:
        if target == file:
            done.append("name")
        return replace(path, target)

    def loaded(nft: Nft, script: str, *, check: bool = False) -> NftOutcome:
        if not check:
            done.append("commit")
        return load(nft, script, check=check)

    monkeypatch.setattr(os, "fsync", synced)
    monkeypatch.setattr(Path, "replace", renamed)
    monkeypatch.setattr(Nft, "load", loaded)
    assert lab.run({**SMALL, "chains": [{**SMALL["chains"][0], "rules": ["drop"]}]}, save=file).changed
    assert done == ["text", "commit", "name", "directory"]
