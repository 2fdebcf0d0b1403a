# Copyright: (c) 2026, the tidegate developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Something that a run needs is full, missing or taken away: a named error with nothing done, or no harm at all."""

from __future__ import annotations

import contextlib
import json
import os
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from ansible_collections.tidegate.nftables.plugins.module_utils.nft.canonical import scratch
from ansible_collections.tidegate.nftables.plugins.module_utils.nft.desired import parse
from ansible_collections.tidegate.nftables.plugins.module_utils.nft.engine import Engine
from ansible_collections.tidegate.nftables.plugins.module_utils.nft.errors import EngineError
from ansible_collections.tidegate.nftables.plugins.module_utils.nft.state.run_directory import RunDirectory
from ansible_collections.tidegate.nftables.tests.support.waiting import finish

from .conftest import Host

OLD: dict[str, Any] = {"name": "t", "chains": [{"name": "c", "rules": ["tcp dport 1 accept"]}]}
NEW: dict[str, Any] = {"name": "t", "chains": [{"name": "c", "rules": ["tcp dport 2 accept"]}]}
BIG: dict[str, Any] = {
    "name": "t",
    "sets": [{"name": "s", "type": "ipv4_addr", "elements": [f"10.0.{n // 250}.{n % 250}" for n in range(2000)]}],
}


@contextlib.contextmanager
def mounted(where: Path, *options: str) -> Iterator[None]:
    """A small file system of its own at a directory."""
    where.mkdir(exist_ok=True)
    subprocess.run(["mount", "-t", "tmpfs", *options, "tmpfs", str(where)], check=True)
    try:
        yield
    finally:
        subprocess.run(["umount", "-l", str(where)], check=True)


def filled(where: Path) -> None:
    """Write to a directory until nothing more fits."""
    with contextlib.suppress(OSError), (where / "filler").open("wb", buffering=0) as file:
        while True:
            file.write(b"x" * 4096)


def test_a_full_disk_where_the_table_is_saved(host: Host) -> None:
    disk = host.folder / "disk"
    with mounted(disk, "-o", "size=256k"):
        saved = disk / "saved.nft"
        host.good(OLD, persist=str(saved))
        content, before = saved.read_text(), host.listing()
        filled(disk)
        result = host.run(BIG, persist=str(saved))
        assert (result["failed"], result["reason"], result["where"]) == (True, "bad_spec", "persist")
        assert "is not writable: No space left on device" in result["msg"]
        assert (saved.read_text(), host.listing()) == (content, before)
        assert sorted(path.name for path in disk.iterdir()) == ["filler", "saved.nft"]
        (disk / "filler").unlink()
        host.good(BIG, persist=str(saved))
        assert "10.0.7.249" in saved.read_text()


def test_everything_else_is_full(host: Host) -> None:
    """Notes and temporary files are a convenience: without room for them a run does its work."""
    disk = host.folder / "disk"
    with mounted(disk, "-o", "size=64k"):
        filled(disk)
        host.environment = {"TMPDIR": str(disk), "TIDEGATE_RUN_DIR": str(disk / "run")}
        host.good(BIG)
        assert len(host.elements("s")) == 2000
        assert not host.good(BIG)["changed"]
        assert host.tables() == ["t"]


def test_a_read_only_etc(host: Host) -> None:
    etc = host.folder / "etc"
    with mounted(etc, "-o", "ro"):
        host.good(OLD)
        before = host.listing()
        result = host.run(NEW, persist=str(etc / "saved.nft"))
        assert (result["failed"], result["where"]) == (True, "persist")
        assert "Read-only file system" in result["msg"]
        assert host.listing() == before


def test_run_is_missing(host: Host) -> None:
    host.environment = {"TIDEGATE_RUN_DIR": "/proc/nowhere/tidegate"}
    assert host.good(OLD)["changed"]
    again = host.good(OLD)
    assert (again["changed"], again["path"]) == (False, "full")
    assert host.good(NEW)["changed"]
    assert host.tables() == ["t"]


def test_notes_of_another_time_are_put_back(host: Host) -> None:
    """A /run that a backup or a snapshot of the machine restored proves nothing that is no longer so."""
    host.good(OLD)
    shutil.copytree(host.run_dir, host.folder / "kept")
    host.good(NEW)
    shutil.rmtree(host.run_dir)
    (host.folder / "kept").rename(host.run_dir)
    assert host.good(OLD)["changed"]
    assert host.rules("c") == ["tcp dport 1 accept"]


KILLED = ("--version", "list table", " -i", "-f")
"""Calls of nft, by a part of their arguments, that are killed as the kernel does for lack of memory."""


@pytest.mark.parametrize("call", KILLED)
@pytest.mark.parametrize("moment", ["before", "after"])
def test_nft_is_killed(host: Host, call: str, moment: str) -> None:
    host.good(OLD)
    before = host.listing()
    shutil.rmtree(host.run_dir)
    folder = host.folder / "bin"
    folder.mkdir()
    wrapper = folder / "nft"
    work = f'"{host.nft.path}" "$@"; ' if moment == "after" else ""
    wrapper.write_text(
        f'#!/bin/sh\ncase " $*" in *"{call}"*) {work}kill -KILL $$;; esac\nexec "{host.nft.path}" "$@"\n'
    )
    wrapper.chmod(0o755)
    host.environment = {"PATH": f"{folder}:{os.environ['PATH']}"}
    result = host.run(NEW)
    if (call, moment) == ("-f", "after"):
        # It died when everything was done, and that is seen.
        assert result["changed"]
        assert host.rules("c") == ["tcp dport 2 accept"]
    else:
        assert (result["failed"], result["reason"]) == (True, "nft_crashed")
        assert "Signal SIGKILL ended nft" in result["msg"]
        assert "for lack of memory" in result["msg"]
        assert host.listing() == before
    host.environment = {}
    host.good(NEW)
    assert host.rules("c") == ["tcp dport 2 accept"]
    assert host.tables() == ["t"]


def test_too_little_memory_for_nft(host: Host) -> None:
    """A run within a memory limit that its nft does not fit into."""
    host.good(OLD)
    before = host.listing()
    script = f'#!/bin/sh\nulimit -v 20000\nexec "{host.nft.path}" "$@"\n'
    folder = host.folder / "bin"
    folder.mkdir()
    (folder / "nft").write_text(script)
    (folder / "nft").chmod(0o755)
    host.environment = {"PATH": f"{folder}:{os.environ['PATH']}"}
    many = [f"10.{n // 65536}.{n // 256 % 256}.{n % 256}/32" for n in range(0, 120000, 2)]
    large = {"name": "t", "sets": [{"name": "s", "type": "ipv4_addr", "flags": ["interval"], "elements": many}]}
    result = host.run(large)
    assert result["failed"]
    assert result["reason"] in ("nft_crashed", "rejected_by_nft"), result["msg"]
    assert host.listing() == before
    host.environment = {}
    host.good(NEW)
    assert host.tables() == ["t"]


@pytest.mark.parametrize("megabytes", range(40, 80, 8))
def test_too_little_memory_for_the_run(host: Host, megabytes: int) -> None:
    """However far a run gets: the old or the new table, and the next one does the rest."""
    host.good(OLD)
    many = [f"10.{n // 65536}.{n // 256 % 256}.{n % 256}" for n in range(0, 60000, 2)]
    large = {"name": "t", "sets": [{"name": "s", "type": "ipv4_addr", "flags": ["interval"], "elements": many}]}
    limit = ("prlimit", f"--as={megabytes * 1_000_000}")
    with host.start(large, prefix=limit) as module:
        out, err = finish(module)
    result = json.loads(out) if out.strip() else {}
    # Ansible's own code may be what gets no memory, when it repeats the arguments: that it says in its own way.
    assert result or "MemoryError" in err, err
    if result.get("failed"):
        assert result["reason"] in ("no_memory", "nft_crashed", "rejected_by_nft"), result["msg"]
    assert host.listing().count("tcp dport 1 accept") + host.listing().count("set s {") == 1
    host.good(NEW)
    assert host.rules("c") == ["tcp dport 2 accept"]
    assert host.tables() == ["t"]


def test_a_run_that_gets_no_memory_says_so(host: Host, monkeypatch: pytest.MonkeyPatch) -> None:
    def refused(*_arguments: object) -> None:
        raise MemoryError

    monkeypatch.setattr(scratch, "canonical", refused)
    with pytest.raises(EngineError, match="needs more memory than it may use") as caught:
        Engine(host.nft, state=RunDirectory(str(host.run_dir))).run(parse.tables([OLD]))
    assert caught.value.reason == "no_memory"
