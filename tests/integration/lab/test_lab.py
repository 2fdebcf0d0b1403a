# Copyright: (c) 2026, the tidegate developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The lab as a whole: it agrees with the policy, also with an edited one, notices what is spoiled, leaves nothing."""

from __future__ import annotations

import json
import os
import re
import signal
from pathlib import Path

import pytest
import yaml

from ansible_collections.tidegate.nftables.tests.integration.lab.conftest import (
    PLAYBOOK,
    Lab,
    LabRun,
    labs,
)
from ansible_collections.tidegate.nftables.tests.support.namespaces import Namespace
from ansible_collections.tidegate.nftables.tests.support.paths import ANSIBLE_PLAYBOOK, LAB
from ansible_collections.tidegate.nftables.tests.support.waiting import end, finish, run, wait_for

ENFORCE = ("--skip-tags", "observe")
ALONE = (*ENFORCE, "--limit", "app1")
"""For one host whose packets go to all the others."""

# What a reader of the shipped group_vars expects, one cell of each kind, without any help of the policy's own code.
BY_HAND = {
    ("web1", "udp/53"): {"dns1": "yes", "mirror1": ".", "stranger1": "."},
    ("web1", "tcp/443"): {"mirror1": "yes", "app1": "yes", "payments1": ".", "stranger1": "."},
    ("web1", "tcp/8443"): {"app1": "yes", "database1": "."},
    ("app1", "tcp/443"): {"payments1": "www-data", "partner1": "yes", "stranger1": ".", "web1": "."},
    ("app1", "tcp/5432"): {"database1": "yes", "warehouse1": "."},
    ("app1", "udp/123"): {"ntp1": "yes", "dns1": "."},
    ("database1", "tcp/5432"): {"warehouse1": "root", "app1": "."},
    ("database1", "tcp/443"): {"mirror1": "yes", "partner1": "."},
    ("bastion1", "tcp/22"): {"web1": "yes", "build1": "yes", "mirror1": "yes", "partner1": "."},
    ("build1", "tcp/443"): {"stranger1": "yes", "partner1": "yes", "payments1": ".", "mirror1": "yes", "app1": "."},
    ("build1", "tcp/22"): {"stranger1": "yes", "web1": "."},
}

NAMES = {
    "api.vendor.example": "allowed",
    "img7.cdn.example": "allowed",
    "cdn.example": "rejected",
    "www.vendor.example": "rejected",
}
"""What app1 says of names after they were looked up."""


@pytest.fixture(autouse=True)
def nothing_stays() -> object:
    """Every test of this file must leave the machine without a lab that it began with."""
    before = set(labs())
    yield
    wait_for(lambda: set(labs()) <= before, "the end of the lab")


def agrees(run: LabRun) -> None:
    assert run.code == 0, run.output
    assert re.findall(r"^ +different: (\d+)$", run.output, re.MULTILINE)
    assert set(re.findall(r"^ +different: (\d+)$", run.output, re.MULTILINE)) == {"0"}
    assert "failed=0" in run.output


def test_the_kernel_does_what_the_policy_says(lab: Lab) -> None:
    run = lab.run()
    agrees(run)
    # enforce and observe, five tiers, eleven others each, eight ports, two protocols, two families, two users
    flows = 5 * 11 * 8 * 2 * 2 * 2
    modes = re.findall(r"^mode (\w+): (\d+) flows tried with real packets$", run.output, re.MULTILINE)
    assert modes == [("enforce", str(flows)), ("observe", str(flows))]
    assert f"measured:               {flows} answered, 0 refused, 0 neither" in run.output
    assert re.search(r"policy tests \(egress_tests_\*\): \d\d, of which 0 failed", run.output)
    for host in ("web1", "app1", "database1", "bastion1", "build1"):
        assert run.output.count(f"changed=0 on {host}") == 2  # after enforce, after observe
        assert re.search(rf"^{host} +: .* changed=2 ", run.output, re.MULTILINE)  # once into each mode
        counted = re.search(rf'ok: \[{host}\] => {{\n.*\n +"msg": "(\d+) counted, (\d+) would be rejected"', run.output)
        assert counted
        assert int(counted[1]) >= int(counted[2]) > 500
    for name, decision in NAMES.items():
        (line,) = [line for line in run.output.splitlines() if f'"{name} at ' in line]
        assert f": {decision}" in line
    for (host, service), cells in BY_HAND.items():
        row = run.row(host, service)
        assert {name: row[name] for name in cells} == cells, (host, service)


def without_names(lab: Lab) -> Lab:
    """Return the lab with a policy of addresses alone: no resolver is started, and no name looked up."""
    variables = yaml.safe_load(lab.read("group_vars/app/egress.yml"))
    del variables["egress_names"]
    variables["egress_allow_app"] = [entry for entry in variables["egress_allow_app"] if entry["name"] != "vendor"]
    lab.write("group_vars/app/egress.yml", variables)
    return lab


def move(lab: Lab, host: str, tier: str) -> None:
    """Move a host to the group of another tier."""
    (line,) = [line for line in lab.read("inventory.yml").splitlines(keepends=True) if f" {host}: " in line]
    lab.edit("inventory.yml", f"          hosts:\n{line}", "")
    lab.edit("inventory.yml", f"        {tier}:\n          hosts:\n", f"        {tier}:\n          hosts:\n{line}")


def test_what_opens_is_open_and_a_database_that_becomes_a_builder_has_a_builders_policy(lab: Lab) -> None:
    # IPv4 only, root only, and a port that the lab did not try before
    without_names(lab)
    new = "- {name: stranger, to: [192.52.193.66], services: [tcp/8080], users: [root], reason: test, owner: test}\n"
    lab.edit("group_vars/app/egress.yml", "egress_allow_app:\n", f"egress_allow_app:\n{new}")
    move(lab, "database1", "build")
    run = lab.run(*ENFORCE)
    agrees(run)
    opened = run.row("app1", "tcp/8080")
    assert (opened["stranger1"], opened["partner1"]) == ("v4:root", ".")
    assert "\ndatabase1 (build)\n" in run.output
    assert run.row("database1", "tcp/443")["stranger1"] == run.row("database1", "tcp/22")["partner1"] == "yes"
    assert "tcp/5432" not in run.block("app1")  # what others could reach of it in its old tier


def test_what_closes_is_closed_and_an_application_that_becomes_a_bastion_has_a_bastions_policy(lab: Lab) -> None:
    without_names(lab)
    variables = yaml.safe_load(lab.read("group_vars/database/egress.yml"))
    del variables["egress_allow_database"], variables["egress_tests_database"][0]
    lab.write("group_vars/database/egress.yml", variables)
    move(lab, "app1", "bastion")
    run = lab.run(*ENFORCE)
    agrees(run)
    # no row of its own any more: it is one of the "others", which are refused everywhere
    assert "tcp/443" in run.block("database1")
    assert "5432" not in run.block("database1")
    assert "\napp1 (bastion)\n" in run.output
    assert run.row("app1", "tcp/22")["web1"] == "yes"
    assert "tcp/8443" not in run.block("web1")


def test_a_tier_of_its_own_for_one_host(lab: Lab) -> None:
    host = "            app1: {egress_addresses: [10.10.2.10, "
    lab.edit("inventory.yml", host, f"{host.replace('{', '{egress_tier: database, ')}")
    run = lab.run(*ENFORCE)
    # the group's entries to the outside are above the ceiling of the new tier: refused before anything is built
    assert run.code != 0
    assert "egress_allow_app[payments]" in run.output
    assert "Build the namespaces" not in run.output


MEDDLE = """
case $(ip netns identify) in
*-web1) nft insert rule inet tidegate egress_output tcp dport 4444 accept ;;
*-app1) nft insert rule inet tidegate egress_output tcp dport 5432 drop ;;
*-database1) nft delete table inet tidegate ;;
*-bastion1) nft insert rule inet tidegate egress_output ip6 daddr 2001:3:0:193::66 udp dport 443 meta skuid 33 accept ;;
esac
"""


def test_a_changed_table_is_noticed(lab: Lab) -> None:
    run = without_names(lab).run(*ENFORCE, "-e", json.dumps({"lab_meddle": MEDDLE}))
    assert run.code == 2
    assert re.search(r"\d+ of 3520 flows differ from the policy, the first: \w+: ", run.output)
    for host, service, cells in (
        ("web1", "tcp/4444", {"stranger1": "yes", "mirror1": "yes"}),
        ("app1", "tcp/5432", {"database1": "????", "mirror1": "????"}),  # refused, but in silence, is no refusal
        ("database1", "tcp/443", {"stranger1": "yes"}),
        ("bastion1", "udp/443", {"stranger1": "v6:www-data", "partner1": "."}),
    ):
        row = run.row(host, service)
        assert {name: row[name] for name in cells} == cells, (host, service)
        assert f"\n> {service} " in run.block(host)
    assert ">" not in run.block("build1")  # nobody meddled with it
    assert "Run the role a second time" not in run.output


def test_a_host_that_lost_its_resolver_is_noticed_first(lab: Lab) -> None:
    run = without_names(lab).run(
        *ALONE,
        "-e",
        json.dumps({"lab_meddle": "nft insert rule inet tidegate egress_output udp dport 53 drop"}),
    )
    assert run.code == 2
    assert "app1 has no answer from its DNS and time servers: 10.10.0.10, fd12:3456:789a::10" in run.output


def test_a_second_run_that_changes_something_is_noticed(lab: Lab) -> None:
    """A rule that no packet of the lab meets is no difference, but the second run takes it away."""
    run = without_names(lab).run(
        *ALONE, "-e", "lab_meddle='nft add rule inet tidegate egress_allow tcp dport 9 accept'"
    )
    assert run.code == 2
    assert "The second run of the role changed something on app1" in run.output
    assert "different: 0" in run.output


def has_policy(keeper: int) -> bool:
    """Return whether a host of a keeper's lab has the table."""
    web1 = Namespace(f"tg-lab{keeper}-web1")
    return web1.run("nft", "list", "table", "inet", "tidegate", check=False).returncode == 0


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGKILL])
def test_nothing_stays_after_an_interrupt(lab: Lab, number: signal.Signals) -> None:
    before = set(labs())
    process = lab.start(playbook=str(PLAYBOOK))
    try:
        (keeper,) = wait_for(lambda: set(labs()) - before, "a lab", process=process)
        if number == signal.SIGINT:
            wait_for(lambda: has_policy(keeper), "a policy on web1", process=process)
            os.killpg(process.pid, number)  # Ctrl-C reaches the whole job
        else:
            process.send_signal(number)
        finish(process)
        assert process.returncode != 0
        wait_for(lambda: set(labs()) == before, "the end of the lab")
    finally:
        end(process)


def test_a_policy_with_a_mistake_builds_nothing(lab: Lab) -> None:
    lab.edit("group_vars/app/egress.yml", "203.0.113.0/24", "203.0.113.0/33")
    run = lab.run()
    assert run.code != 0
    assert re.search(r"group_vars/app/egress\.yml:\d+\S* egress_allow_app\[payments\]\.to\[0\]", run.output)
    assert "Build the namespaces" not in run.output


@pytest.mark.parametrize("playbook", [str(PLAYBOOK), "tidegate.nftables.demo"])
def test_without_its_inventory_it_says_how_to_run_it(playbook: str) -> None:
    done = run([str(ANSIBLE_PLAYBOOK), playbook], check=False)
    assert done.returncode == 2
    advice = re.search(r"Run: ansible-playbook -i (\S+) ([^\s\"]+)", done.stdout + done.stderr)
    assert advice
    assert [Path(path).resolve() for path in advice.groups()] == [LAB / "inventory.yml", PLAYBOOK]


def test_there_is_no_check_mode(lab: Lab) -> None:
    run = lab.run("--check")
    assert run.code == 2
    assert "Fix: run it without --check" in run.output
