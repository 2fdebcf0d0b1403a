# Copyright: (c) 2026, the tidegate developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Install what a policy needs on a host: nft, unbound for names, Squid for a proxy, ulogd2 for logs. Only once."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, NamedTuple

from ansible_collections.tidegate.nftables.plugins.plugin_utils.action.base import TidegateAction
from ansible_collections.tidegate.nftables.plugins.plugin_utils.action.module_result import ModuleFailed
from ansible_collections.tidegate.nftables.plugins.plugin_utils.action.shape import Record


class Needed(NamedTuple):
    """What a variable needs. packages: Debian's; elsewhere: their names where apt is not, none for the same.

    service: what comes with the first package, which nobody asked for. fix: what can be set instead.
    """

    variable: str
    packages: tuple[str, ...]
    service: str
    fix: str
    elsewhere: tuple[str, ...] = ()


NEEDED = {
    "unbound_missing": Needed(
        "egress_names: resolver", ("unbound", "python3-unbound"), "unbound", "set egress_names: periodic"
    ),
    # Debian's package squid cannot read TLS, RHEL's can.
    "squid_missing": Needed(
        "a proxy", ("squid-openssl", "openssl"), "squid", "take the host out of egress_proxies", ("squid", "openssl")
    ),
    "ulogd_missing": Needed(
        "egress_log_ulogd", ("ulogd2", "ulogd2-json"), "ulogd2", "set egress_log_ulogd: false", ("ulogd",)
    ),
}
"""What can be installed, by the reason of a host that misses it."""


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


def install(action: TidegateAction, reason: str, missing: object) -> None:
    """Install what a host misses, without the service that comes with it. missing: the host's word. Raise ModuleFailed.

    reason: of NEEDED. A program that was there before belongs to somebody, whose service stays.
    """
    needed, has_apt = NEEDED[reason], _has_apt(action)
    lacking = [package for package in needed.packages if isinstance(missing, list) and package in missing]
    if not lacking:
        return
    packages = lacking if has_apt or not needed.elsewhere else list(needed.elsewhere)
    # Debian starts what it installs, unless policy-rc.d(8) says that it may not. Nor may the next boot start it.
    quiet = {"policy_rc_d": 101, "install_recommends": False} if has_apt else {}
    cause = _run(action, "package", {"name": packages, "state": "present", **quiet})
    if cause is None and needed.packages[0] in lacking:
        service = needed.service if packages is lacking else packages[0]
        cause = _run(action, "service", {"name": service, "enabled": False, "state": "stopped", "use": "systemd"})
    if cause is not None:
        raise ModuleFailed(
            {
                "failed": True,
                "reason": reason,
                "msg": f"{needed.variable} needs {' and '.join(packages)}, which cannot be installed on this host: "
                f"{cause}. No policy was loaded. Fix: install what is missing, or {needed.fix}.",
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
