# Copyright: (c) 2026, the tidegate developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A host gets a resolver, keeps it and loses it again, under a real systemd with real unbound."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

import pytest

from ansible_collections.tidegate.nftables.tests.support.authority import ADDRESS as SERVER
from ansible_collections.tidegate.nftables.tests.support.containers import image, new_container, podman
from ansible_collections.tidegate.nftables.tests.support.machines import exposure
from ansible_collections.tidegate.nftables.tests.support.paths import CHECKOUT
from ansible_collections.tidegate.nftables.tests.support.resolver import API, DOCUMENT

from .conftest import wait_for
from .test_systemd import Machine

RELEASES = ("bullseye", "trixie")
"""The oldest and the newest: test_name_services.py has the one between."""
RESOLV_CONF = f"# from elsewhere\nnameserver {SERVER}\nsearch corp.example\n"
NAMES: Mapping[str, Any] = {**DOCUMENT, "sets": [API]}
SPEC: Mapping[str, Any] = {
    "family": "inet",
    "name": "tidegate",
    "sets": [
        {"name": f"names_api{version}", "typeof": f"{ip} daddr", "flags": ["timeout"], "size": 4096}
        for version, ip in ((4, "ip"), (6, "ip6"))
    ],
    "chains": [
        {
            "name": "egress_output",
            "type": "filter",
            "hook": "output",
            "priority": 0,
            "rules": [
                "ip daddr 127.0.0.0/8 udp dport != 53 accept",
                f"ip daddr {SERVER} udp dport 53 meta skuid != 0 accept",
                f"ip daddr {SERVER} reject",
                "ip daddr @names_api4 accept",
            ],
        }
    ],
}
AUTHORITY = """
import sys, threading
sys.path.insert(0, "/")
import authority
with authority.Authority().running():
    threading.Event().wait()
"""


@pytest.fixture(params=RELEASES)
def machine(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Machine]:
    """A container of one release with its unbound, and a name server that it asks."""
    release = request.param
    name = new_container(f"names-{release}")
    files = {
        CHECKOUT / "build" / "debian" / f"{release}-debs": "/repository",
        CHECKOUT / "tests" / "support" / "authority.py": "/authority.py",
    }
    volumes = [f"--volume={source}:{target}:ro" for source, target in files.items()]
    options = ["--network", "none", "--systemd", "always", "--cap-add", "NET_ADMIN,NET_RAW,SYS_ADMIN"]
    podman("run", "--detach", "--name", name, *options, *volumes, image(release), "/lib/systemd/systemd")
    try:
        started = Machine(name, tmp_path_factory.mktemp(release))
        started.settled()
        write(started, "/etc/apt/sources.list", "deb [trusted=yes] file:/repository ./\n")
        started.run("sh", "-c", "apt-get update -qq && apt-get install -qq -y unbound python3-unbound")
        world(started)
        write(started, "/etc/resolv.conf", RESOLV_CONF)
        yield started
    finally:
        podman("rm", "--force", "--time", "0", name)


def world(machine: Machine) -> None:
    """Start what a reboot ends: the name server, and the way to its addresses."""
    machine.run("ip", "route", "add", "local", "50.0.0.0/8", "dev", "lo")
    podman("exec", "--detach", machine.name, "python3", "-c", AUTHORITY)
    wait_for(lambda: ":0035 " in machine.run("cat", "/proc/net/udp"), "the name server")


def write(machine: Machine, path: str, text: str) -> None:
    machine.run("sh", "-c", f"printf '%s' '{text}' >{path}")


def resolves(machine: Machine, number: int) -> bool:
    """Return whether a program on the host finds a name and its address is open then."""
    name, address = f"n{number}.example.net", f"50.0.1.{number}"
    program = f"import socket; print(socket.gethostbyname('{name}'))"
    return address in machine.run("python3", "-c", program, check=False) and address in machine.table()


def apply(machine: Machine, names: Mapping[str, Any] | None, *, confirm: bool = True) -> dict[str, Any]:
    arguments = {
        "phase": "apply",
        "tables": [SPEC],
        "who": "alice",
        "timeout": 300 if confirm else 60,
        "names": names,
    }
    tasks: list[dict[str, Any]] = [arguments]
    if confirm:
        tasks.append({"phase": "confirm", "token": "{{ run0.guard.token }}"})
    return machine.module(*tasks)[0]


def test_a_host_from_its_first_name_to_none(machine: Machine) -> None:
    """One test: a container takes long to start."""
    distribution = machine.active("unbound")
    applied = apply(machine, NAMES)
    assert {file["path"] for file in applied["files"]} >= {
        "/etc/tidegate/names.json",
        "/etc/systemd/system/tidegate-dns.service",
        "/etc/resolv.conf",
    }
    assert machine.active("tidegate-dns") == "active"
    # As the watcher may: it puts names beside addresses in the journal, and counts in metrics.
    may = machine.run("systemctl", "show", "--property=CapabilityBoundingSet", "tidegate-watch").strip()
    record = ("cat", "/run/tidegate-dns/record.json")
    wait_for(lambda: "written" in machine.run("systemd-run", "-q", "--pipe", "--wait", "-p", may, *record, check=False))
    assert machine.run("runuser", "-u", "nobody", "--", *record, check=False) == ""
    assert exposure(machine.run, "tidegate-dns.service") < 3.0
    assert exposure(machine.run, "tidegate-names.service") < 3.0
    assert "search corp.example" in machine.run("cat", "/etc/resolv.conf")
    assert resolves(machine, 1)
    (again,) = machine.module({"phase": "apply", "tables": [SPEC], "who": "alice", "names": NAMES})
    assert not again["changed"], again["files"]

    # Nobody confirms servers that nobody has: the resolver asks the old ones again.
    apply(machine, {**NAMES, "servers": ["127.0.9.9"]}, confirm=False)
    assert not resolves(machine, 2)
    wait_for(lambda: machine.status()["table"] == "confirmed", patience=300)
    wait_for(lambda: resolves(machine, 3), patience=300)

    # A DHCP client writes the file.
    write(machine, "/etc/resolv.conf", f"nameserver {SERVER}\nsearch new.example\n")
    wait_for(lambda: "127.0.53.1" in machine.run("cat", "/etc/resolv.conf"))
    assert "search new.example" in machine.run("cat", "/etc/resolv.conf")

    machine.run("systemctl", "kill", "--signal=KILL", "tidegate-dns")
    wait_for(lambda: resolves(machine, 4), patience=300)

    machine.reboot()
    world(machine)
    wait_for(lambda: resolves(machine, 5), patience=300)
    assert "resolver   answers" in machine.run("tidegate", "status")

    machine.module({"phase": "apply", "tables": [{**SPEC, "state": "absent"}], "who": "alice"})
    assert machine.run("cat", "/etc/resolv.conf") == f"nameserver {SERVER}\nsearch new.example\n"
    assert not machine.run("sh", "-c", "ls -d /etc/systemd/system/tidegate* /etc/tidegate/* 2>/dev/null", check=False)
    assert machine.active("tidegate-dns") == "inactive"
    # Where it cannot start, systemd gives up at some time.
    assert (machine.active("unbound") == "active") == (distribution == "active")
