# Copyright: (c) 2026, the tidegate developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The role as a user runs it: a real ansible-playbook, a real kernel table in a namespace of its own."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import yaml

from ansible_collections.tidegate.nftables.tests.integration.role.project import TABLE, HostProject

ONE = ["egress_apply"]
"""The module runs of a host that is right: a question."""
WHOLE = ["egress_apply", "egress_apply", "egress_guard"]
"""Those of a host that nothing is known about: the question, whether it has the program, and the guard, with it."""
CHANGE = [*WHOLE, "egress_apply"]
"""Those of a host where something changes: the question, apply, and over a new connection the word to confirm it."""


def comments(project: HostProject, chain: str = "egress_allow") -> list[str]:
    return [rule.get("comment", "") for rule in project.rules(chain)]


def handles(project: HostProject, chain: str = "egress_allow") -> dict[str, int]:
    return {str(rule["expr"]): rule["handle"] for rule in project.rules(chain)}


@pytest.mark.new_host
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


@pytest.mark.new_host
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
        "group_vars/app/egress.yml", project.with_entry(name="erp", to=["10.20.0.0/16"], services=["tcp/8000-8010"])
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


# A hand edit of a table with the rule `handle` -> what a person reads about it.
EDITS: dict[tuple[str, ...], str] = {
    ("delete", "rule", *TABLE, "egress_allow", "handle", "{handle}"): (
        "in chain egress_allow, deleted by hand, was restored"
    ),
    ("replace", "rule", *TABLE, "egress_allow", "handle", "{handle}", "tcp dport 1 accept"): (
        "a hand-made `tcp dport 1 accept` in chain egress_allow was removed"
    ),
    ("add", "element", *TABLE, "allow_database4", "{{ 192.0.2.66 }}"): (
        "a hand-made `192.0.2.66` in set allow_database4 was removed"
    ),
}


def test_a_hand_edit_is_repaired_and_nothing_else_is_touched(project: HostProject) -> None:
    assert project.play().code == 0
    text = project.nft("-s", "list", "table", *TABLE)
    for edit, sentence in EDITS.items():
        rules = project.rules("egress_allow")
        victim = next(rule for rule in rules if rule.get("comment") == "database")
        others = {str(rule["expr"]): rule["handle"] for rule in rules if rule["handle"] != victim["handle"]}
        project.nft(*(word.format(handle=victim["handle"]) for word in edit))
        assert project.nft("-s", "list", "table", *TABLE) != text
        repaired = project.play()
        assert repaired.changed() == 1
        assert sentence in repaired.output
        assert sentence in project.tidegate("status")
        assert project.nft("-s", "list", "table", *TABLE) == text
        now = handles(project)
        assert {expression: now[expression] for expression in others} == others


@pytest.mark.new_host
def test_a_new_host_is_observed_and_each_run_says_loudly_that_nothing_is_rejected(project: HostProject) -> None:
    without_mode = {key: value for key, value in project.common.items() if key != "egress_mode"}
    project.write("group_vars/all/egress.yml", without_mode)
    run = project.play()
    assert run.code == 0, run.output
    assert "OBSERVE MODE on 1 host: NOTHING IS REJECTED" in run.output
    assert "would_deny" in project.nft("list", "table", "inet", "tidegate")
    project.write("group_vars/all/egress.yml", project.common)
    run = project.play()
    assert "OBSERVE MODE" not in run.output
    assert "enforce" in run.output


def test_every_error_is_told_at_once_and_nothing_is_changed(project: HostProject) -> None:
    project.play()
    before = project.table()
    project.write(
        "group_vars/app/egress.yml",
        project.with_entry(name="bad", to=["10.0.0.300"], services=["htps"], ports=[443]),
    )
    inventory = project.path / "inventory.yml"
    inventory.write_text(inventory.read_text().replace("app1: {}", "app1: {}\n        app2: {}\n        app3: {}"))
    run = project.play()
    # Once in the result of one host; ansible-core 2.19 and later print the message of every failure above the result.
    assert run.output.count('"msg": "3 errors in the policy:') == 1, run.output
    assert run.output.count("10.0.0.300") <= 2, run.output
    assert run.output.count('"msg": "3 errors in the policy, the same as of app') == 2, run.output
    assert run.code != 0
    for text in (
        "10.0.0.300",
        "htps",
        "https",
        "ports",
        "services",
        "group_vars/app/egress.yml",
        "Nothing was changed",
    ):
        assert text in run.output
    assert "Traceback" not in run.output
    assert run.module_runs == []
    assert project.table() == before


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


@pytest.mark.new_host
def test_without_a_trial_a_change_takes_one_run_and_boots_too(project: HostProject) -> None:
    run = project.play("-e", "egress_confirm=false")
    assert run.code == 0, run.output
    assert run.module_runs == WHOLE
    assert "saved without confirmation" in run.output
    assert "as confirmed" in project.tidegate("status")
