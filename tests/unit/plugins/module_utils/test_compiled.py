# Copyright: (c) 2026, the tidegate developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Our modules are compiled once, whatever becomes of what was kept, and nobody else's code is run."""

from __future__ import annotations

import marshal
import os
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

from ansible_collections.tidegate.nftables.plugins.module_utils import compiled
from ansible_collections.tidegate.nftables.plugins.module_utils.nft.desired import tokens

ROOM = compiled.__name__.rpartition(".")[0]
PROGRAM = f"from {ROOM}.nft.desired import tokens; print(tokens.plain('a'), tokens.__file__)"


class Host:
    """A zip with a few of our modules, as Ansible sends it, and a run directory."""

    def __init__(self, folder: Path) -> None:
        self.zip, self.run_directory = folder / "module.zip", folder / "run"
        self.run_directory.mkdir(mode=0o700)
        self.sources = {tokens.__name__: Path(tokens.__file__).read_text(encoding="utf-8")}

    def run(self) -> str:
        """What a program says that imports one of them."""
        folders = ROOM.split(".")
        with zipfile.ZipFile(self.zip, "w", zipfile.ZIP_DEFLATED) as archive:
            for depth in range(1, len(folders) + 1):
                archive.writestr("/".join([*folders[:depth], "__init__.py"]), "")
            archive.write(compiled.__file__, f"{compiled.__name__.replace('.', '/')}.py")
            for package in (f"{ROOM}.nft", f"{ROOM}.nft.desired"):
                archive.write(str(sys.modules[package].__file__), f"{package.replace('.', '/')}/__init__.py")
            for name, source in self.sources.items():
                archive.writestr(f"{name.replace('.', '/')}.py", source)
        environment = {**os.environ, "PYTHONPATH": str(self.zip), compiled.VARIABLE: str(self.run_directory)}
        # -S: the checkout that the tests import from is not what is asked about
        done = subprocess.run(
            [sys.executable, "-S", "-c", PROGRAM], env=environment, capture_output=True, text=True, check=False
        )
        assert done.returncode == 0, done.stderr
        assert f"{self.zip}{os.sep}" in done.stdout
        return done.stdout.split()[0]

    @property
    def kept(self) -> Path:
        (found,) = self.run_directory.glob("code.*")
        return found

    def keep_instead(self, source: str) -> None:
        """Have other code kept for the module than its own."""
        finder = compiled.Finder(str(self.run_directory))
        finder._path = str(self.kept)
        finder._known = finder._read()
        digest, _code = finder._known[tokens.__name__]
        finder._known[tokens.__name__] = (digest, marshal.dumps(compile(source, "other", "exec")))
        finder._new = True
        finder.save()


OTHER = "def plain(text): return 'kept'"


@pytest.fixture
def host(tmp_path: Path) -> Host:
    return Host(tmp_path)


def test_what_was_kept_is_run_and_nothing_compiled(host: Host) -> None:
    assert host.run() == "True"
    assert host.kept.stat().st_mode & 0o777 == 0o600
    before = host.kept.stat().st_mtime_ns
    assert host.run() == "True"
    assert host.kept.stat().st_mtime_ns == before
    host.keep_instead(OTHER)
    assert host.run() == "kept"


def test_another_source_is_never_taken_for_what_was_kept(host: Host) -> None:
    host.run()
    host.sources[tokens.__name__] = "def plain(text): return 'new'"
    assert host.run() == "new"
    host.sources[tokens.__name__] = "def plain(text): return 'newer'"
    assert host.run() == "newer"


def spoil(host: Host) -> None:
    host.kept.write_bytes(host.kept.read_bytes()[:-1])


def change(host: Host) -> None:
    content = bytearray(host.kept.read_bytes())
    content[len(content) // 2] ^= 1
    host.kept.write_bytes(content)


def empty(host: Host) -> None:
    host.kept.write_bytes(b"")


def open_file(host: Host) -> None:
    host.kept.chmod(0o666)


def open_directory(host: Host) -> None:
    host.run_directory.chmod(0o777)


def link(host: Host) -> None:
    host.kept.rename(host.kept.with_name("other"))
    host.run_directory.joinpath(f"code.{sys.implementation.cache_tag}.0").symlink_to("other")


def another_users(host: Host) -> None:
    os.chown(host.kept, 65534, 65534)


@pytest.mark.parametrize("how", [spoil, change, empty, open_file, open_directory, link, another_users])
def test_what_is_not_whole_and_ours_is_not_run(host: Host, how: object) -> None:
    host.run()
    host.keep_instead(OTHER)
    assert callable(how)
    how(host)
    assert host.run() == "True"


def test_nothing_is_made_where_there_is_no_run_directory(host: Host) -> None:
    host.run_directory.rmdir()
    assert host.run() == "True"
    assert not host.run_directory.exists()


def test_outside_of_a_zip_nothing_is_kept() -> None:
    assert not any(isinstance(one, compiled.Finder) for one in sys.meta_path)
