# Copyright: (c) 2026, the tidegate developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The role as a user runs it: a real ansible-playbook, a real kernel table in a namespace of its own."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest
import yaml

from ansible_collections.tidegate.nftables.plugins.module_utils.guard.host.paths import Paths
from ansible_collections.tidegate.nftables.tests.integration.role.project import HostProject

ONE = ["egress_apply"]
"""The module runs of a host that is right: a question."""
WHOLE = ["egress_apply", "egress_guard"]
"""Those of a host that nothing is known about: the question, and the guard, which looks at everything."""
CHANGE = [*WHOLE, "egress_apply"]
"""Those of a host where something changes: the question, apply, and over a new connection the word to confirm it."""


def comments(project: HostProject, chain: str = "egress_allow") -> list[str]:
    return [rule.get("comment", "") for rule in project.rules(chain)]


def handles(project: HostProject, chain: str = "egress_allow") -> dict[str, int]:
    return {str(rule["expr"]): rule["handle"] for rule in project.rules(chain)}


def with_entry(project: HostProject, **entry: Any) -> dict[str, Any]:
    return {**project.app, "egress_allow_app": [*project.app["egress_allow_app"], entry]}


def test_first_run_changes_second_run_is_one_module_run_and_no_change(project: HostProject) -> None:
    first = project.play()
    assert first.code == 0, first.output
    assert first.changed() > 0
    assert first.module_runs == CHANGE
    assert "Confirmed over the local connection on 1 host: this proves little" in first.output
    assert set(comments(project)) >= {"package-mirror", "payments-api", "database"}
    second = project.play()
    assert second.code == 0, second.output
    assert second.changed() == 0
    assert second.module_runs == ONE


def test_a_host_where_others_commit_answers_the_question_too(project: HostProject) -> None:
    project.environment["PATH"] = "/usr/sbin:/usr/bin:/sbin:/bin"
    ways: dict[str, Any] = {"ansible_python_interpreter": "auto", "ansible_become": True, "ansible_pipelining": True}
    project.play(**ways).ok()
    project.nft("add", "table", "inet", "foreign")
    generation = project.generation()
    for options in ((), ("--check", "--diff")):
        run = project.play(*options, **ways)
        assert (run.ok().changed(), run.module_runs) == (0, ONE)
    assert project.generation() == generation


def test_check_predicts_and_changes_nothing(project: HostProject) -> None:
    predicted = project.play("--check", "--diff")
    assert predicted.code == 0, predicted.output
    assert predicted.changed() > 0
    assert (
        "+allow payments-api for www-data: to 203.0.113.0-203.0.113.12, 203.0.113.14-203.0.113.255, "
        in predicted.output
    )
    assert "+table inet tidegate" not in predicted.output
    assert "tidegate" not in project.nft("list", "tables")
    assert project.play().changed() > 0
    project.write(
        "group_vars/app/egress.yml", with_entry(project, name="erp", to=["10.20.0.0/16"], services=["tcp/8000-8010"])
    )
    before = project.table()
    predicted = project.play("--check", "--diff", "-e", "egress_diff=full")
    assert predicted.changed() == 1
    assert "\n+allow erp: to 10.20.0.0/16 with tcp/8000-8010\n" in predicted.output
    assert 'comment "erp"' in predicted.output
    assert project.table() == before
    assert project.play().changed() == 1
    assert project.play("--check").changed() == 0


def test_a_new_destination_touches_elements_and_no_rule(project: HostProject) -> None:
    project.play()
    before = handles(project)
    entries = yaml.safe_load(yaml.safe_dump(project.app))
    entries["egress_allow_app"][0]["to"].append("198.51.100.1-198.51.100.20")
    project.write("group_vars/app/egress.yml", entries)
    opened = "opened for www-data: to 198.51.100.1-198.51.100.20 with tcp/443, tcp/8443 (by payments-api (changed))"
    predicted = project.play("--check")
    assert f"  app1: would change\n    {opened}\n" in predicted.output
    changed = project.play()
    assert changed.changed() == 1
    assert f"  app1: changed; confirmed over the local connection\n    {opened}\n" in changed.output
    assert f": {opened}\n" in project.tidegate("status")
    assert "198.51.100.1-198.51.100.20" in project.nft("list", "set", "inet", "tidegate", "allow_payments-api4")
    assert handles(project) == before


UNDONE = {
    "delete_rule": "in chain egress_allow, deleted by hand, was restored",
    "edit_rule": "a hand-made `tcp dport 1 accept` in chain egress_allow was removed",
    "add_element": "a hand-made `192.0.2.66` in set allow_database4 was removed",
}
"""What a person reads about each edit."""


@pytest.mark.parametrize("edit", UNDONE)
def test_a_hand_edit_is_repaired_and_nothing_else_is_touched(project: HostProject, edit: str) -> None:
    assert project.play().code == 0
    table = ("inet", "tidegate")
    text = project.nft("-s", "list", "table", *table)
    rules = project.rules("egress_allow")
    victim = next(rule for rule in rules if rule.get("comment") == "database")
    others = {str(rule["expr"]): rule["handle"] for rule in rules if rule["handle"] != victim["handle"]}
    if edit == "delete_rule":
        project.nft("delete", "rule", *table, "egress_allow", "handle", str(victim["handle"]))
    elif edit == "edit_rule":
        project.nft("replace", "rule", *table, "egress_allow", "handle", str(victim["handle"]), "tcp dport 1 accept")
    else:
        project.nft("add", "element", *table, "allow_database4", "{ 192.0.2.66 }")
    assert project.nft("-s", "list", "table", *table) != text
    repaired = project.play()
    assert repaired.changed() == 1
    assert UNDONE[edit] in repaired.output
    assert UNDONE[edit] in project.tidegate("status")
    assert project.nft("-s", "list", "table", *table) == text
    now = handles(project)
    assert {expression: now[expression] for expression in others} == others


def test_observe_says_loudly_that_nothing_is_refused(project: HostProject) -> None:
    project.write("group_vars/all/egress.yml", {**project.common, "egress_mode": "observe"})
    run = project.play()
    assert run.code == 0, run.output
    assert "OBSERVE MODE on 1 host: NOTHING IS REJECTED" in run.output
    assert "would_deny" in project.nft("list", "table", "inet", "tidegate")
    project.write("group_vars/all/egress.yml", project.common)
    run = project.play()
    assert "OBSERVE MODE" not in run.output
    assert "enforce" in run.output


def test_observe_is_the_default_mode(project: HostProject) -> None:
    project.write(
        "group_vars/all/egress.yml", {key: value for key, value in project.common.items() if key != "egress_mode"}
    )
    assert "NOTHING IS REJECTED" in project.play().output


def test_absent_removes_every_trace(project: HostProject) -> None:
    notes = Paths(str(project.root)).run
    project.environment["TIDEGATE_RUN_DIR"] = str(project.path / "run")
    before = project.nft("list", "ruleset")
    first = project.play()
    assert first.code == 0, first.output
    assert project.nft("list", "ruleset") != before
    assert notes.exists()
    assert project.play("-e", "egress_mode=absent").changed() == 1
    assert project.nft("list", "ruleset") == before
    assert not notes.exists()
    again = project.play("-e", "egress_mode=absent")
    assert again.changed() == 0
    assert "No policy on 1 host" in again.output
    assert not notes.exists()
    assert not (project.path / "run").exists()


def test_every_error_is_told_at_once_and_nothing_is_changed(project: HostProject) -> None:
    project.play()
    before = project.table()
    project.write(
        "group_vars/app/egress.yml",
        with_entry(project, name="bad", to=["10.0.0.300"], services=["htps"], ports=[443]),
    )
    inventory = project.path / "inventory.yml"
    inventory.write_text(inventory.read_text().replace("app1: {}", "app1: {}\n        app2: {}\n        app3: {}"))
    run = project.play()
    # Once in the result of one host; ansible-core 2.19 and later print the message of every failure above the result.
    assert run.output.count('"msg": "3 errors in the policy:') == 1, run.output
    assert run.output.count("10.0.0.300") <= 2, run.output
    assert run.output.count('"msg": "3 errors in the policy, the same as of app') == 2, run.output
    assert run.code != 0
    for told in (
        "10.0.0.300",
        "htps",
        "https",
        "ports",
        "services",
        "group_vars/app/egress.yml",
        "Nothing was changed",
    ):
        assert told in run.output
    assert "Traceback" not in run.output
    assert run.module_runs == []
    assert project.table() == before


def test_a_thin_role_sets_the_tier_and_refuses_another(project: HostProject) -> None:
    entries = {key: value for key, value in project.app.items() if key != "egress_tier"}
    project.write("group_vars/app/egress.yml", entries)
    project.write("site.yml", project.site.replace("nftables.egress", "nftables.egress_app"))
    assert project.play().code == 0
    assert project.play().changed() == 0
    project.write("group_vars/app/egress.yml", {**entries, "egress_tier": "web"})
    refused = project.play()
    assert refused.code != 0
    assert "egress_tier of this host is web" in refused.output
    project.write("group_vars/app/egress.yml", entries)
    project.write(
        "site.yml",
        project.site.replace(
            "[tidegate.nftables.egress]", "[tidegate.nftables.egress_app, tidegate.nftables.egress_web]"
        ),
    )
    refused = project.play()
    assert refused.code != 0
    assert "tier app was applied to this host earlier" in refused.output


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


INCLUDED = """
- hosts: app
  gather_facts: false
  become: true
  tasks:
    - ansible.builtin.include_role:
        name: tidegate.nftables.egress
      tags: [firewall]
"""


def test_include_role_and_become_work(project: HostProject) -> None:
    project.write("site.yml", INCLUDED)
    assert project.play().code == 0
    assert project.play().changed() == 0


def test_tags_that_select_the_include_alone_do_not_end_well(project: HostProject) -> None:
    # Ansible gives the tags of include_role to the include, not to the tasks of the role.
    project.write("site.yml", INCLUDED)
    silent = project.play("--tags", "firewall")
    assert silent.code != 0
    assert "No policy was applied" in silent.output
    assert "apply: {tags: [firewall]}" in silent.output
    assert "Apply the egress policy" not in project.play("--tags", "other").ok().output
    project.edit("site.yml", "nftables.egress\n", "nftables.egress\n        apply: {tags: [firewall]}\n")
    assert project.play("--tags", "firewall").ok().changed() == 1
    project.write("site.yml", project.site)
    assert "Apply the egress policy]" not in project.play("--tags", "other").ok().output


def test_a_variable_in_two_unrelated_groups_is_refused_and_host_vars_decide(project: HostProject) -> None:
    inventory = yaml.safe_load((project.path / "inventory.yml").read_text())
    inventory["all"]["children"]["pci"] = {"hosts": {"app1": {}}}
    project.write("inventory.yml", inventory)
    project.write("group_vars/pci/egress.yml", {"egress_allow_app": []})
    refused = project.play()
    assert refused.code != 0
    for told in ("egress_allow_app", "app1", "pci", "Nothing was changed"):
        assert told in refused.output
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
    for told in ("egress_tier", "app", "web"):
        assert told in refused.output


def test_a_template_that_fails_is_named(project: HostProject) -> None:
    project.write("group_vars/app/egress.yml", with_entry(project, name="x", to=["{{ no_such }}"], services=["https"]))
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


def test_another_mode_takes_no_destination_away(project: HostProject) -> None:
    for mode in ("observe", "enforce", "observe", "absent"):
        run = project.play("-e", f"egress_mode={mode}", "-e", "egress_max_removed=0")
        assert run.code == 0, run.output
        assert run.changed() == 1


def test_dns_goes_to_the_servers_that_the_host_uses_when_that_is_asked_for(
    project: HostProject, resolv_conf: Path
) -> None:
    project.write("group_vars/app/dns.yml", {"egress_dns_servers": ["auto"]})
    resolv_conf.write_text("nameserver 192.0.2.53\nnameserver 2001:db8::53\n")
    first = project.play()
    assert first.code == 0, first.output
    assert "192.0.2.53" in project.nft("list", "set", "inet", "tidegate", "floor_dns4")
    assert "2001:db8::53" in project.nft("list", "set", "inet", "tidegate", "floor_dns6")
    again = project.play()
    assert (again.changed(), again.module_runs) == (0, ONE)
    resolv_conf.write_text("nameserver 192.0.2.54\nnameserver 2001:db8::53\n")
    rules = handles(project, "egress_floor")
    assert project.play().changed() == 1
    assert "192.0.2.54" in project.nft("list", "set", "inet", "tidegate", "floor_dns4")
    assert handles(project, "egress_floor") == rules
    resolv_conf.write_text("nameserver 127.0.0.1\n")
    refused = project.play()
    assert refused.code != 0
    assert "/etc/resolv.conf names only 127.0.0.1" in refused.output
    assert "192.0.2.54" in project.nft("list", "set", "inet", "tidegate", "floor_dns4")


def test_the_summary_says_what_was_refused_and_who_changed_mode(project: HostProject) -> None:
    project.cable()
    project.write(
        "group_vars/app/odd.yml",
        {"egress_allow_odd": [{"name": "odd", "to": ["192.0.2.7"], "services": ["https"], "expires": "2020-01-01"}]},
    )
    assert project.play("-e", "egress_mode=observe").code == 0
    project.send("198.51.100.99", 9)
    observed = project.play("-e", "egress_mode=observe")
    assert observed.module_runs == ONE
    assert "1 packet would have been rejected" in observed.output
    assert "Notice: group_vars/app/odd.yml" in observed.output
    enforced = project.play()
    assert "    closed: egress_mode observe → enforce: what no entry allows is rejected" in enforced.output
    assert "0 packets rejected" in enforced.output
    project.send("198.51.100.99", 9)
    project.send("198.51.100.99", 9)
    assert "2 packets rejected" in project.play().output


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
    told = refused.output.replace('\\"', '"')
    for host in ("db1.example.com", "i-0abc123def4567890", "db3", "db7"):
        assert f'"hosts:database": the host {host} has no address. Fix: set egress_addresses for {host}' in told
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


def test_a_host_without_nft_gets_it_before_its_table(project: HostProject) -> None:
    with project.without_nft():
        predicted = project.play("--check")
    assert predicted.code == 0, predicted.output
    message = "nft is not installed. This run would install the package nftables, then load the table."
    assert f"Notice: {message} (app1)" in predicted.output
    assert predicted.changed() >= 1
    # No package brings back what hides nft here: the task asks for it, and the second try says what is missing.
    with project.without_nft():
        stuck = project.play()
    tasks = re.findall(r"^TASK \[tidegate.nftables.egress : (.*?)\]", stuck.output, re.MULTILINE)
    assert tasks[1:] == ["Apply the egress policy"]
    assert "nft is not installed on this host" in stuck.output
    assert "Using module file" in stuck.output
    assert "apt" in stuck.module_runs
    assert "tidegate" not in project.nft("list", "tables")
    with project.without_nft():
        gone = project.play("-e", "egress_mode=absent")
    assert gone.code == 0, gone.output
    assert gone.changed() == 0


def test_absent_removes_every_trace_from_a_host_that_lost_nft(project: HostProject) -> None:
    assert project.play().code == 0
    assert Paths(str(project.root)).confirmed.exists()
    for options, stands in ((("--check",), True), ((), False)):
        with project.without_nft():
            run = project.play("-e", "egress_mode=absent", *options)
        assert run.code == 0, run.output
        assert run.changed() == 1
        assert ("tidegate" in project.nft("list", "tables")) == stands
        assert Paths(str(project.root)).confirmed.exists() == stands
    assert [path for path in project.root.rglob("*tidegate*") if path.is_file() or path.is_symlink()] == []
    with project.without_nft():
        again = project.play("-e", "egress_mode=absent")
    assert (again.code, again.changed()) == (0, 0), again.output


def test_the_tests_of_the_policy_are_tried_on_the_host(project: HostProject) -> None:
    project.cable()
    tests = [
        {"name": "mirror", "reach": "10.10.0.30", "services": ["https"]},
        {"name": "stranger", "not_reach": "198.51.100.7", "services": ["https"], "user": "www-data"},
    ]
    project.write("group_vars/app/tests.yml", {"egress_tests_app": tests})
    run = project.play()
    assert run.code == 0, run.output
    assert "confirmed over the local connection; 2 of 2 test probes passed" in run.output
    assert "failed also before the change: stranger (198.51.100.7 tcp/443 as www-data)" not in run.output
    project.write(
        "group_vars/app/tests.yml", {"egress_tests_app": [*tests, {**tests[1], "name": "x", "user": "wwwdata"}]}
    )
    project.write(
        "group_vars/app/more.yml", {"egress_allow_more": [{"name": "m", "to": ["10.1.1.1"], "services": ["tcp/7"]}]}
    )
    for options in ((), ("--check",)):
        refused = project.play(*options)
        assert refused.code != 0
        assert 'test x: this host has no user "wwwdata"' in refused.output
        assert "allow_m4" not in project.nft("list", "table", "inet", "tidegate")
    short = project.play("-e", "egress_confirm_timeout=11")
    assert short.code != 0
    assert "rolled back after 11 s, but its tests may take 14 s" in short.output


def test_a_guard_that_changes_alone_is_named_once(project: HostProject) -> None:
    project.play().ok()
    table, sentence = project.table(), "app1: guard strengthened: policy test stranger is new"
    test = {"name": "stranger", "not_reach": "198.51.100.0/24", "services": ["https"]}
    project.write("group_vars/app/tests.yml", {"egress_tests_app": [test]})
    for options in (("--check",), ()):
        run = project.play(*options)
        assert run.ok().changed() == 0
        assert sentence in run.output, run.output
        assert ("guard strengthened" in project.tidegate("status")) == (not options)
    assert f" recorded {sentence.partition(': ')[2]}" in project.tidegate("status")
    again = project.play()
    assert (again.ok().changed(), again.module_runs) == (0, ONE)
    assert "guard" not in again.output.rpartition("Egress policy on")[2]
    (project.path / "group_vars/app/tests.yml").unlink()
    run = project.play()
    assert run.ok().changed() == 0
    assert "app1: guard weakened: policy test stranger is removed: not_reach 198.51.100.0/24 with tcp/443" in run.output
    assert " recorded guard weakened: policy test stranger is removed" in project.tidegate("status")
    assert project.table() == table


def test_without_a_trial_a_change_takes_one_run_and_boots_too(project: HostProject) -> None:
    run = project.play("-e", "egress_confirm=false")
    assert run.code == 0, run.output
    assert run.module_runs == WHOLE
    assert "saved without confirmation" in run.output
    assert "as confirmed" in project.tidegate("status")
