# Copyright: (c) 2026, the tidegate developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What is installed on a host: packages that we know, whatever the host says that it misses."""

from __future__ import annotations

from typing import Any

import pytest

from ansible_collections.tidegate.nftables.plugins.plugin_utils.action.module_result import ModuleFailed
from ansible_collections.tidegate.nftables.plugins.plugin_utils.confirm import missing_packages


class Action:
    """An action whose host installs packages by `manager`; it fails at what is named in `broken`."""

    def __init__(self, manager: Any = "apt", broken: str = "") -> None:
        self.ran: list[tuple[str, dict[str, Any]]] = []
        self.task_vars: dict[str, Any] = {}
        self._manager, self._broken = manager, broken

    def run_action(self, name: str, arguments: dict[str, Any]) -> dict[str, Any]:
        self.ran.append((name, arguments))
        return {"failed": True, "msg": "No such package."} if name.endswith(f".{self._broken}") else {"changed": True}

    def known_result(self, _name: str, raw: dict[str, Any], _shape: Any) -> dict[str, Any]:
        return raw

    def _execute_module(self, **_arguments: Any) -> dict[str, Any]:
        return {"ansible_facts": {"ansible_pkg_mgr": self._manager}}


def installed(action: Action, missing: object, reason: str = "unbound_missing") -> list[tuple[str, Any]]:
    missing_packages.install(action, reason, missing)  # type: ignore[arg-type]
    return [(name.rpartition(".")[2], arguments["name"]) for name, arguments in action.ran]


def test_debian_starts_nothing_that_nobody_asked_for() -> None:
    action = Action()
    assert installed(action, ["unbound", "python3-unbound"]) == [
        ("package", ["unbound", "python3-unbound"]),
        ("service", "unbound"),
    ]
    assert action.ran[0][1]["policy_rc_d"] == 101
    assert (action.ran[1][1]["enabled"], action.ran[1][1]["state"]) == (False, "stopped")


def test_an_unbound_that_was_there_stays() -> None:
    assert installed(Action(), ["python3-unbound"]) == [("package", ["python3-unbound"])]


def test_ulogd2_has_another_name_where_apt_is_not() -> None:
    packages = ["ulogd2", "ulogd2-json"]
    assert installed(Action(), packages, "ulogd_missing") == [("package", packages), ("service", "ulogd2")]
    assert installed(Action("dnf"), packages, "ulogd_missing") == [("package", ["ulogd"]), ("service", "ulogd")]


@pytest.mark.parametrize("manager", ["dnf", None, ["apt"]])
def test_options_of_apt_are_for_apt(manager: Any) -> None:
    action = Action(manager)
    installed(action, ["unbound"])
    assert "policy_rc_d" not in action.ran[0][1]


@pytest.mark.parametrize(
    "missing", [None, "unbound", ["evil; rm -rf /"], ["util-linux"], {"unbound": 1}, [["unbound"]]]
)
def test_a_host_does_not_choose_what_is_installed(missing: object) -> None:
    assert installed(Action(), missing) == []


@pytest.mark.parametrize("broken", ["package", "service"])
def test_what_cannot_be_installed_is_said(broken: str) -> None:
    with pytest.raises(
        ModuleFailed, match=r"needs unbound, which cannot be installed on this host: No such package\. "
    ):
        installed(Action(broken=broken), ["unbound"])
