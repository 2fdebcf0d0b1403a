# Copyright: (c) 2026, the tidegate developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What the module egress_guard is asked for, out of a policy and a running task."""

from __future__ import annotations

import getpass
import os
import socket
from collections.abc import Mapping
from typing import Any

from ansible.plugins.action import ActionBase

from ansible_collections.tidegate.nftables.plugins.plugin_utils import policy
from ansible_collections.tidegate.nftables.plugins.plugin_utils.policy.errors import Report
from ansible_collections.tidegate.nftables.plugins.plugin_utils.policy.reading import trial
from ansible_collections.tidegate.nftables.plugins.plugin_utils.targets.nftables.table import compile_table

from . import connection
from .packets import packets

_JOB_USERS = ("awx_user_name", "tower_user_name")
"""Variables in which AWX and its like say who started a job; the process belongs to nobody in particular there."""


def apply_arguments(resolved: policy.Resolved, who: str, root: str) -> dict[str, Any]:
    """Return the arguments of the phase apply. root: where there is none in the policy."""
    return {
        "phase": "apply",
        "tables": [compile_table(resolved)],
        "who": who,
        "trial": resolved.trial.confirm,
        "timeout": resolved.trial.seconds,
        "tests": packets(resolved),
        "drift": resolved.trial.drift,
        "root": resolved.trial.root or root,
        **fail_safe(resolved),
    }


def fail_safe(resolved: policy.Resolved) -> dict[str, Any]:
    """Return what the host's fail-safe table goes by: whether it refuses, and its servers; none stands for any."""
    return {
        "mode": "observe" if resolved.mode == "observe" else "enforce",
        "dns": [] if resolved.host_dns else resolved.dns.cidrs(),
        "ntp": [] if any(entry.kind == "floor" for entry in resolved.entries) else resolved.ntp.cidrs(),
    }


def decided(variables: Mapping[str, Any]) -> dict[str, bool]:
    """Return what a first look at the host must know of its variables."""
    return {
        "containers": variables.get("egress_containers") is not None,
        "untracked": variables.get("egress_untracked") == "accept",
    }


def host_arguments(action: ActionBase, variables: Mapping[str, Any]) -> dict[str, Any]:
    """Return what every phase is told: for whom, and where the host's files are.

    Raises PolicyErrors for an egress_root that is no path.
    """
    report = Report()
    given = {"egress_root": action._templar.template(variables.get("egress_root"))}  # noqa: SLF001
    root = trial.root(report, given)
    report.raise_errors()
    return {
        "who": controller_user(variables),
        "root": root or connection.own_root(action._connection),  # noqa: SLF001
    }


def trial_arguments(action: ActionBase, variables: Mapping[str, Any]) -> dict[str, Any]:
    """Return how a change that no policy is built for is tried. Raises PolicyErrors."""
    report = Report()
    names = ("egress_confirm", "egress_confirm_timeout")
    tried = trial.read(report, {name: action._templar.template(variables.get(name)) for name in names})  # noqa: SLF001
    report.raise_errors()
    return {"trial": tried.confirm, "timeout": tried.seconds}


def controller_user(variables: Mapping[str, Any]) -> str:
    """Return who runs this, for the history on the host: a name and the controller's."""
    named = next((str(variables[name]) for name in _JOB_USERS if variables.get(name)), "")
    try:
        name = named or os.environ.get("SUDO_USER") or getpass.getuser()
    except (KeyError, OSError):
        name = str(os.getuid())
    return f"{name}@{socket.gethostname()}"
