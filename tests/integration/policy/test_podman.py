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
import time
import uuid
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import dataclass, field
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

SETTINGS = Path(__file__).resolve().parents[2] / "images" / "podman.sh"
OUTSIDE, HOST, PUBLISHED = "203.0.113.10", "203.0.113.1", 7080
LISTENING = ["python3", "-c", LISTEN, str(ALLOWED), str(OTHER)]


@dataclass
class Podman:
    """Podman with the settings that the machine needs. Everything that it makes is named after this test."""

    image: str = ""
    environment: dict[str, str] = field(default_factory=dict)

    @classmethod
    def here(cls) -> Podman:
        script = f'. "{SETTINGS}"; image_of bookworm; env -0'
        image, _, rest = subprocess.run(
            ["bash", "-euc", script], capture_output=True, text=True, check=True
        ).stdout.partition("\n")
        return cls(image, dict(item.split("=", 1) for item in rest.split("\0") if "=" in item))

    def __call__(self, *words: str) -> str:
        done = subprocess.run(["podman", *words], env=self.environment, capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stderr
        return done.stdout.strip()


@dataclass(frozen=True)
class Pod:
    """Two containers in one network of Podman, the first with a published port, and the outside behind the host."""

    podman: Podman
    first: str
    second: str
    outside: str

    def connect(self, container: str, address: str, port: int) -> str:
        """One connection of a container: connected, or the name of the error."""
        return self.podman("exec", container, "python3", "-c", CONNECT, address, str(port))

    def from_outside(self, address: str, port: int) -> str:
        """One connection from beyond the host."""
        command = ["ip", "netns", "exec", self.outside, sys.executable, "-c", CONNECT, address, str(port)]
        return subprocess.run(command, check=True, capture_output=True, text=True).stdout.strip()

    def address(self, container: str) -> str:
        return self.podman("inspect", "--format", "{{range .NetworkSettings.Networks}}{{.IPAddress}}{{end}}", container)


@pytest.fixture
def pod(namespace: None) -> Iterator[Pod]:
    podman, name = Podman.here(), f"tg-{uuid.uuid4().hex[:6]}"
    with ExitStack() as stack:
        for words in ("link set lo up", f"link add tgout type veth peer name eth0 netns {_namespace(stack, name)}"):
            ip(words)
        for where, device, address in (("", "tgout", HOST), (name, "eth0", OUTSIDE)):
            ip(f"address add {address}/24 dev {device}", where)
            ip(f"link set {device} up", where)
        ip(f"route add default via {OUTSIDE}")
        subnet = f"10.{random.randint(64, 127)}.{random.randint(0, 255)}.0/24"
        podman("network", "create", "--disable-dns", "--subnet", subnet, name)
        stack.callback(podman, "network", "rm", "--force", name)
        for number, options in enumerate((["--publish", f"{PUBLISHED}:{ALLOWED}"], [])):
            container = f"{name}-{number}"
            podman("run", "--detach", "--name", container, "--network", name, *options, podman.image, *LISTENING)
            stack.callback(podman, "rm", "--force", "--time", "0", container)
        listening = ["ip", "netns", "exec", name, sys.executable, "-c", LISTEN, str(ALLOWED), str(OTHER)]
        listener = stack.enter_context(subprocess.Popen(listening, stdout=subprocess.PIPE, text=True))
        stack.callback(listener.kill)
        assert listener.stdout is not None
        assert listener.stdout.readline() == "ready\n"
        found = Pod(podman, f"{name}-0", f"{name}-1", name)
        _wait(found)
        yield found


def _namespace(stack: ExitStack, name: str) -> str:
    subprocess.run(["ip", "netns", "add", name], check=True)
    stack.callback(subprocess.run, ["ip", "netns", "delete", name], check=False)
    return name


def _wait(pod: Pod) -> None:
    """Until both containers listen."""
    deadline = time.monotonic() + 20
    while time.monotonic() < deadline:
        if all(pod.podman("logs", container) == "ready" for container in (pod.first, pod.second)):
            return
        time.sleep(0.1)
    raise AssertionError("the containers do not listen")


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
    pod.podman("restart", "--time", "0", pod.second)
    assert pod.connect(pod.second, OUTSIDE, OTHER) == "ConnectionRefusedError"
    assert not apply(spec(), Path("/usr/sbin/nft"), tmp_path).changed


def test_switching_containers_off_gives_them_everything_back(pod: Pod, tmp_path: Path) -> None:
    apply(spec(), Path("/usr/sbin/nft"), tmp_path)
    assert pod.connect(pod.first, OUTSIDE, OTHER) == "ConnectionRefusedError"
    apply(spec(egress_containers=False), Path("/usr/sbin/nft"), tmp_path)
    assert pod.connect(pod.first, OUTSIDE, OTHER) == "connected"
