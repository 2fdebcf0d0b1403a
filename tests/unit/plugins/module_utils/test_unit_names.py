# Copyright: (c) 2026, the tidegate developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Names of systemd units: what a policy may write, and what a name says about the cgroup tree."""

from __future__ import annotations

import pytest

from ansible_collections.tidegate.nftables.plugins.module_utils import unit_names

GOOD = (
    "nginx.service",
    "otel-collector.service",
    "restic@.service",
    "restic@home-backup.service",
    "getty@tty1@x.service",
    "user@1000.service",
    "batch.slice",
    "batch-night.slice",
    "user-1000.slice",
    "session-4.scope",
    "init.scope",
    r"systemd-fsck@dev-disk-by\x2duuid-1.service",
    "a:b_c.d.service",
)
BAD = {
    "nginx": "write nginx.service",
    "nginx.conf": "write nginx.conf.service, or a slice",
    "": "not a unit",
    ".service": "not a unit",
    "@a.service": "not a unit",
    "a@.scope": "not a unit",
    "nginx.socket": "has no processes",
    "system.slice/nginx.service": "write the unit alone",
    "restic@*.service": "restic@.service",
    "my service.service": "letters, digits",
    "nginx.service\n": "letters, digits",
    "bücher.service": "letters, digits",
    "-.slice": "leave units out",
    "-a.slice": "not a slice",
    "a--b.slice": "not a slice",
    "a-.slice": "not a slice",
    "a@b.slice": "not a slice",
    f"{'a' * 248}.service": "256 characters",
}


@pytest.mark.parametrize("name", GOOD)
def test_the_names_of_systemd_are_taken(name: str) -> None:
    unit_names.check(name)


@pytest.mark.parametrize("name", BAD)
def test_everything_else_is_an_error_with_a_fix(name: str) -> None:
    with pytest.raises(unit_names.UnitNameError) as raised:
        unit_names.check(name)
    assert BAD[name] in str(raised.value)


def test_an_instance_is_a_part_of_its_template_and_a_slice_of_the_one_around_it() -> None:
    parents = {
        "restic@home.service": "restic@.service",
        "restic@.service": "",
        "a-b-c.slice": "a-b.slice",
        "a-b.slice": "a.slice",
        "a.slice": "",
        "my-app.service": "",
    }
    assert {name: unit_names.parent(name) for name in parents} == parents


def test_a_slice_has_one_place_in_the_tree_and_a_service_several() -> None:
    assert unit_names.levels("batch.slice") == (1,)
    assert unit_names.levels("user-1000.slice") == (2,)
    assert unit_names.levels("init.scope") == (1,)
    assert unit_names.levels("restic@a.service") == unit_names.levels("run-1.scope") == (2, 3, 4)
