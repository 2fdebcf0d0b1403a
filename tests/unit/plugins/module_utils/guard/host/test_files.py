# Copyright: (c) 2026, the tidegate developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Files that are whole or not at all: records, the change on trial, the journal, settings, the installed program."""

from __future__ import annotations

import ast
import importlib.util
import json
import os
import random
import subprocess
import sys
import zipfile
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ansible_collections.tidegate.nftables.plugins.module_utils.guard import installed
from ansible_collections.tidegate.nftables.plugins.module_utils.guard.host import clock, files, lock, systemd_units
from ansible_collections.tidegate.nftables.plugins.module_utils.guard.host.errors import REASONS, GuardError
from ansible_collections.tidegate.nftables.plugins.module_utils.guard.host.paths import Paths
from ansible_collections.tidegate.nftables.plugins.module_utils.guard.program import install, package, parts
from ansible_collections.tidegate.nftables.plugins.module_utils.guard.saved import (
    failsafe,
    history,
    journal,
    pending,
    records,
    request,
    settings,
)
from ansible_collections.tidegate.nftables.plugins.module_utils.guard.saved.records import Record
from ansible_collections.tidegate.nftables.plugins.module_utils.guard.saved.settings import Settings

MODULES = Path(package.__file__).parents[2]
LISTING = 'table inet tidegate {\n\tchain out {\n\t\taccept comment "é"\n\t}\n}\n'


@pytest.fixture
def paths(tmp_path: Path) -> Paths:
    paths_of_host = Paths(str(tmp_path))
    files.make_folder(paths_of_host.state)
    files.make_folder(paths_of_host.run)
    return paths_of_host


def test_a_record_is_what_was_written(paths: Paths) -> None:
    record = Record(
        listing=LISTING,
        token="abc",
        who="alice",
        what='a \n "change"',
        when=1.5,
        others=("fed",),
        spec="spec",
        nft_version="1.0.6",
        taken=0.5,
        kernel="6.1",
    )
    long = replace(record, messages=random.Random(1).randbytes(5000))
    files.write(paths.confirmed, records.dump(long))
    assert records.load(paths.confirmed) == long
    files.write(paths.confirmed, records.dump(record))
    assert records.load(paths.confirmed) == record
    text = paths.confirmed.read_text()
    assert text.startswith("# tidegate 1 ")
    assert text.count("\n# ") == 0
    assert records.load(paths.candidate) is None


@given(st.data())
def test_any_flipped_byte_is_noticed(data: st.DataObject) -> None:
    whole = records.dump(Record(LISTING, "abc"))
    at = data.draw(st.integers(0, len(whole) - 1))
    flipped = bytearray(whole)
    flipped[at] ^= data.draw(st.integers(1, 255))
    path = Path(os.environ.get("TMPDIR", "/tmp")) / f"tidegate-flip-{os.getpid()}"  # hypothesis outlives fixtures
    try:
        path.write_bytes(bytes(flipped))
        with pytest.raises(GuardError, match="does not match its checksum"):
            records.load(path)
    finally:
        path.unlink()


@pytest.mark.parametrize(
    "text", ["", "# tidegate 1 {}\n", "# tidegate 1 nonsense\n", "flush ruleset\n", "# tidegate 1 []\nx"]
)
def test_what_is_no_record_is_damaged(paths: Paths, text: str) -> None:
    paths.confirmed.write_text(text)
    with pytest.raises(GuardError) as caught:
        records.load(paths.confirmed)
    assert caught.value.reason == "damaged"


def test_a_reserved_file_has_its_space_and_is_no_record(paths: Paths) -> None:
    files.reserve(paths.candidate, 100_000)
    assert paths.candidate.stat().st_blocks * 512 >= 100_000
    with pytest.raises(GuardError):
        records.load(paths.candidate)
    files.fill(paths.candidate, records.dump(Record(LISTING)))
    assert records.load(paths.candidate) == Record(LISTING)


def test_a_file_that_cannot_be_written_is_reported_and_the_old_one_stays(paths: Paths) -> None:
    files.write(paths.settings, b"old")
    (paths.state / ".settings.json.new").mkdir()
    with pytest.raises(GuardError, match="cannot be written") as caught:
        files.write(paths.settings, b"new")
    assert caught.value.reason == "cannot_write"
    assert paths.settings.read_bytes() == b"old"


def test_the_pending_change_is_read_as_written_and_rubbish_is_of_another_boot(paths: Paths) -> None:
    change = pending.PendingChange(
        token="t",
        who="alice",
        what="x",
        since="now",
        snapshot_at=1.0,
        deadline=61.0,
        boot_id=clock.boot_id(),
        others=("fed",),
        spec="s",
    )
    pending.write(paths, change)
    assert pending.read(paths) == change
    assert change.of_this_boot
    for rubbish in ("", "[]", "{", '{"token": 1}'):
        paths.pending.write_text(rubbish)
        void = pending.read(paths)
        assert void is not None
        assert not void.of_this_boot
    pending.remove(paths)
    assert pending.read(paths) is None


def test_the_journal_drops_its_older_half(paths: Paths, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(journal, "LIMIT", 2000)
    for number in range(60):
        journal.add(paths, "saved", token=str(number))
    events = journal.read(paths)
    assert events[-1]["token"] == "59"
    assert 10 < len(events) < 40
    assert paths.journal.stat().st_size < 2200
    assert journal.last_event(paths, "59") == events[-1]
    assert journal.last_event(paths, "0") is None


def test_lines_that_are_no_events_are_left_out(paths: Paths) -> None:
    paths.journal.write_text('{"event": "saved"}\nrubbish\n[1]\n{"event": "unheard of"}\n{"event"')
    assert journal.read(paths) == [{"event": "saved"}]


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ({"drift": "ignore"}, "drift: 'ignore' is not one of report, repair"),
        ({"mode": "absent"}, "mode: 'absent' is not one of enforce, observe"),
    ],
)
def test_settings_that_cannot_be_are_refused(values: dict[str, object], message: str) -> None:
    with pytest.raises(GuardError, match=message):
        settings.parse(values)


def test_settings_that_cannot_be_read_are_the_strict_ones(paths: Paths) -> None:
    assert settings.read(paths) == Settings()
    files.write(paths.settings, settings.dump(Settings("repair", "observe", ("udp dport 53 accept",))))
    assert settings.read(paths) == Settings("repair", "observe", ("udp dport 53 accept",))
    for rubbish in ("", "{", "[]", '{"mode": "off"}'):
        paths.settings.write_text(rubbish)
        assert settings.read(paths) == Settings()
    assert "policy drop" in failsafe.table(Settings())


def test_the_history_is_found_by_number_name_and_time(paths: Paths) -> None:
    for number in range(4):
        files.write(
            paths.confirmed, records.dump(Record(LISTING, f"t{number}", when=1_700_000_000.0 + 86_400 * number))
        )
        history.keep(paths)
    names = [earlier.name for earlier in history.earlier(paths)]
    assert names[0] == "2023-11-17T22:13:20.000Z-t3"
    assert history.find(paths, "1").token == "t3"
    assert history.find(paths, names[2]).token == "t1"
    assert history.find(paths, "2023-11-15").token == "t1"
    for key, message in (("2023-11", "matches more than one"), ("9", "matches none"), ("t1", "matches none")):
        with pytest.raises(GuardError, match=message):
            history.find(paths, key)


def test_the_previous_policy_is_the_one_before_also_after_a_clock_was_a_year_ahead(paths: Paths) -> None:
    year, kept = 365 * 86_400, []
    for number in range(1, 14):
        # The clock is a year ahead for the second one.
        when = 1_700_000_000.0 + number + (year if number == 2 else 0)
        files.write(paths.confirmed, records.dump(Record(LISTING, f"t{number}", when=when)))
        history.keep(paths)
        kept = [record_token(earlier.name) for earlier in history.earlier(paths)]
        assert kept == [f"t{earlier}" for earlier in range(number, max(0, number - history.KEPT), -1)]
        assert history.find(paths, "1").token == f"t{number}"
    assert len(kept) == history.KEPT


def record_token(name: str) -> str:
    """The token in the name of an earlier policy."""
    return name.rpartition("-")[2]


def test_a_damaged_policy_does_not_enter_the_history(paths: Paths) -> None:
    paths.confirmed.write_text("rubbish")
    history.keep(paths)
    assert history.earlier(paths) == []


def test_a_lock_keeps_others_out_until_it_is_let_go(paths: Paths) -> None:
    assert not lock.is_held(paths.lock)
    with lock.exclusive(paths, 0):
        assert lock.is_held(paths.lock)
        with pytest.raises(GuardError, match="Another tidegate run has held") as caught, lock.exclusive(paths, 0.1):
            pass
        assert caught.value.reason == "busy"
    assert not lock.is_held(paths.lock)


def test_a_recycled_process_id_is_another_process() -> None:
    begun = clock.start_time(os.getpid())
    assert begun is not None
    child = subprocess.Popen(["sleep", "60"])
    assert clock.start_time(child.pid) is not None
    child.kill()
    while clock.start_time(child.pid) is not None:
        pass
    child.wait()
    assert clock.start_time(child.pid) is None


def test_a_file_that_goes_meanwhile_stops_no_removal(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    folder = tmp_path / "run"
    folder.mkdir()
    (folder / "of a watcher that ends").touch()
    real = Path.iterdir

    def going(self: Path) -> Iterator[Path]:
        for path in list(real(self)):
            path.unlink()
            yield path

    monkeypatch.setattr(Path, "iterdir", going)
    install._empty(folder)
    assert not folder.exists()


def test_the_program_holds_all_it_needs(tmp_path: Path) -> None:
    path = tmp_path / "tidegate"
    path.write_bytes(package.build())
    done = subprocess.run(
        [sys.executable, "-IS", str(path), "--help"], text=True, capture_output=True, check=False, env={}
    )
    assert done.returncode == 0, done.stderr
    assert "which policy is loaded, who confirmed it" in done.stdout
    with zipfile.ZipFile(path) as archive:
        names = archive.namelist()
        assert all(info.compress_type == zipfile.ZIP_STORED for info in archive.infolist())
    assert {Path(name).with_suffix(".py").as_posix() for name in names if name.endswith(".pyc")} == {
        name for name in names if name.endswith(".py")
    }
    assert package.is_built(path.read_bytes())


def test_the_program_is_what_the_guard_imports() -> None:
    """Also in functions, as Ansible looks for what it sends."""
    assert set(parts.names()) == imported_by("guard.run_module")


def imported_by(name: str) -> set[str]:
    """Return this module below module_utils, and all that it imports, with what they import, and so on."""
    modules, left = set(), [name]
    while left:
        module = left.pop()
        path = MODULES.joinpath(*module.split(".")).with_suffix(".py")
        if module in modules or not path.exists():
            continue
        modules.add(module)
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.ImportFrom):
                above = module.split(".")[: -node.level] if node.level else []
                room = ".".join([*above, *([node.module] if node.module else [])]).removeprefix(parts.ROOMS).lstrip(".")
                left += [room, *(f"{room}.{each.name}".lstrip(".") for each in node.names)]
    return modules


@pytest.mark.parametrize("place", [0, 40_000, -1, -80, -150])
def test_a_program_with_one_other_byte_is_made_anew(paths: Paths, place: int) -> None:
    install.install(paths, Settings(), {}, systemd=False)
    data = bytearray(paths.program.read_bytes())
    data[place] ^= 1
    paths.program.write_bytes(bytes(data))
    assert [change.path for change in install.install(paths, Settings(), {}, systemd=False)] == [str(paths.program)]
    assert package.is_built(paths.program.read_bytes())


def test_modules_compiled_for_another_python_are_made_anew(paths: Paths, monkeypatch: pytest.MonkeyPatch) -> None:
    install.install(paths, Settings(), {}, systemd=False)
    monkeypatch.setattr(importlib.util, "MAGIC_NUMBER", b"\0\1\r\n")
    package.build.cache_clear()
    assert [change.path for change in install.install(paths, Settings(), {}, systemd=False)] == [str(paths.program)]
    monkeypatch.undo()
    package.build.cache_clear()
    # The sources are in it for every Python.
    assert subprocess.run([sys.executable, "-IS", str(paths.program), "--version"], check=False).returncode == 0
    assert not package.is_built(paths.program.read_bytes())


def test_the_sent_file_looks_where_the_program_is() -> None:
    assert Path(installed.PROGRAM) == Paths().program


def test_the_program_says_which_python_runs_it_alone() -> None:
    first = package.build()
    assert first.startswith(b"#!/")
    assert first.split(b"\n")[0].endswith(b" -IS")


def test_files_are_made_once_and_repaired(paths: Paths) -> None:
    first = install.install(paths, Settings(), {}, systemd=False)
    assert [change.action for change in first] == ["add"] * 8
    assert install.install(paths, Settings(), {}, systemd=False) == []
    paths.program.write_bytes(b"old")
    paths.command.unlink()
    paths.settings.chmod(0o644)
    again = {change.path: change.action for change in install.install(paths, Settings(), {}, systemd=False)}
    assert again == {str(paths.program): "change", str(paths.command): "add", str(paths.settings): "change"}
    assert paths.command.readlink() == paths.program
    assert install.install(paths, Settings(), {}, systemd=False) == []


def test_check_mode_says_what_a_run_does_and_does_nothing(paths: Paths) -> None:
    predicted = install.install(paths, Settings(), {}, systemd=False, check=True)
    assert not paths.program.exists()
    assert predicted == install.install(paths, Settings(), {}, systemd=False)
    gone = install.remove(paths, systemd=False, check=True)
    assert paths.program.exists()
    assert gone == install.remove(paths, systemd=False)
    assert not paths.program.parent.exists()
    assert not paths.state.exists()
    assert install.remove(paths, systemd=False) == []


def test_the_diff_of_a_program_is_not_its_source(paths: Paths) -> None:
    change = next(
        file for file in install.install(paths, Settings(), {}, systemd=False) if file.path == str(paths.program)
    )
    assert change.before == ""
    assert change.as_diff()["after"].startswith("(a program, ")


def test_the_units_come_after_every_loader_and_before_the_network() -> None:
    boot = systemd_units.texts(Paths(), "/usr/bin/python3")[systemd_units.BOOT]
    after = next(line for line in boot.split("\n") if line.startswith("After="))
    for loader in ("nftables", "ufw", "firewalld", "netfilter-persistent"):
        assert f"{loader}.service" in after
    assert "Before=network-pre.target" in boot
    assert "RemainAfterExit=yes" in boot


def test_every_error_has_a_known_reason() -> None:
    import ast

    reasons = set()
    for path in MODULES.joinpath("guard").rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.Call) and getattr(node.func, "id", "") == "GuardError":
                reason = node.args[0]
                if isinstance(reason, ast.Constant):
                    reasons.add(reason.value)
    assert reasons == set(REASONS)


def test_no_journal_is_needed_for_an_event(paths: Paths) -> None:
    paths.journal.mkdir()
    journal.add(paths, "lost")
    assert json.dumps(journal.EVENTS)


def test_the_sets_of_others_are_those_without_elements_and_those_that_packets_fill() -> None:
    sets = [
        {"name": "allow4", "elements": ["10.0.0.1"]},
        {"name": "none4", "elements": []},
        {"name": "pinned4", "elements_from": "resolvers"},
        {"name": "fed4"},
        {"name": "ledger4", "flags": ["dynamic", "timeout"], "elements": []},
    ]
    first = request.of_tables([{"family": "inet", "name": "tidegate", "sets": sets, "maps": [{"name": "m"}]}], "alice")
    assert first.others == ("fed4", "ledger4", "m")
    assert first.who == "alice"
    again = request.of_tables([{"name": "tidegate", "maps": [{"name": "m"}], "family": "inet", "sets": sets}], "bob")
    assert again.spec == first.spec


@pytest.mark.parametrize(
    "tables", [[], [{"name": "other"}], [{"name": "tidegate", "family": "ip"}], [{"name": "tidegate"}] * 2]
)
def test_the_guard_knows_one_table(tables: list[dict[str, str]]) -> None:
    with pytest.raises(GuardError, match="accepts exactly one table, inet tidegate"):
        request.of_tables(tables, "alice")
