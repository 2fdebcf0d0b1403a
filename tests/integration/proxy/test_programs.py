# Copyright: (c) 2026, the tidegate developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""apt, pip and git through the proxy: what an entry opens works, and what none opens is an answer that names itself."""

from __future__ import annotations

import os
import subprocess
import sys
import zipfile
from collections.abc import Sequence
from pathlib import Path

import pytest

from ansible_collections.tidegate.nftables.tests.support.proxy import PORT, PROXY, Proxy
from ansible_collections.tidegate.nftables.tests.support.waiting import run

URL = f"http://{PROXY}:{PORT}"


@pytest.fixture(scope="module", autouse=True)
def published(world: Proxy) -> None:
    """Publish a repository of each kind."""
    publish(world)


def publish(world: Proxy) -> None:
    """Have the server of a world serve a repository of each kind."""
    wheel = world.served / "simple" / "tiny" / "tiny-1.0-py3-none-any.whl"
    wheel.parent.mkdir(parents=True)
    with zipfile.ZipFile(wheel, "w") as archive:
        archive.writestr("tiny-1.0.dist-info/METADATA", "Metadata-Version: 2.1\nName: tiny\nVersion: 1.0\n")
        archive.writestr("tiny-1.0.dist-info/WHEEL", "Wheel-Version: 1.0\nTag: py3-none-any\n")
        archive.writestr("tiny-1.0.dist-info/RECORD", "")
    debs = world.served / "debs"
    debs.mkdir()
    (debs / "Packages").write_text("Package: tiny\nVersion: 1.0\nArchitecture: all\nFilename: tiny.deb\n\n")
    source = world.directory / "source"
    git = ["git", "-c", "user.name=a", "-c", "user.email=a@example.org", "-C", str(source)]
    run(["git", "init", "--quiet", str(source)])
    run([*git, "commit", "--quiet", "--allow-empty", "--message", "first"])
    run(["git", "clone", "--quiet", "--bare", str(source), str(world.served / "tiny.git")])
    run(["git", "-C", str(world.served / "tiny.git"), "update-server-info"])


def program(world: Proxy, command: Sequence[str], url: str = URL) -> subprocess.CompletedProcess[str]:
    """Run a program that is told about the proxy by its environment."""
    environment = {**os.environ, "https_proxy": url, "http_proxy": url, "HOME": str(world.directory)}
    # What names certificates on this machine would win over the options.
    trusted = dict.fromkeys(("GIT_SSL_CAINFO", "REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE"), str(world.certificate))
    return run(list(command), check=False, env={**environment, **trusted})


def pip(world: Proxy, host: str) -> list[str]:
    index = f"https://{host}/simple/"
    where = ["--dest", str(world.directory / "pip"), "--cert", str(world.certificate), "--index-url", index]
    return [sys.executable, "-m", "pip", "--isolated", "download", "--retries", "1", "--no-cache-dir", *where, "tiny"]


def apt(world: Proxy, host: str) -> list[str]:
    """Return an update of lists of its own. apt asks as a user who cannot read this folder."""
    folder = world.directory / f"apt-{host}"
    for name in ("lists/partial", "cache/archives/partial", "etc/preferences.d"):
        (folder / name).mkdir(parents=True, exist_ok=True)
    (folder / "sources.list").write_text(f"deb [trusted=yes] https://{host}/debs ./\n")
    (folder / "status").touch()
    options = {
        "APT::Sandbox::User": "root",
        "Dir::Etc": folder / "etc",
        "Dir::Etc::SourceList": folder / "sources.list",
        "Dir::State": folder,
        "Dir::State::Lists": folder / "lists",
        "Dir::State::Status": folder / "status",
        "Dir::Cache": folder / "cache",
        "Acquire::https::CaInfo": world.certificate,
        "Acquire::Languages": "none",
        "Acquire::Retries": 0,
        "APT::Update::Error-Mode": "any",
    }
    return ["apt-get", *(word for name, value in options.items() for word in ("-o", f"{name}={value}")), "update"]


def git(world: Proxy, host: str) -> list[str]:
    return ["git", "ls-remote", f"https://{host}/tiny.git"]


COMMANDS = {"pip": pip, "apt": apt, "git": git}


@pytest.mark.parametrize("name", COMMANDS)
def test_a_program_reaches_what_an_entry_opens(world: Proxy, name: str) -> None:
    done = program(world, COMMANDS[name](world, "api.pay.example"))
    assert done.returncode == 0, done.stdout + done.stderr
    if name == "pip":
        assert (Path(world.directory) / "pip" / "tiny-1.0-py3-none-any.whl").exists()


@pytest.mark.parametrize("name", COMMANDS)
def test_a_program_reads_403_and_nothing_of_certificates(world: Proxy, name: str) -> None:
    done = program(world, COMMANDS[name](world, "other.example"))
    printed = done.stdout + done.stderr
    assert done.returncode != 0, printed
    assert "403" in printed, printed
    assert "certificate" not in printed.lower(), printed
