# Copyright: (c) 2026, the tidegate developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""preflight.yml and adopt.yml against a real kernel: what they find, and that no draft opens what was closed."""

from __future__ import annotations

import ipaddress
import random
import re
import sys
from pathlib import Path
from typing import Any

import yaml

from ansible_collections.tidegate.nftables.plugins.plugin_utils import policy
from ansible_collections.tidegate.nftables.plugins.plugin_utils.adopt.draft import UNBOUND
from ansible_collections.tidegate.nftables.tests.golden.cases import FixedInventory
from ansible_collections.tidegate.nftables.tests.integration.role.project import HostProject
from ansible_collections.tidegate.nftables.tests.support.project import Run

PREFLIGHT, ADOPT = "tidegate.nftables.preflight", "tidegate.nftables.adopt"
SEED = 20261120

# Conditions with and without words here, chains, sets and verdict maps; UDP, for which the kernel says at once what
# became of a packet.
RULES = """
table inet filter {
  set partners { type ipv4_addr; flags interval; elements = { 203.0.113.0/24, 198.51.100.7 } }
  set pairs { type ipv4_addr . inet_service; elements = { 192.0.2.1 . 514, 192.0.2.2 . 515 } }
  set banned { type ipv4_addr; flags timeout; elements = { 203.0.113.66 timeout 1h } }
  chain out {
    type filter hook output priority filter; policy drop;
    oifname "lo" accept
    ct state vmap { established : accept, related : accept, invalid : drop }
    meta l4proto != udp goto others
    ip daddr @banned drop
    ip daddr . udp dport @pairs accept
    ip daddr @partners jump partners
    ip6 daddr 2001:db8::/48 udp dport 400-500 accept comment "six"
    meta mark 7 udp dport 9 accept
    ip daddr 192.0.2.128/25 limit rate 1/second udp dport 9 drop
    ip daddr 192.0.2.0/24 udp dport { 9, 19 } accept
    oifname "out" ip daddr 10.0.0.0/8 udp dport 53 accept
  }
  chain partners {
    ip daddr 203.0.113.13 return
    udp dport vmap { 123 : accept, 161 : drop, 500-600 : accept }
  }
  chain others {
    meta l4proto tcp tcp dport 443 ip daddr 203.0.113.0/24 accept
    meta l4proto icmpv6 accept
  }
}
"""
ADDRESSES = [
    *("203.0.113.1", "203.0.113.13", "203.0.113.66", "198.51.100.7", "198.51.100.8", "10.1.1.1", "8.8.8.8"),
    *("192.0.2.1", "192.0.2.2", "192.0.2.3", "192.0.2.200", "2001:db8::1", "2001:db8:1::1", "fd12:3456:789a::9"),
]
CONDITIONAL = ("10.", "192.0.2.", "203.0.113.")
"""Networks of which a rule with such a condition speaks."""

PORTS = (9, 19, 53, 123, 161, 400, 450, 500, 501, 514, 515, 600, 601)

SENDER = """
import json, socket, sys
for line in sys.stdin:
    address, port = line.split()
    family = socket.AF_INET6 if ":" in address else socket.AF_INET
    with socket.socket(family, socket.SOCK_DGRAM) as one:
        try:
            one.sendto(b"x", (address, int(port)))
            print(1)
        except PermissionError:
            print(0)
"""


def leaving(project: HostProject, flows: list[tuple[str, int]]) -> list[bool]:
    """Send one datagram for each flow; whether the kernel let it leave."""
    text = "".join(f"{address} {port}\n" for address, port in flows)
    done = project.namespace.run(sys.executable, "-c", SENDER, text=text)
    return [line == "1" for line in done.stdout.split()]


def load(project: HostProject, rules: str) -> None:
    project.namespace.run("nft", "-f", "-", text=rules)


def named(project: HostProject, playbook: str, *options: str) -> Run:
    """Run one of the collection's playbooks by its name, on app1."""
    return project.play("--limit", "app", *options, playbook=playbook)


def draft_of(project: HostProject) -> dict[str, Any]:
    run = named(project, ADOPT, "-e", f"adopt_dest={project.path}/drafts")
    assert run.code == 0, run.output
    draft: dict[str, Any] = yaml.safe_load((project.path / "drafts/app1.yml").read_text())
    return draft


def opened(given: dict[str, Any], flows: list[tuple[str, int]]) -> list[bool]:
    """Whether a policy of nothing but the draft lets each flow out."""
    variables = {**UNBOUND, "egress_mode": "enforce", "egress_internal_networks": ["10.0.0.0/8"], **given}
    resolved = policy.build(variables, FixedInventory("app1", {}, {}))
    return [policy.decide(resolved, policy.Flow(address, "udp", port)).allowed for address, port in flows]


def without_policy(project: HostProject) -> None:
    """A host that nobody wrote a policy for yet."""
    project.write("group_vars/all/egress.yml", {})
    project.write("group_vars/app/egress.yml", {})


def test_a_draft_opens_nothing_that_the_rules_refuse(connected: HostProject) -> None:
    without_policy(connected)
    load(connected, RULES)
    draft = draft_of(connected)
    flows = [(address, port) for address in ADDRESSES for port in PORTS]
    chosen = random.Random(SEED)
    for network in ("203.0.113.0/24", "192.0.2.0/24", "2001:db8::/48"):
        first = int(ipaddress.ip_network(network)[0])
        flows += [
            (str(ipaddress.ip_address(first + chosen.randrange(256))), chosen.choice(PORTS)) for _each in range(40)
        ]
    let, wanted = leaving(connected, flows), opened(draft, flows)
    wider = [flow for flow, passed, allowed in zip(flows, let, wanted, strict=True) if allowed and not passed]
    assert wider == []
    # Nothing is lost either, but what rules let through under conditions that entries have no words for.
    missing = {flow for flow, passed, allowed in zip(flows, let, wanted, strict=True) if passed and not allowed}
    assert {port for address, port in missing if address.startswith("10.")} <= {53}
    assert {
        (address, port) for address, port in missing if not address.startswith(("10.", "192.0.2.", "203.0.113."))
    } == set()
    assert sum(wanted) > 40


def test_a_draft_says_what_it_left_out_and_drafting_again_changes_nothing(connected: HostProject) -> None:
    without_policy(connected)
    load(connected, RULES)
    draft_of(connected)
    text = (connected.path / "drafts/app1.yml").read_text()
    assert "drafted from table inet filter." in text
    for part in ("meta oifname out", "meta mark 7", "name: six", "set banned, whose elements come and go", "limit"):
        assert part in text, part
    again = named(connected, ADOPT, "-e", f"adopt_dest={connected.path}/drafts")
    assert again.changed() == 0


def test_a_host_with_our_table_alone_is_not_said_to_reach_everything(connected: HostProject) -> None:
    load(connected, "table inet tidegate { chain o { type filter hook output priority 0; policy drop; }; }")
    assert draft_of(connected) == {"egress_allow_adopted": []}
    text = (connected.path / "drafts/app1.yml").read_text()
    assert "# No rule beside the role's own table inet tidegate filters what this host sends." in text
    assert "everything" not in text


def test_entries_that_the_hosts_own_policy_would_not_take_are_held_back(connected: HostProject) -> None:
    load(
        connected, "table inet f { chain o { type filter hook output priority 0; policy drop; tcp dport 22 accept; }; }"
    )
    assert draft_of(connected) == {"egress_allow_adopted": []}
    text = (connected.path / "drafts/app1.yml").read_text()
    assert "is above the ceiling of tier app" in text
    assert "# - name: ssh-any" in text


def test_check_mode_writes_no_file(connected: HostProject) -> None:
    run = named(connected, ADOPT, "--check", "-e", f"adopt_dest={connected.path}/drafts")
    assert run.code == 0, run.output
    assert run.changed() == 1
    assert not (connected.path / "drafts").exists()


def test_preflight_tells_what_stands_in_the_way(connected: HostProject) -> None:
    load(
        connected,
        "table ip raw { chain o { type filter hook output priority raw; udp dport 514 notrack; }; }\n"
        "table inet f { chain o { type filter hook output priority 0; jump w; }; chain w { tcp dport 25 reject; }; }\n"
        "table ip sleeping { flags dormant; chain o { type filter hook output priority 0; policy drop; }; }\n",
    )
    connected.namespace.ip("link add docker0 type bridge")
    run = named(connected, PREFLIGHT)
    assert run.code == 0, run.output
    printed = run.output
    assert "STOP  notrack in ip raw o." in printed
    assert "STOP  containers: docker0." in printed
    assert "WARN  table inet f: rules in w reject." in printed
    assert "table ip sleeping" not in printed
    assert run.module_runs == ["egress_preflight"]


def test_enforcing_is_refused_until_containers_are_decided_and_observing_is_not(connected: HostProject) -> None:
    connected.namespace.ip("link add docker0 type bridge")
    refused = connected.play()
    assert refused.code != 0
    assert "containers: docker0" in refused.output
    assert "Fix: set egress_containers to true or false" in refused.output
    assert connected.nft("list", "tables") == ""
    connected.write("group_vars/all/egress.yml", {**connected.common, "egress_mode": "observe"})
    observed = connected.play()
    assert observed.code == 0, observed.output
    assert "containers: docker0" in observed.output
    # The first run that refuses is held against the host as well, though a policy was confirmed there.
    connected.write("group_vars/all/egress.yml", connected.common)
    assert connected.play().code != 0
    connected.write("group_vars/all/egress.yml", {**connected.common, "egress_containers": False})
    enforced = connected.play()
    assert enforced.code == 0, enforced.output
    right = connected.play()
    assert right.module_runs == ["egress_apply"]
    assert right.changed() == 0


def test_what_others_load_later_stops_the_next_change_that_enforces(connected: HostProject) -> None:
    assert connected.play().code == 0
    load(
        connected,
        "table ip raw { chain o { type filter hook output priority raw; udp dport 514 notrack; }; }\n",
    )
    assert connected.play().changed() == 0
    more = {"name": "more", "to": ["10.10.7.7"], "services": ["https"], "reason": "r", "owner": "o"}
    changed = {**connected.common, "egress_allow_more": [more]}
    connected.write("group_vars/all/egress.yml", changed)
    for options in (("--check",), ()):
        refused = connected.play(*options)
        assert refused.code != 0
        assert "notrack" in refused.output
        assert "10.10.7.7" not in connected.nft("list", "table", "inet", "tidegate")
    connected.write("group_vars/all/egress.yml", {**changed, "egress_untracked": "accept"})
    allowed = connected.play()
    assert allowed.code == 0, allowed.output
    assert "10.10.7.7" in connected.nft("list", "table", "inet", "tidegate")


def test_the_doctor_names_what_would_be_refused_with_the_yaml_for_it(connected: HostProject, resolv_conf: Path) -> None:
    resolv_conf.write_text("nameserver 10.10.0.99\n")
    run = named(connected, PREFLIGHT)
    assert run.code == 0, run.output
    assert "would be rejected: resolv.conf uses 10.10.0.99 udp/53 (/etc/resolv.conf:1)" in run.output
    assert re.search(r"egress_dns_servers: \[.*, 10\.10\.0\.99\]  # in place of the list that is there", run.output)
