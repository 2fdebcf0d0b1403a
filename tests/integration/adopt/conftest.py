# Copyright: (c) 2026, the tidegate developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A project in a namespace of its own, as the role's tests have it, with an interface that packets can leave by."""

from __future__ import annotations

import pytest

from ansible_collections.tidegate.nftables.tests.integration.role.conftest import project as role_project
from ansible_collections.tidegate.nftables.tests.integration.role.conftest import resolv_conf as role_resolv_conf
from ansible_collections.tidegate.nftables.tests.integration.role.project import Project

project = role_project
resolv_conf = role_resolv_conf


@pytest.fixture
def connected(project: Project) -> Project:
    """The project, whose machine has a route for everything: what leaves is lost, what is refused says so."""
    project.ip("link", "set", "lo", "up")
    project.ip("link", "add", "out", "type", "veth", "peer", "name", "lost")
    for name in ("out", "lost"):
        project.ip("link", "set", name, "up")
    project.ip("addr", "add", "10.9.0.2/24", "dev", "out")
    project.ip("addr", "add", "fd12:3456:789a::2/64", "dev", "out", "nodad")
    project.ip("route", "add", "default", "dev", "out")
    project.ip("-6", "route", "add", "default", "dev", "out")
    return project
