# Copyright: (c) 2026, the tidegate developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a reviewer must see change although no packet depends on it here: options of lists, what playbooks read."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from typing import Any

from ansible_collections.tidegate.nftables.plugins.plugin_utils.policy.errors import ErrorReport, variable
from ansible_collections.tidegate.nftables.plugins.plugin_utils.policy.sets import datafiles

LIST_GUARDS = ("max_age_days", "max_change", "refresh_minutes", "shared", "timeout")
"""Options of a prefix list that can be shown; a URL may hold a token, so of the others only a digest goes on."""
_CONTENT = "prefixes"
"""What entries show anyway."""


def list_options(variables: Mapping[str, Any]) -> tuple[tuple[str, str, str], ...]:
    """Return (list, key, value as JSON, or its digest) of every option in egress_prefix_lists."""
    lists = variables.get("egress_prefix_lists")
    return (
        tuple(
            (str(name), str(key), _json(value) if key in LIST_GUARDS else _digest(value))
            for name, options in sorted(lists.items(), key=str)
            if isinstance(options, Mapping)
            for key, value in sorted(options.items(), key=str)
            if key != _CONTENT and value is not None
        )
        if isinstance(lists, Mapping)
        else ()
    )


def beside(variables: Mapping[str, Any]) -> tuple[tuple[str, str], ...]:
    """Return (variable, value as JSON) of what only roles and playbooks read, where it is not the default."""
    return tuple(
        (name, _json(variables[name]))
        for name, row in sorted(datafiles.load("variables").items())
        if row.get("plan") and variables.get(name) is not None and variables[name] != row.get("default")
    )


def origins(report: ErrorReport, variables: Mapping[str, Any]) -> tuple[tuple[str, str], ...]:
    """Return (variable, file, line and column) of every variable for which they are known."""
    known = ((str(name), report.origin(variable(str(name)))) for name in sorted(variables, key=str))
    return tuple((name, origin) for name, origin in known if origin)


def _json(value: Any) -> str:
    return json.dumps(_plain(value), sort_keys=True, default=str)


def _plain(value: Any) -> Any:
    """Return a value whose keys can be sorted, whatever YAML made of them."""
    if isinstance(value, Mapping):
        return {str(key): _plain(item) for key, item in value.items()}
    return [_plain(item) for item in value] if isinstance(value, list | tuple) else value


def _digest(value: Any) -> str:
    return hashlib.sha256(_json(value).encode()).hexdigest()[:16]
