# Copyright: (c) 2026, the tidegate developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Install what a policy needs on a host: nft, and unbound for names. Once in a host's life."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ansible_collections.tidegate.nftables.plugins.plugin_utils.action.base import TidegateAction
from ansible_collections.tidegate.nftables.plugins.plugin_utils.action.module_result import ModuleFailed
from ansible_collections.tidegate.nftables.plugins.plugin_utils.action.shape import Record

RESOLVER = ("unbound", "python3-unbound")
"""Packages of egress_names: resolver, the same on Debian and RHEL."""
SERVICE = "unbound"
"""The service that comes with the package of this name: nobody asked for it."""


def install_nft(action: TidegateAction, package: str) -> None:
    """Install the package of nft. Raise ModuleFailed."""
    cause = _run(action, "package", {"name": package, "state": "present"})
    if cause is not None:
        raise ModuleFailed(
            {
                "failed": True,
                "reason": "nft_missing",
                "msg": f"nft is not installed on this host, and the package {package} cannot be installed: {cause}. "
                "No policy was loaded. Fix: install nft, or correct egress_package.",
            }
        )


def install_resolver(action: TidegateAction, missing: object) -> None:
    """Install packages of the resolver, without the service of unbound. missing: the host's word. Raise ModuleFailed.

    An unbound that was there before belongs to somebody, whose service stays.
    """
    wanted = [package for package in RESOLVER if isinstance(missing, list) and package in missing]
    if not wanted:
        return
    # Debian starts what it installs, unless policy-rc.d(8) says that it may not. Nor may the next boot start it.
    quiet = {"policy_rc_d": 101, "install_recommends": False} if _has_apt(action) else {}
    cause = _run(action, "package", {"name": wanted, "state": "present", **quiet})
    if cause is None and SERVICE in wanted:
        cause = _run(action, "service", {"name": SERVICE, "enabled": False, "state": "stopped", "use": "systemd"})
    if cause is not None:
        raise ModuleFailed(
            {
                "failed": True,
                "reason": "unbound_missing",
                "msg": f"egress_names: resolver needs {' and '.join(wanted)}, which cannot be installed on this host: "
                f"{cause}. No policy was loaded. Fix: install what is missing, or set egress_names: periodic.",
            }
        )


def _run(action: TidegateAction, name: str, arguments: Mapping[str, Any]) -> str | None:
    """Run an action of Ansible; return why it failed, None where it did not."""
    result = action.known_result(name, action.run_action(f"ansible.builtin.{name}", arguments), Record())
    return str(result.get("msg", "no message")).rstrip(".") if result.get("failed") else None


def _has_apt(action: TidegateAction) -> bool:
    """Return whether the host installs packages by apt."""
    raw = action._execute_module(  # noqa: SLF001
        module_name="ansible.legacy.setup",
        module_args={"gather_subset": ["!all"], "filter": ["ansible_pkg_mgr"]},
        task_vars=action.task_vars,
    )
    facts = raw.get("ansible_facts")
    return isinstance(facts, Mapping) and facts.get("ansible_pkg_mgr") == "apt"
