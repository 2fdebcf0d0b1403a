# Copyright: (c) 2026, the tidegate developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""How a change of the policy is tried on the host, and what becomes of an edit by hand afterwards."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import PurePosixPath
from typing import Any

from ansible_collections.tidegate.nftables.plugins.plugin_utils.policy.errors import Report, variable

from . import values

DRIFT = ("report", "repair")
SHORTEST, LONGEST = 5, 3600
"""Seconds that a trial may last."""


@dataclass(frozen=True)
class Trial:
    """confirm: whether there is a trial at all. seconds: how long it lasts. drift: "report" or "repair".

    root: what comes before every path on the host, "" for none.
    """

    confirm: bool = True
    seconds: int = 60
    drift: str = "report"
    root: str = ""


def read(report: Report, variables: Mapping[str, Any]) -> Trial:
    """egress_confirm, egress_confirm_timeout, egress_drift and egress_root."""
    confirm, drift = variables.get("egress_confirm"), variables.get("egress_drift")
    default = Trial()
    return Trial(
        default.confirm if confirm is None else _switch(report, confirm),
        _seconds(report, variables.get("egress_confirm_timeout"), default.seconds),
        default.drift
        if drift is None
        else values.word(report, variable("egress_drift"), drift, DRIFT) or default.drift,
        root(report, variables),
    )


def root(report: Report, variables: Mapping[str, Any]) -> str:
    """egress_root, an absolute path without an end of its own."""
    place, value = variable("egress_root"), variables.get("egress_root")
    if value is None or value == "":
        return ""
    path = PurePosixPath(value) if isinstance(value, str) else PurePosixPath()
    if not path.is_absolute() or ".." in path.parts or "\n" in str(path):
        report.error(place, f"{values.show(value)} is no absolute path", "write one such as /run/lab/web1")
        return ""
    return "" if str(path) == "/" else str(path)


def _switch(report: Report, value: Any) -> bool:
    """Whether there is a trial; -e KEY=VALUE gives texts."""
    if isinstance(value, str) and value.lower() in ("true", "false"):
        return value.lower() == "true"
    return values.boolean(report, variable("egress_confirm"), value) is not False


def _seconds(report: Report, value: Any, default: int) -> int:
    if value is None:
        return default
    text = str(value).strip()
    if not isinstance(value, bool) and text.isascii() and text.isdigit() and SHORTEST <= int(text) <= LONGEST:
        return int(text)
    cure = f"write whole seconds from {SHORTEST} to {LONGEST}"
    report.error(variable("egress_confirm_timeout"), f"{values.show(value)} is no length of a trial", cure)
    return default
