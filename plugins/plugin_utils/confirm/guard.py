# Copyright: (c) 2026, the tidegate developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Run a phase of the guard on a host: by the program that the host has, else by the module, which brings it along."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from pathlib import Path
from typing import Any

from ansible_collections.tidegate.nftables.plugins.module_utils.guard import installed
from ansible_collections.tidegate.nftables.plugins.module_utils.guard.program import parts
from ansible_collections.tidegate.nftables.plugins.plugin_utils.action.base import TidegateAction
from ansible_collections.tidegate.nftables.plugins.plugin_utils.action.module_result import succeeded
from ansible_collections.tidegate.nftables.plugins.plugin_utils.action.shapes import GUARD_ANSWER, SHAPES

from . import sent_alone

GUARD = "egress_guard"
_PROGRAM = sent_alone.program(installed)
_FOLDER = Path(str(installed.__file__)).parents[1]
SOURCES = parts.digest(lambda name: _FOLDER.joinpath(*name.split(".")).with_suffix(".py").read_bytes())
"""The checksum of what runs on hosts: another release may write other files, or see other differences."""


def run(action: TidegateAction, arguments: Mapping[str, Any], needed: Collection[str] = ()) -> dict[str, Any]:
    """Return the known keys of a phase's result, see TidegateAction.run_module. arguments: of egress_guard."""
    request = {
        "root": arguments.get("root") or "",
        "sources": SOURCES,
        "guard": f"{parts.ROOMS}.guard.run_module",
        "arguments": dict(arguments),
        "check": action.check_mode,
    }
    raw = sent_alone.run(action, _PROGRAM, request)
    answer = action.known_result(sent_alone.MODULE, raw, GUARD_ANSWER)
    if answer.get("answered"):
        return action.known_result(GUARD, raw, SHAPES[GUARD], needed)
    action.say_details(f"the guard is sent: {answer.get('unanswered', 'no answer')}")
    return action.run_module(GUARD, arguments, needed)


def need(action: TidegateAction, arguments: Mapping[str, Any], needed: Collection[str] = ()) -> dict[str, Any]:
    """As run; raise ModuleFailed when the phase failed."""
    return succeeded(run(action, arguments, needed))
