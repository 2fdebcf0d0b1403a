# Copyright: (c) 2026, the tidegate developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Origins become paths from the top of the repository."""

from __future__ import annotations

import pytest

from ansible_collections.tidegate.nftables.plugins.plugin_utils.plan.model import HostPolicy
from ansible_collections.tidegate.nftables.plugins.plugin_utils.plan.source_paths import relocated
from ansible_collections.tidegate.nftables.plugins.plugin_utils.policy import build
from ansible_collections.tidegate.nftables.tests.unit.plugins.plugin_utils.policy.support import (
    INVENTORY,
    TODAY,
    VARIABLES,
    entry,
)

TOP = "/repo"
DIRECTORY = "/repo/ansible"


def policy(origin: str) -> HostPolicy:
    """Return the policy of a host whose entry stands at this origin."""
    variables = {**VARIABLES, "egress_allow_app": [entry()]}
    return HostPolicy(build(variables, INVENTORY, today=TODAY, origins=lambda _path: origin))


@pytest.mark.parametrize(
    ("origin", "expected"),
    [
        ("group_vars/app.yml:3:5", "ansible/group_vars/app.yml:3:5"),
        ("../shared/app.yml:3", "shared/app.yml:3"),
        ("/repo/ansible/app.yml:3", "ansible/app.yml:3"),
        ("/etc/ansible/app.yml:3", "/etc/ansible/app.yml:3"),
        ("/repository/app.yml:3", "/repository/app.yml:3"),
        ("extra vars", "extra vars"),
    ],
)
def test_an_origin_starts_at_the_top_of_the_repository_or_is_absolute(origin: str, expected: str) -> None:
    resolved = relocated({"app1": policy(origin)}, DIRECTORY, TOP)["app1"].resolved
    assert resolved is not None
    assert [allowed.origin for allowed in resolved.entries if allowed.name == "api"] == [expected]


def test_errors_have_the_same_paths_and_hosts_that_share_a_policy_still_do() -> None:
    shared = policy("app.yml:3")
    broken = HostPolicy(None, ("group_vars/app.yml:3:5 egress_allow_app[x]: is wrong",))
    fleet = relocated({"app1": broken, "app2": shared, "app3": shared}, DIRECTORY, TOP)
    assert fleet["app1"].errors == ("ansible/group_vars/app.yml:3:5 egress_allow_app[x]: is wrong",)
    assert fleet["app2"].resolved is fleet["app3"].resolved
