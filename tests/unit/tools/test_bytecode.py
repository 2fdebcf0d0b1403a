# Copyright: (c) 2026, the tidegate developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What ansible-playbook runs in tests is what the files hold: bytecode of an edited file is not used."""

from __future__ import annotations

import sys
from importlib.util import cache_from_source
from pathlib import Path
from types import SimpleNamespace

import pytest

from ansible_collections.tidegate.nftables.tests.tools import bytecode


def run(path: Path) -> object:
    """Return what a module sets, imported as by a process of its own."""
    loader = SimpleNamespace(_compiled_code=None, _source_code_path=str(path))
    code = bytecode._get_kept_code(loader, "module")
    assert code is not None
    values: dict[str, object] = {}
    exec(code, values)  # what the loader does
    return values["value"]


def test_a_file_is_compiled_again_when_it_has_changed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "dont_write_bytecode", False)
    path = tmp_path / "module.py"
    path.write_text("value = 'before'\n")
    assert run(path) == "before"
    kept = Path(cache_from_source(str(path)))
    written = kept.stat().st_mtime_ns
    assert run(path) == "before"
    assert kept.stat().st_mtime_ns == written
    path.write_text("value = 'after it'\n")
    assert run(path) == "after it"
