# Copyright: (c) 2026, the tidegate developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The module egress_probe and the connection netns against a real packet filter."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

import pytest

from ansible_collections.tidegate.nftables.tests.integration.lab.conftest import Net
from ansible_collections.tidegate.nftables.tests.support.project import Project, Run

API = {"v4": "203.0.113.10", "v6": "2001:db8:113::10"}
FAMILIES = pytest.mark.parametrize("to", list(API.values()), ids=list(API))


def rules(net: Net, *lines: str) -> None:
    chain = "add table inet t\nadd chain inet t c { type filter hook output priority 0; }\n"
    loopback = "add rule inet t c oifname lo accept\n"
    net.run("web1", "nft", "-f", "-", text=chain + loopback + "".join(f"add rule inet t c {line}\n" for line in lines))


@FAMILIES
def test_each_probe_is_its_users(net: Net, to: str) -> None:
    rules(net, "meta l4proto tcp meta skuid != 33 reject with tcp reset", "meta l4proto udp meta skuid != 33 reject")
    whose: list[dict[str, Any]] = [
        {"to": to, "protocol": protocol, "port": 443, "user": user}
        for protocol in ("tcp", "udp")
        for user in (None, "www-data", "33", "root", "nobody", "3999999")
    ]
    outcomes = [outcome for outcome, _errno in net.probe("web1", *whose)]
    assert outcomes == ["refused", "answered", "answered", "refused", "refused", "refused"] * 2


@FAMILIES
def test_a_reject_is_refused_at_once_and_a_drop_is_silent(net: Net, to: str) -> None:
    tcp, udp = ({"to": to, "protocol": protocol, "port": 443} for protocol in ("tcp", "udp"))
    rules(net, "tcp dport 443 reject with tcp reset", "udp dport 443 reject with icmpx type admin-prohibited")
    assert [outcome for outcome, _errno in net.probe("web1", tcp, udp)] == ["refused", "refused"]
    net.run("web1", "nft", "flush chain inet t c")
    net.run("web1", "nft", "add rule inet t c tcp dport 443 drop")
    assert net.probe("web1", tcp, timeout=0.5) == [("silent", "ETIMEDOUT")]
    # on the way, where the sender's own system cannot know
    net.run("web1", "nft", "flush chain inet t c")
    net.run("api1", "nft", "add table inet t { chain c { type filter hook input priority 0; udp dport 443 drop; }; }")
    assert net.probe("web1", udp, timeout=0.5) == [("silent", "ETIMEDOUT")]


def test_one_probe_is_one_packet(net: Net) -> None:
    rules(net, "ct state new counter")
    net.probe(
        "web1", *({"to": to, "protocol": protocol, "port": 443} for to in API.values() for protocol in ("tcp", "udp"))
    )
    listing = json.loads(net.run("web1", "nft", "-j", "list", "chain", "inet", "t", "c").stdout)
    assert [
        part["counter"]["packets"]
        for item in listing["nftables"]
        for part in item.get("rule", {}).get("expr", [])
        if "counter" in part
    ] == [4]


def test_hundreds_of_refusals_take_no_time(net: Net) -> None:
    rules(net, "meta l4proto tcp reject with tcp reset", "meta l4proto udp reject with icmpx type admin-prohibited")
    probes = [
        {"to": to, "protocol": protocol, "port": port}
        for port in range(1000, 1100)
        for to in API.values()
        for protocol in ("tcp", "udp")
    ]
    results = net.probe("web1", *probes)
    assert {outcome for outcome, _errno in results} == {"refused"}


PLAY = """
- hosts: all
  gather_facts: false
  tasks:
    - ansible.builtin.raw: "ip -brief address show eth0; ip netns identify"
      register: whole
    - ansible.builtin.assert:
        that: "'10.10.1.10/16' in whole.stdout and whole.stdout_lines[-1] == ansible_netns"
    - tidegate.nftables.egress_probe:
        probes:
          - {name: one, to: 203.0.113.10, port: 443, user: www-data}
          - {to: "2001:db8:113::10", port: 444, protocol: udp}
      check_mode: true
      register: probed
    - ansible.builtin.assert:
        that:
          - probed is not changed
          - (probed.results[0] | dict2items | rejectattr('key', 'eq', 'milliseconds') | items2dict) == expected
          - probed.results[0].milliseconds is number
          - probed.results[1].outcome == "refused"
          - probed.counts == counts
      vars:
        counts: {answered: 1, refused: 1, silent: 0, failed: 0}
        expected:
          {name: one, to: 203.0.113.10, port: 443, user: www-data, protocol: tcp, outcome: answered, errno: null}
    - tidegate.nftables.egress_probe:
        probes: [{to: 203.0.113.10, port: 443}, {to: api1, port: 443}]
      register: bad
      ignore_errors: true
    - ansible.builtin.assert:
        that:
          - (bad.reason, bad.where) == ('bad_spec', 'probes[1]')
          - bad.msg.startswith('probes[1]')
          - "'No packet was sent' in bad.msg"
"""


def play(folder: Path, namespace: str) -> Run:
    """Run the play on a host that is a namespace of this machine."""
    project = Project(folder)
    variables = {
        "ansible_connection": "tidegate.nftables.netns",
        "ansible_netns": namespace,
        "ansible_python_interpreter": sys.executable,
    }
    project.write("inventory.yml", {"all": {"hosts": {"web1": variables}}})
    project.write("play.yml", PLAY)
    return project.play(playbook="play.yml")


def test_tasks_run_in_the_hosts_namespace(net: Net, tmp_path: Path) -> None:
    play(tmp_path, net.names["web1"]).ok()


def test_a_namespace_that_is_not_there_is_a_host_that_is_not_reached(net: Net, tmp_path: Path) -> None:
    run = play(tmp_path, f"{net.names['web1']}x")
    assert run.code == 4
    assert f'There is no network namespace "{net.names["web1"]}x" on this machine' in run.output
