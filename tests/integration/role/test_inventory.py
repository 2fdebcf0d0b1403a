# Copyright: (c) 2026, the tidegate developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What the inventory says of groups, patterns and addresses, as the role reads it."""

from __future__ import annotations

import re
from typing import Any

import yaml

from ansible_collections.tidegate.nftables.tests.integration.role.project import HostProject


def test_hosts_patterns_see_past_limit_tags_and_serial(project: HostProject) -> None:
    project.write(
        "site.yml",
        """
- hosts: app
  gather_facts: false
  serial: 1
  module_defaults:
    tidegate.nftables.nft_ruleset: {}
    group/tidegate.nftables.nftables: {family: inet}
  roles:
    - {role: tidegate.nftables.egress, tags: [egress]}
""",
    )
    assert project.play("--limit", "app1", "--tags", "egress").code == 0
    assert "10.10.5.1" in project.nft("list", "set", "inet", "tidegate", "allow_database4")
    assert "fd12:3456:789a:5::1" in project.nft("list", "set", "inet", "tidegate", "allow_database6")


def test_a_variable_in_two_unrelated_groups_is_refused_and_host_vars_decide(project: HostProject) -> None:
    inventory = yaml.safe_load((project.path / "inventory.yml").read_text())
    inventory["all"]["children"]["pci"] = {"hosts": {"app1": {}}}
    project.write("inventory.yml", inventory)
    project.write("group_vars/pci/egress.yml", {"egress_allow_app": []})
    refused = project.play()
    assert refused.code != 0
    for word in ("egress_allow_app", "app1", "pci", "Nothing was changed"):
        assert word in refused.output
    assert "tidegate" not in project.nft("list", "tables")
    project.write("host_vars/app1.yml", {"egress_allow_app": []})
    assert project.play().code == 0


def test_two_tiers_for_one_host_are_refused(project: HostProject) -> None:
    inventory = yaml.safe_load((project.path / "inventory.yml").read_text())
    inventory["all"]["children"]["web"] = {"hosts": {"app1": {}}}
    project.write("inventory.yml", inventory)
    project.write("group_vars/web/egress.yml", {"egress_tier": "web"})
    refused = project.play()
    assert refused.code != 0
    for word in ("egress_tier", "app", "web"):
        assert word in refused.output


def test_a_template_that_fails_is_named(project: HostProject) -> None:
    project.write("group_vars/app/egress.yml", project.with_entry(name="x", to=["{{ no_such }}"], services=["https"]))
    refused = project.play()
    assert refused.code != 0
    assert "egress_allow_app" in refused.output
    assert "no_such" in refused.output
    assert "Traceback" not in refused.output


def test_a_sliced_inventory_stops_before_it_closes_anything_unless_it_is_meant(project: HostProject) -> None:
    inventory = yaml.safe_load((project.path / "inventory.yml").read_text())
    whole = {f"db{number}": {"egress_addresses": [f"10.10.{number}.1"]} for number in range(1, 60)}
    inventory["all"]["children"]["database"]["hosts"] = whole
    project.write("inventory.yml", inventory)
    assert project.play().code == 0
    before = project.nft("-s", "list", "table", "inet", "tidegate")
    inventory["all"]["children"]["database"]["hosts"] = {"db1": whole["db1"]}
    project.write("inventory.yml", inventory)
    for options in ([], ["--check"]):
        refused = project.play(*options)
        assert refused.code != 0
        assert "58 of " in refused.output
        assert "allow_database4 10.10.2.1" in refused.output
        assert "but egress_max_removed allows 25 %" in refused.output
        message = re.search(r"Action failed: (This run would remove .*)", refused.output)
        assert message
        assert message[1].count("Fix:") == 1
        assert "-e egress_max_removed=100" in message[1]
        assert project.nft("-s", "list", "table", "inet", "tidegate") == before
    assert project.play("-e", "egress_mode=observe", "-e", "egress_max_removed=100").code == 0
    assert "10.10.2.1" not in project.nft("list", "set", "inet", "tidegate", "allow_database4")


def test_hosts_known_by_name_or_instance_id_need_egress_addresses_and_may_have_several(project: HostProject) -> None:
    inventory = yaml.safe_load((project.path / "inventory.yml").read_text())
    known = {
        "db1.example.com": {},
        "i-0abc123def4567890": {"ansible_host": "i-0abc123def4567890"},
        "db3": {"ansible_host": "db3.internal"},
        "db4": {"egress_addresses": "{{ no_such_address }}"},
        "db5": {"egress_addresses": {"v4": "10.10.5.5"}},
        "db6": {"egress_addresses": ["10.10.5.6/24"]},
        "db7": {"egress_addresses": []},
        "10.10.5.8": {},
        "db9": {"ansible_host": "10.10.5.9"},
    }
    inventory["all"]["children"]["database"]["hosts"] = known
    project.write("inventory.yml", inventory)
    refused = project.play()
    assert refused.code != 0
    assert "Traceback" not in refused.output
    printed = refused.output.replace('\\"', '"')
    for host in ("db1.example.com", "i-0abc123def4567890", "db3", "db7"):
        assert f'"hosts:database": the host {host} has no address. Fix: set egress_addresses for {host}' in printed
    fixes = {"db4": "define what it uses in the inventory"}  # its template names an unknown variable
    for host in ("db4", "db5", "db6"):
        assert f"egress_addresses of the host {host}" in refused.output
        assert f"Fix: {fixes.get(host, f'correct egress_addresses of {host}')}" in refused.output
    assert "Nothing was changed" in refused.output
    assert "tidegate" not in project.nft("list", "tables")
    mended: dict[str, Any] = {
        **{host: {"egress_addresses": f"10.10.6.{last}"} for last, host in enumerate(list(known)[:3], 1)},
        **{f"db{last}": {"egress_addresses": ["10.10.5.4", f"fd12:3456:789a:5::{last}"]} for last in (4, 5, 6, 7)},
        "10.10.5.8": {},
        "db9": {"ansible_host": "10.10.5.9"},
    }
    inventory["all"]["children"]["database"]["hosts"] = mended
    project.write("inventory.yml", inventory)
    run = project.play()
    assert run.code == 0, run.output
    held = project.nft("list", "set", "inet", "tidegate", "allow_database4")
    for element in ("10.10.5.4", "10.10.5.8/31", "10.10.6.1-10.10.6.3"):
        assert element in held
    assert "fd12:3456:789a:5::4/126" in project.nft("list", "set", "inet", "tidegate", "allow_database6")
