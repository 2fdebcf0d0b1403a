# Copyright: (c) 2026, the tidegate developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Where things were written, as paths from the top of the repository: what a merge request can show a remark at."""

from __future__ import annotations

import os.path
from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any

from ansible_collections.tidegate.nftables.plugins.plugin_utils.policy import ResolvedPolicy

from .model import Policy
from .serialise import resolved_from

Relocate = Callable[[str], str]


def fleet_from(data: Mapping[str, Mapping[str, Any]], directory: str, top: str) -> dict[str, Policy]:
    """Policies by host out of what egress_policy returned, but for hosts that it does not manage.

    directory: the one that it ran in, from which its paths begin. top: of the repository.
    """

    def relocate(text: str) -> str:
        path, colon, rest = text.partition(":")
        if not colon or not rest[:1].isdigit():
            return text
        absolute = os.path.normpath(os.path.join(directory, path))  # noqa: PTH118  # pathlib cannot normalise
        inside = absolute.startswith(f"{top}{os.sep}")
        return f"{os.path.relpath(absolute, top) if inside else absolute}:{rest}"

    return {
        host: Policy(
            _relocated(resolved_from(one["policy"]), relocate) if one["policy"] else None,
            tuple(relocate(error) for error in one["errors"]),
        )
        for host, one in data.items()
        if one["managed"]
    }


def _relocated(resolved: ResolvedPolicy, relocate: Relocate) -> ResolvedPolicy:
    def placed(entries: Any) -> Any:
        return None if entries is None else tuple(replace(one, origin=relocate(one.origin)) for one in entries)

    return replace(
        resolved,
        entries=placed(resolved.entries),
        containers=placed(resolved.containers),
        inbound=placed(resolved.inbound),
        tests=placed(resolved.tests),
        notices=tuple(replace(one, where=relocate(one.where)) for one in resolved.notices),
    )
