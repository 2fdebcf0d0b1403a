# Copyright: (c) 2026, the tidegate developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""One fleet for all of these tests, since starting it takes as long as some of them."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from ansible_collections.tidegate.nftables.tests.integration.lockout.fleet import Fleet, fleet
from ansible_collections.tidegate.nftables.tests.integration.lockout.project import (
    PAYMENTS,
    FleetProject,
    policy,
    reaches_only,
)


@pytest.fixture(scope="session")
def started(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Fleet]:
    """The machines, removed afterwards whatever happens."""
    with fleet(tmp_path_factory.mktemp("fleet")) as machines:
        yield machines


@pytest.fixture(scope="session")
def old(started: Fleet, tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    """The table of the first policy on each machine, after packets have proved it."""
    # Nothing is tried here, so a busy machine may take its time to come back.
    FleetProject(tmp_path_factory.mktemp("first"), fleet=started).apply(
        **policy("payments", egress_confirm_timeout=600)
    )
    started.each(lambda machine: reaches_only(machine, *PAYMENTS))
    return started.each(lambda machine: machine.stands())


@pytest.fixture
def project(started: Fleet, old: dict[str, str], tmp_path: Path) -> FleetProject:
    """A project for machines with some policy; begin() has them begin with the old one."""
    return FleetProject(tmp_path, fleet=started, old=old)
