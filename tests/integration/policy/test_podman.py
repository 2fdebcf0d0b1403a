# Copyright: (c) 2026, the tidegate developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What real containers of Podman send through a policy host, with the rules that Podman makes for them beside ours.

The test's own network namespace is the host, so none of the machine's own rules is touched.
"""

from __future__ import annotations

import random
import subprocess
import sys
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path

import pytest

from ansible_collections.tidegate.nftables.tests.integration.policy.conftest import counters, nft
from ansible_collections.tidegate.nftables.tests.integration.policy.test_applied import apply
from ansible_collections.tidegate.nftables.tests.integration.policy.test_containers import (
    ALLOWED,
    CONNECT,
    LISTEN,
    OTHER,
    ip,
    spec,
)
from ansible_collections.tidegate.nftables.tests.support import containers
from ansible_collections.tidegate.nftables.tests.support.namespaces import named_namespace
from ansible_collections.tidegate.nftables.tests.support.waiting import wait_for, wait_for_line

OUTSIDE, HOST, PUBLISHED = "203.0.113.10", "203.0.113.1", 7080
LISTENING = ["python3", "-c", LISTEN, str(ALLOWED), str(OTHER)]


def podman(*words: str) -> str:
    """Return what podman prints. Everything that it makes here is named after this test."""
    return containers.podman(*words).stdout.strip()


@dataclass(frozen=True)
class Pod:
    """Two containers in one network of Podman, the first with a published port, and the outside behind the host."""

    first: str
    second: str
    outside: str

    def connect(self, container: str, address: str, port: int) -> str:
        """One connection of a container: connected, or the name of the error."""
        return podman("exec", container, "python3", "-c", CONNECT, address, str(port))

    def from_outside(self, address: str, port: int) -> str:
        """One connection from beyond the host."""
        command = ["ip", "netns", "exec", self.outside, sys.executable, "-c", CONNECT, address, str(port)]
        return subprocess.run(command, check=True, capture_output=True, text=True).stdout.strip()

    def address(self, container: str) -> str:
        return podman("inspect", "--format", "{{range .NetworkSettings.Networks}}{{.IPAddress}}{{end}}", container)


@pytest.fixture
def pod(namespace: None) -> Iterator[Pod]:
    image = containers.image("bookworm")
    with ExitStack() as stack:
        name = stack.enter_context(named_namespace("pod")).name
        for words in ("link set lo up", f"link add tgout type veth peer name eth0 netns {name}"):
            ip(words)
        for where, device, address in (("", "tgout", HOST), (name, "eth0", OUTSIDE)):
            ip(f"address add {address}/24 dev {device}", where)
            ip(f"link set {device} up", where)
        ip(f"route add default via {OUTSIDE}")
        subnet = f"10.{random.randint(100, 127)}.{random.randint(0, 255)}.0/24"  # not podman's own 10.88.0.0/16
        podman("network", "create", "--disable-dns", "--subnet", subnet, name)
        stack.callback(podman, "network", "rm", "--force", name)
        for number, options in enumerate((["--publish", f"{PUBLISHED}:{ALLOWED}"], [])):
            container = f"{name}-{number}"
            podman(
                "run",
                "--detach",
                "--name",
                container,
                "--network",
                name,
                *options,
                image,
                *LISTENING,
            )
            stack.callback(podman, "rm", "--force", "--time", "0", container)
        listening = ["ip", "netns", "exec", name, sys.executable, "-c", LISTEN, str(ALLOWED), str(OTHER)]
        listener = stack.enter_context(subprocess.Popen(listening, stdout=subprocess.PIPE, text=True))
        stack.callback(listener.kill)
        wait_for_line(listener)
        made = Pod(f"{name}-0", f"{name}-1", name)
        wait_for(lambda: _listen(made), "the containers")
        yield made


def _listen(pod: Pod) -> bool:
    """Return whether both containers listen."""
    return all(podman("logs", container) == "ready" for container in (pod.first, pod.second))


def podmans_rules() -> str:
    """Every table but ours, without counts."""
    tables = [line for line in nft("list", "tables").splitlines() if line != "table inet tidegate"]
    return "".join(nft("-s", "list", *line.split()) for line in tables)


def test_a_network_of_podman_behind_a_policy_host(pod: Pod, tmp_path: Path) -> None:
    neighbour = pod.address(pod.second)
    for port in (ALLOWED, OTHER):
        assert pod.connect(pod.first, OUTSIDE, port) == "connected"
    assert pod.from_outside(HOST, PUBLISHED) == "connected"
    before = podmans_rules()
    assert "10." in before, "Podman has made no rules"
    apply(spec(), Path("/usr/sbin/nft"), tmp_path)
    for container in (pod.first, pod.second):
        assert pod.connect(container, OUTSIDE, ALLOWED) == "connected"
        assert pod.connect(container, OUTSIDE, OTHER) == "ConnectionRefusedError"
    assert counters()["denied"] == 2
    # Between containers, to what they publish, and in Podman's tables, nothing changes.
    assert pod.connect(pod.first, neighbour, OTHER) == "connected"
    assert pod.from_outside(HOST, PUBLISHED) == "connected"
    assert podmans_rules() == before
    apply(spec(egress_mode="observe"), Path("/usr/sbin/nft"), tmp_path)
    assert pod.connect(pod.first, OUTSIDE, OTHER) == "connected"
    assert (counters()["denied"], counters()["would_deny"]) == (2, 1)
    # A container that Podman starts now is held to the policy, too, and Podman's work is not in the way of ours.
    apply(spec(), Path("/usr/sbin/nft"), tmp_path)
    podman("restart", "--time", "0", pod.second)
    assert pod.connect(pod.second, OUTSIDE, OTHER) == "ConnectionRefusedError"
    assert not apply(spec(), Path("/usr/sbin/nft"), tmp_path).changed


def test_switching_containers_off_gives_them_everything_back(pod: Pod, tmp_path: Path) -> None:
    apply(spec(), Path("/usr/sbin/nft"), tmp_path)
    assert pod.connect(pod.first, OUTSIDE, OTHER) == "ConnectionRefusedError"
    apply(spec(egress_containers=False), Path("/usr/sbin/nft"), tmp_path)
    assert pod.connect(pod.first, OUTSIDE, OTHER) == "connected"
