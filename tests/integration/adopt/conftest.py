# Copyright: (c) 2026, the tidegate developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A project in a namespace of its own, as the role's tests have it, with an interface that packets can leave by."""

from __future__ import annotations

import pytest

from ansible_collections.tidegate.nftables.tests.integration.role.conftest import project as role_project
from ansible_collections.tidegate.nftables.tests.integration.role.conftest import resolv_conf as role_resolv_conf
from ansible_collections.tidegate.nftables.tests.integration.role.project import HostProject

project = role_project
resolv_conf = role_resolv_conf


@pytest.fixture
def connected(project: HostProject) -> HostProject:
    """The project, whose machine has a route for everything: what leaves is lost, what is refused says so."""
    project.namespace.ip("link set lo up")
    project.namespace.ip("link add out type veth peer name lost")
    for name in ("out", "lost"):
        project.namespace.ip(f"link set {name} up")
    project.namespace.ip("addr add 10.9.0.2/24 dev out")
    project.namespace.ip("addr add fd12:3456:789a::2/64 dev out nodad")
    project.namespace.ip("route add default dev out")
    project.namespace.ip("-6 route add default dev out")
    return project
