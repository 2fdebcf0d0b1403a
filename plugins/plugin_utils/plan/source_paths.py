# Copyright: (c) 2026, the tidegate developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Origins of a policy as paths from the top of the repository, which a merge request can annotate."""

from __future__ import annotations

import os.path
from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any

from ansible_collections.tidegate.nftables.plugins.plugin_utils.policy import ResolvedPolicy

from .model import HostPolicy

Relocate = Callable[[str], str]


def relocated(fleet: Mapping[str, HostPolicy], directory: str, top: str) -> dict[str, HostPolicy]:
    """Return a fleet whose origins begin at the top of the repository. Hosts that share a policy do so afterwards.

    directory: where it was built; its paths are relative to that. top: of the repository.
    """

    def relocate(text: str) -> str:
        path, colon, rest = text.partition(":")
        if not colon or not rest[:1].isdigit():
            return text
        absolute = os.path.normpath(os.path.join(directory, path))  # noqa: PTH118  # pathlib cannot normalise
        inside = absolute.startswith(f"{top}{os.sep}")
        return f"{os.path.relpath(absolute, top) if inside else absolute}:{rest}"

    moved: dict[int, ResolvedPolicy] = {}
    for policy in fleet.values():
        if policy.resolved and id(policy.resolved) not in moved:
            moved[id(policy.resolved)] = _relocated(policy.resolved, relocate)
    return {
        host: HostPolicy(
            moved[id(policy.resolved)] if policy.resolved else None,
            tuple(relocate(error) for error in policy.errors),
            policy.own,
        )
        for host, policy in fleet.items()
    }


def _relocated(resolved: ResolvedPolicy, relocate: Relocate) -> ResolvedPolicy:
    def moved(entries: Any) -> Any:
        return None if entries is None else tuple(replace(entry, origin=relocate(entry.origin)) for entry in entries)

    return replace(
        resolved,
        entries=moved(resolved.entries),
        containers=moved(resolved.containers),
        inbound=moved(resolved.inbound),
        tests=moved(resolved.tests),
        never=moved(resolved.never),
        expired=moved(resolved.expired),
        origins=tuple((name, relocate(origin)) for name, origin in resolved.origins),
        notices=tuple(replace(notice, where=relocate(notice.where)) for notice in resolved.notices),
    )
