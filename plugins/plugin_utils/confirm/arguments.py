# Copyright: (c) 2026, the tidegate developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The arguments of the module egress_guard, from a policy and from the variables of a task."""

from __future__ import annotations

import getpass
import os
import socket
from collections.abc import Mapping
from typing import Any

from ansible_collections.tidegate.nftables.plugins.plugin_utils import policy
from ansible_collections.tidegate.nftables.plugins.plugin_utils.action.base import TidegateAction
from ansible_collections.tidegate.nftables.plugins.plugin_utils.policy.errors import ErrorReport
from ansible_collections.tidegate.nftables.plugins.plugin_utils.policy.reading import commit_confirm, root
from ansible_collections.tidegate.nftables.plugins.plugin_utils.targets.nftables import containers, floor, names, units
from ansible_collections.tidegate.nftables.plugins.plugin_utils.targets.nftables.table import compile_table, end_of

from . import connection
from .policy_test_packets import packets

_JOB_USERS = ("awx_user_name", "tower_user_name")
"""Variables that name the user who started a job of AWX or automation controller; there the process has no user."""


def apply_arguments(resolved: policy.ResolvedPolicy, who: str, default_root: str) -> dict[str, Any]:
    """Return the arguments of the phase apply. default_root: the root of a host whose policy sets none."""
    return {
        "phase": "apply",
        "tables": [compile_table(resolved)],
        "who": who,
        "confirm": resolved.commit_confirm.enabled,
        "timeout": resolved.commit_confirm.timeout,
        "tests": packets(resolved),
        "names": names.document(resolved),
        "units": units.document(resolved),
        "drift": resolved.drift,
        "sight": sight(resolved),
        "root": resolved.root or default_root,
        **fail_safe(resolved),
    }


def sight(resolved: policy.ResolvedPolicy) -> dict[str, Any]:
    """Return what the host needs to show what it rejects."""
    shown = resolved.sight
    return {
        "tier": resolved.tier,
        "ledger_days": shown.ledger_days,
        "log": shown.log.target,
        "ulogd_group": shown.log.group if shown.log.ulogd else None,
        "contact": shown.contact,
        "metrics_dir": shown.metrics_dir,
        "internal": resolved.internal.cidrs() if shown.metrics_dir else [],
        "expires": sorted(end_of(entry.expires) for entry in resolved.all_entries() if entry.expires is not None),
        "never": [f"{never.where}: {never.reason}" if never.reason else never.where for never in resolved.never],
    }


def fail_safe(resolved: policy.ResolvedPolicy) -> dict[str, Any]:
    """Return the settings of the host's fail-safe table: its mode, and its rules."""
    return {
        "mode": "observe" if resolved.mode == "observe" else "enforce",
        "floor": floor.fail_safe(resolved),
        "interfaces": list(resolved.container_interfaces),
        "forward": containers.fail_safe(resolved),
    }


def preflight_decisions(variables: Mapping[str, Any], resolved: policy.ResolvedPolicy | None) -> dict[str, Any]:
    """Return what the operator has decided about containers and untracked packets, for the preflight checks.

    resolved: the policy, None where it has errors.
    """
    return {
        "interfaces": resolved.container_interfaces if resolved else (),
        "containers": variables.get("egress_containers") is not None,
        "untracked": variables.get("egress_untracked") == "accept",
    }


def host_arguments(action: TidegateAction) -> dict[str, Any]:
    """Return the arguments of every phase: who runs it, and the root of the host's files.

    Raise PolicyErrors for an egress_root that is not an absolute path.
    """
    report = ErrorReport()
    path = root.read(report, {"egress_root": action.template(action.variables.get("egress_root"))})
    report.raise_errors()
    return {
        "who": controller_user(action.variables),
        "root": path or connection.own_root(action.connection),
    }


def commit_confirm_arguments(action: TidegateAction) -> dict[str, Any]:
    """Return the commit-confirm settings of a change for which no policy is built. Raise PolicyErrors."""
    report = ErrorReport()
    variables = ("egress_confirm", "egress_confirm_timeout")
    settings = commit_confirm.read(report, {name: action.template(action.variables.get(name)) for name in variables})
    report.raise_errors()
    return {"confirm": settings.enabled, "timeout": settings.timeout}


def controller_user(variables: Mapping[str, Any]) -> str:
    """Return who runs this as USER@CONTROLLER, for the history on the host."""
    job_user = next((str(variables[name]) for name in _JOB_USERS if variables.get(name)), "")
    try:
        name = job_user or os.environ.get("SUDO_USER") or getpass.getuser()
    except (KeyError, OSError):
        name = str(os.getuid())
    return f"{name}@{socket.gethostname()}"
