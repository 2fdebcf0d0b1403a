# Copyright: (c) 2026, the tidegate developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What runs a phase by the program of a host, where the phase itself crashes."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from ansible_collections.tidegate.nftables.plugins.module_utils.guard import installed, run_module


def test_a_crash_is_an_answer_so_that_nothing_is_done_twice(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    program = Path(f"{tmp_path}{installed.PROGRAM}")
    program.parent.mkdir(parents=True)
    program.touch()
    monkeypatch.setattr(sys, "path", [*sys.path])
    monkeypatch.setattr(installed, "_need_program", lambda _descriptor, _sources: None)
    monkeypatch.setattr(run_module, "outcome", lambda _parameters, _check: 1 / 0)
    request = {
        "root": str(tmp_path),
        "sources": "",
        "guard": run_module.__name__,
        "check": False,
        "arguments": {"phase": "rollback"},
    }
    answer = installed.answer(request)
    assert (answer["answered"], answer["failed"]) == (True, True)
    assert answer["msg"] == "ZeroDivisionError: division by zero"
    assert "Traceback" in answer["exception"]
