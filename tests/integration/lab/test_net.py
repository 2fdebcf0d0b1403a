# Copyright: (c) 2026, the tidegate developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The lab's net: everybody answers everybody, and nothing of it stays, however its owner ends."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from typing import Any

import pytest

from ansible_collections.tidegate.nftables.tests.integration.lab.conftest import (
    NETNS,
    SPEC,
    Net,
    labnet,
    labs,
    namespaces,
)
from ansible_collections.tidegate.nftables.tests.support.namespaces import Namespace, named_namespace
from ansible_collections.tidegate.nftables.tests.support.paths import LAB
from ansible_collections.tidegate.nftables.tests.support.waiting import run, wait_for


def state(home: Namespace) -> str:
    """Return links, addresses, routes, rules, and whether packets are forwarded."""
    commands = (
        "ip -o link",
        "ip -o address",
        "ip route",
        "ip -6 route",
        "nft list ruleset",
        "sysctl net.ipv4.ip_forward",
    )
    return "".join(home.run(*command.split()).stdout for command in commands)


@pytest.fixture
def home() -> Iterator[Namespace]:
    """A namespace to start labs from, in place of the machine's own, in which others may be at work."""
    with named_namespace("home") as made:
        yield made


def everything(host: str) -> list[dict[str, Any]]:
    return [
        {"to": address, "protocol": protocol, "port": port}
        for other, addresses in SPEC["hosts"].items()
        if other != host
        for address in addresses
        for port in SPEC["ports"]
        for protocol in ("tcp", "udp")
    ]


@pytest.mark.parametrize("host", list(SPEC["hosts"]))
def test_everybody_answers_everybody_on_every_port(net: Net, host: str) -> None:
    probes = everything(host)
    assert set(zip(net.probe(host, *probes), [probe["to"] for probe in probes], strict=True)) == {
        (("answered", None), probe["to"]) for probe in probes
    }


def test_nobody_listens_elsewhere(net: Net) -> None:
    probes = [{"to": "203.0.113.10", "protocol": protocol, "port": 444} for protocol in ("tcp", "udp")]
    assert net.probe("web1", *probes) == [("refused", "ECONNREFUSED")] * 2


def test_there_is_no_way_out(net: Net) -> None:
    assert net.probe("web1", {"to": "198.51.100.1", "protocol": "tcp", "port": 443}) == [("failed", "ENETUNREACH")]


def test_the_namespace_that_it_was_started_from_is_not_touched(home: Namespace) -> None:
    before = state(home)
    # nsenter, since `ip netns exec` shows a /sys of its own
    program = ["nsenter", f"--net=/run/netns/{home.name}", sys.executable, "-B", "-m", "labnet"]
    owner = subprocess.Popen(["sleep", "infinity"])
    try:
        up = json.loads(run([*program, "up", "--owner", str(owner.pid)], text=json.dumps(SPEC), cwd=LAB).stdout)
        assert state(home) == before
        assert len(namespaces(up["keeper"])) == len(SPEC["hosts"]) + 1
        run([*program, "down", str(up["keeper"])], cwd=LAB)
        assert namespaces(up["keeper"]) == []
        assert state(home) == before
    finally:
        owner.kill()
        owner.wait()


def test_down_removes_everything_before_it_returns(net: Net) -> None:
    assert len(namespaces(net.keeper)) == len(SPEC["hosts"]) + 1
    assert labnet("down", str(net.keeper)).returncode == 0
    assert namespaces(net.keeper) == []
    assert not net.alive


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT, signal.SIGKILL])
def test_the_end_of_the_owner_is_the_end_of_the_net(net: Net, number: signal.Signals) -> None:
    net.owner.send_signal(number)
    net.owner.wait()
    wait_for(lambda: not net.alive and namespaces(net.keeper) == [], "the end of the net")


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT, signal.SIGHUP])
def test_a_keeper_that_is_asked_to_stop_tidies_up(net: Net, number: signal.Signals) -> None:
    os.kill(net.keeper, number)
    wait_for(lambda: not net.alive and namespaces(net.keeper) == [], "the end of the net")


def test_processes_in_the_net_end_with_it(net: Net) -> None:
    web1 = Namespace(net.names["web1"])
    inside = subprocess.Popen([*web1.enter, "sleep", "infinity"])
    wait_for(lambda: inside.pid in web1.processes(), "a process in the net", process=inside)
    assert labnet("down", str(net.keeper)).returncode == 0
    assert wait_for(inside.poll, "the end of the process in the net") == -signal.SIGTERM


def test_what_a_killed_keeper_left_is_removed_by_the_next_lab(net: Net) -> None:
    os.kill(net.keeper, signal.SIGKILL)
    wait_for(lambda: not net.alive, "the end of the keeper")
    assert namespaces(net.keeper) != []
    up = json.loads(labnet("up", "--owner", str(net.owner.pid), text=json.dumps(SPEC)).stdout)
    assert namespaces(net.keeper) == []
    assert namespaces(up["keeper"]) != []
    labnet("down", str(up["keeper"]))


def test_a_living_lab_is_left_alone_by_the_next_one(net: Net) -> None:
    up = json.loads(labnet("up", "--owner", str(net.owner.pid), text=json.dumps(SPEC)).stdout)
    assert up["keeper"] != net.keeper
    assert labnet("down", str(up["keeper"])).returncode == 0
    assert len(namespaces(net.keeper)) == len(SPEC["hosts"]) + 1
    assert net.probe("web1", *everything("web1")) == [("answered", None)] * len(everything("web1"))


@pytest.mark.parametrize(
    ("change", "sentence"),
    [
        ({"hosts": {"web1": ["10.99.0.1", "192.0.2.1"]}}, "web1: 192.0.2.1 is in none of the lab's networks"),
        ({"hosts": {"web1": ["10.10.0.1"]}, "ports": [70000]}, "70000"),
        ({"hosts": {"a host": ["10.10.0.9"]}}, "netns"),
    ],
)
def test_a_lab_that_cannot_be_built_leaves_a_sentence_and_nothing_else(change: dict[str, Any], sentence: str) -> None:
    change["networks"] = {**SPEC["networks"], "other": ["10.99.0.254/24"]}
    before = labs()
    done = labnet("up", "--owner", str(os.getpid()), text=json.dumps({**SPEC, **change}))
    assert done.returncode == 1
    assert sentence in done.stderr
    assert "Traceback" not in done.stderr
    # Labs of others that end meanwhile are among those without a keeper.
    wait_for(lambda: set(labs()) <= set(before), "the end of labs of others", instead=labs)


def test_without_a_playbook_above_there_is_no_lab() -> None:
    done = labnet("up", text=json.dumps(SPEC))
    assert done.returncode == 1
    assert "run ansible-playbook" in done.stderr


def test_names_that_others_made_are_left_alone(net: Net) -> None:
    name = f"tg-labother-{os.getpid()}"
    subprocess.run(["ip", "netns", "add", name], check=True)
    try:
        assert labnet("down", str(net.keeper)).returncode == 0
        assert (NETNS / name).exists()
    finally:
        subprocess.run(["ip", "netns", "delete", name], check=True)
