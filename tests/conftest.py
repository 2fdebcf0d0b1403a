# Copyright: (c) 2026, the tidegate developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Refuse to test anything but this checkout, and to leave anything on the machine that runs the tests.

An installed copy of the collection may come first on the path. Notes of runs go to a folder of the tests' own.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

import ansible_collections.tidegate.nftables as collection

CHECKOUT = Path(__file__).resolve().parents[1]
IMPORTED = Path(next(iter(collection.__path__))).resolve()

if IMPORTED != CHECKOUT:
    message = f"ansible_collections.tidegate.nftables is {IMPORTED}, not this checkout: run `make venv`"
    raise RuntimeError(message)

OF_A_HOST = ("/run/tidegate", "/var/lib/tidegate", "/usr/local/lib/tidegate", "/etc/tidegate")
"""Where the collection keeps things on a host; this machine is none."""

_THERE_BEFORE = pytest.StashKey[list[str]]()


def _on_this_machine() -> list[str]:
    return [path for path in OF_A_HOST if Path(path).exists()]


@pytest.fixture(scope="session", autouse=True)
def _notes_of_runs(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """Runs that a test starts keep their notes here, also those that Ansible starts."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("TIDEGATE_RUN_DIR", str(tmp_path_factory.mktemp("run") / "tidegate"))
        yield


def pytest_sessionstart(session: pytest.Session) -> None:
    """Look at what is there before the first test."""
    session.config.stash[_THERE_BEFORE] = _on_this_machine()


@pytest.hookimpl(trylast=True)
def pytest_sessionfinish(session: pytest.Session) -> None:
    """Fail when the tests left something where a host has it (or somebody else worked here meanwhile)."""
    there_before = session.config.stash[_THERE_BEFORE]
    left = [path for path in _on_this_machine() if path not in there_before]
    if left and not hasattr(session.config, "workerinput"):
        names = ", ".join(str(path) for folder in left for path in [Path(folder), *Path(folder).glob("*")])
        print(f"\nLeft on this machine by these tests, or by others at the same time: {names}")
        session.exitstatus = pytest.ExitCode.TESTS_FAILED
