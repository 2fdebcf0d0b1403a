# Copyright: (c) 2026, the tidegate developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""egress_root: the directory that holds the host's files, where hosts share one file system."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import PurePosixPath
from typing import Any

from ansible_collections.tidegate.nftables.plugins.plugin_utils.policy.errors import ErrorReport, variable

from . import values


def read(report: ErrorReport, variables: Mapping[str, Any]) -> str:
    """Return egress_root as an absolute path without a slash at its end; "" for the root of the file system."""
    place, value = variable("egress_root"), variables.get("egress_root")
    if value is None or value == "":
        return ""
    path = PurePosixPath(value) if isinstance(value, str) else PurePosixPath()
    if not path.is_absolute() or ".." in path.parts or "\n" in str(path):
        report.error(place, f"{values.show(value)} is not an absolute path", "write a path such as /run/lab/web1")
        return ""
    return "" if str(path) == "/" else str(path)
