# Copyright: (c) 2026, the tidegate developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Variables of other hosts: read once a run by all workers together, and never out of date."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from ansible import template
from ansible.inventory.manager import InventoryManager
from ansible.parsing.dataloader import DataLoader
from ansible.vars.hostvars import HostVars
from ansible.vars.manager import VariableManager

from ansible_collections.tidegate.nftables.plugins.plugin_utils.inventory.literal_variables import FILE, is_literal
from ansible_collections.tidegate.nftables.plugins.plugin_utils.inventory.world import InventoryWorld


class Run:
    """An inventory as Ansible has it during a run. reads: how many hosts' variables Ansible calculated."""

    def __init__(self, folder: Path, hosts: int, limit: str = "") -> None:
        self.folder = folder / "run"
        source = folder / "inventory.ini"
        lines = [f"h{number} ansible_host=10.0.{number // 256}.{number % 256}" for number in range(hosts)]
        source.write_text("\n".join(["[database]", *lines, "[other]", "h0"]))
        self.loader = DataLoader()
        self.inventory = InventoryManager(self.loader, [str(source)])
        self.inventory.subset(limit or None)
        # A class, because the copies that are made of the manager have nothing of the object but Ansible's own.
        counting = type("Counting", (VariableManager,), {"get_vars": self._counted})
        self.manager = counting(self.loader, self.inventory)
        self.hostvars = HostVars(self.inventory, self.manager, self.loader)
        self.reads = 0

    @property
    def _counted(self) -> Callable[..., Any]:
        def get_vars(manager: Any, *arguments: Any, **options: Any) -> Any:
            self.reads += 1
            return VariableManager.get_vars(manager, *arguments, **options)

        return get_vars

    def worker(self, run_dir: Path | None = None) -> InventoryWorld:
        """Return what one worker of the run has: nothing in memory of what the others read."""
        task_vars = {
            "inventory_hostname": "h0",
            "groups": self.inventory.get_groups_dict(),
            "hostvars": self.hostvars,
        }
        return InventoryWorld(self.loader, task_vars, run_dir=str(run_dir or self.folder))

    def all_workers(self) -> int:
        """Have one worker for each host ask for the addresses of all; return how often Ansible calculated variables."""
        self.reads = 0
        for _host in self.inventory.hosts:
            world = self.worker()
            for host in world.hosts("database"):
                world.need_addresses(host)
        return self.reads


def test_the_reads_of_a_fleet_grow_with_its_hosts_not_with_their_square(tmp_path: Path) -> None:
    reads = []
    for hosts in (10, 20, 40):
        folder = tmp_path / str(hosts)
        folder.mkdir()
        reads.append(Run(folder, hosts).all_workers())
    assert reads == [10, 20, 40]


def test_the_addresses_are_those_that_ansible_knows(tmp_path: Path) -> None:
    run = Run(tmp_path, 3)
    for _time in range(2):
        assert [run.worker().addresses(host) for host in ("h0", "h1", "h2")] == [
            ["10.0.0.0"],
            ["10.0.0.1"],
            ["10.0.0.2"],
        ]


def test_a_limit_hides_no_host_from_a_policy(tmp_path: Path) -> None:
    assert Run(tmp_path, 3, limit="h1").worker().hosts("database") == ["h0", "h1", "h2"]


def set_fact(run: Run) -> None:
    run.manager.set_nonpersistent_facts("h1", {"egress_addresses": ["192.0.2.1"]})


def include_vars(run: Run) -> None:
    run.manager.set_host_variable("h1", "egress_addresses", ["192.0.2.1"])


def add_host(run: Run) -> None:
    host = run.inventory.get_host("h1")
    assert host is not None
    host.vars["egress_addresses"] = ["192.0.2.1"]


def group_by(run: Run) -> None:
    run.inventory.add_group("moved")
    run.inventory.groups["moved"].vars["egress_addresses"] = ["192.0.2.1"]
    run.inventory.add_host("h1", group="moved")
    run.inventory.reconcile_inventory()


@pytest.mark.parametrize("change", [set_fact, include_vars, add_host, group_by])
def test_a_value_that_changes_during_the_run_is_read_again(tmp_path: Path, change: Callable[[Run], None]) -> None:
    run = Run(tmp_path, 2)
    early = run.worker()
    assert early.addresses("h1") == ["10.0.0.1"]
    change(run)
    assert run.worker().addresses("h1") == ["192.0.2.1"]
    assert early.addresses("h1") == ["192.0.2.1"]


def test_a_template_is_templated_each_time(tmp_path: Path) -> None:
    # Before ansible-core 2.19 every text may be a template.
    trust = getattr(template, "trust_as_template", str)
    run = Run(tmp_path, 2)
    host = run.inventory.get_host("h1")
    assert host is not None
    host.vars["egress_addresses"] = trust("{{ [address] }}")
    for address in ("192.0.2.1", "192.0.2.2"):
        run.manager.set_nonpersistent_facts("h1", {"address": address})
        assert run.worker().addresses("h1") == [address]


def test_a_line_that_a_killed_worker_left_is_no_obstacle(tmp_path: Path) -> None:
    run = Run(tmp_path, 2)
    run.worker().addresses("h0")
    with (run.folder / FILE).open("a") as file:
        file.write('["h1", "abc", {"ansi')
    assert run.worker().addresses("h1") == ["10.0.0.1"]
    run.reads = 0
    assert run.worker().addresses("h1") == ["10.0.0.1"]
    assert run.reads == 0


def test_the_file_is_closed_to_others(tmp_path: Path) -> None:
    run = Run(tmp_path, 1)
    run.worker().addresses("h0")
    assert run.folder.stat().st_mode & 0o077 == 0


@pytest.mark.parametrize(
    ("value", "literal"),
    [
        ("10.0.0.1", True),
        (["10.0.0.1", "fd00::1"], True),
        ({"v4": 1}, True),
        (None, True),
        ("{{ address }}", False),
        (["10.0.0.1", "{% if a %}x{% endif %}"], False),
        ({"{{ a }}": 1}, False),
        (object(), False),
    ],
)
def test_only_plain_data_is_kept(value: object, literal: bool) -> None:
    assert is_literal(value) == literal
