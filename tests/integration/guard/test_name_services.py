# Copyright: (c) 2026, the tidegate developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The role on a host without unbound, beside each program that a host's name service comes from; apt by names.

The packages are Debian's own, from a mirror whose name the policy opens: what is installed here comes through the
resolver that the role brought.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from itertools import count
from typing import Any

import pytest

from ansible_collections.tidegate.nftables.tests.support.containers import image, new_container, podman
from ansible_collections.tidegate.nftables.tests.support.machines import exposure
from ansible_collections.tidegate.nftables.tests.support.paths import CHECKOUT
from ansible_collections.tidegate.nftables.tests.support.project import run_tasks

from .conftest import wait_for
from .name_world import HERE, MIRROR, PID, READY, SERVER
from .test_systemd import Machine

PLAIN = f"# from elsewhere\nnameserver {SERVER}\nsearch corp.example\n"
POLICY: dict[str, Any] = {
    "egress_tier": "app",
    "egress_mode": "enforce",
    "egress_internal_networks": ["10.0.0.0/8"],
    "egress_dns_servers": ["auto"],
    "egress_names": "resolver",
    "egress_allow_app": [
        {"name": "packages", "to": ["deb.packages.example"], "services": ["http"]},
        {"name": "numbers", "to": ["*.example.net"], "services": ["https"]},
        {"name": "gone", "to": ["gone.packages.example"], "services": ["https"]},
    ],
}
CONNECTION = {"ansible_connection": "podman_nsenter", "ansible_python_interpreter": "/usr/bin/python3"}

_numbers = count(10)


@pytest.fixture
def machine(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Machine]:
    """A container of Debian 12 without unbound, and what is around it."""
    name = new_container("name-services")
    files = {
        CHECKOUT / "build" / "debian" / "bookworm-debs": "/repository",
        CHECKOUT / "tests" / "support" / "authority.py": "/authority.py",
        CHECKOUT / "tests" / "integration" / "guard" / "name_world.py": "/name_world.py",
    }
    volumes = [f"--volume={source}:{target}:ro" for source, target in files.items()]
    options = ["--network", "none", "--systemd", "always", "--cap-add", "NET_ADMIN,NET_RAW,SYS_ADMIN"]
    podman("run", "--detach", "--name", name, *options, *volumes, image("bookworm"), "/lib/systemd/systemd")
    try:
        machine = Machine(name, tmp_path_factory.mktemp("services"))
        machine.settled()
        podman("exec", "--detach", name, "unshare", "--net", "python3", "/name_world.py")
        pid = wait_for(lambda: machine.run("cat", str(PID), check=False).strip())
        for words in (
            "link add h0 type veth peer name w0",
            f"link set w0 netns {pid}",
            f"address add {HERE}/24 dev h0",
            "link set h0 up",
            f"route add default via {SERVER}",
        ):
            machine.run("ip", *words.split())
        wait_for(lambda: machine.run("ls", str(READY), check=False).strip())
        write(machine, "/etc/resolv.conf", PLAIN)
        write(machine, "/etc/apt/sources.list", "deb [trusted=yes] http://deb.packages.example/ ./\n")
        machine.run("apt-get", "update", "-qq")
        # What it is told over D-Bus is kept: there is no DHCP client here.
        write(machine, "/etc/systemd/resolved.conf.d/site.conf", f"[Resolve]\nDNS={SERVER}\n")
        yield machine
    finally:
        podman("rm", "--force", "--time", "0", name)


def write(machine: Machine, path: str, text: str) -> None:
    machine.run("sh", "-c", f"mkdir -p $(dirname {path}); printf '%s' '{text}' >{path}")


def role(machine: Machine, **changes: object) -> dict[str, Any]:
    """Run the role; return the result of its task."""
    results = run_tasks(
        machine.folder,
        [{"ansible.builtin.include_role": {"name": "tidegate.nftables.egress"}}],
        host=machine.name,
        variables={**CONNECTION, **POLICY, **changes},
        env={"ANSIBLE_CONNECTION_PLUGINS": str(CHECKOUT / "molecule/shared/connection_plugins")},
        may_fail=True,
    )
    applied = next(result for result in results if "egress" in result or result.get("failed"))
    assert not applied.get("failed"), applied["msg"]
    if applied["egress"]["mode"] != "absent":
        assert applied["names_without_address"] == ["gone.packages.example"]
        # Those from before this host asked its own resolver.
        assert json.loads(machine.run("cat", "/etc/tidegate/names.json"))["servers"] == [SERVER]
    return applied


def resolves(machine: Machine, number: int) -> bool:
    """Return whether a program on the host finds a name and its address is open then."""
    address = f"50.0.1.{number}"
    program = f"import socket; print(socket.gethostbyname('n{number}.example.net'))"
    return address in machine.run("python3", "-c", program, check=False) and address in machine.table()


def apt(machine: Machine, *words: str) -> str:
    return machine.run("env", "DEBIAN_FRONTEND=noninteractive", "apt-get", "-qq", "-y", *words)


def resolv_conf(machine: Machine) -> str:
    return machine.run("cat", "/etc/resolv.conf")


def test_each_name_service_with_packages_from_a_name(machine: Machine) -> None:
    """One test: a container and what it installs take long."""
    the_role_installs_unbound_and_starts_no_other(machine)
    apt_works_by_name(machine)
    apparmor_reads_the_profile(machine)
    the_role_installs_ulogd_for_what_is_rejected(machine)
    a_service_that_comes_later_asks_the_resolver(machine, "systemd-resolved")
    role(machine, egress_mode="absent")
    assert "127.0.53.1" not in machine.run("resolvectl", "dns")
    there_and_back(machine, "/etc/systemd/resolved.conf.d/tidegate.conf")


def the_role_installs_unbound_and_starts_no_other(machine: Machine) -> None:
    assert role(machine)["changed"]
    assert machine.active("tidegate-dns") == "active"
    assert machine.active("unbound") == "inactive"
    assert machine.run("systemctl", "is-enabled", "unbound", check=False).strip() == "disabled"
    assert resolves(machine, 1)
    assert "search corp.example" in resolv_conf(machine)
    assert not role(machine)["changed"]


def apt_works_by_name(machine: Machine) -> None:
    apt(machine, "update")
    assert MIRROR in machine.run("nft", "list", "set", "inet", "tidegate", "names_packages4")
    apt(machine, "install", "apparmor")


def the_role_installs_ulogd_for_what_is_rejected(machine: Machine) -> None:
    log = "/var/log/tidegate/rejected.json"
    asked = {"egress_log": "nflog", "egress_log_ulogd": True}
    assert role(machine, **asked)["changed"]
    assert machine.active("tidegate-ulogd") == "active"
    assert exposure(machine.run, "tidegate-ulogd.service") < 3.0
    assert machine.active("ulogd2") == "inactive"
    wait_for(lambda: machine.run("cat", "/proc/net/netfilter/nfnetlink_log", check=False).strip())
    for port in (25, 26):
        machine.run("python3", "-c", f"import socket; socket.create_connection(('50.0.9.9', {port}))", check=False)
        # A file that was rotated away is left at once.
        line = json.loads(wait_for(lambda: machine.run("cat", log, check=False).strip()))
        assert (line["dest_ip"], line["dest_port"], line["oob.uid"]) == ("50.0.9.9", port, 0)
        apt(machine, "install", "logrotate")
        machine.run("logrotate", "--force", "/etc/logrotate.d/tidegate")
        wait_for(lambda: machine.run("ls", log, check=False).strip())
    assert machine.run("stat", "-c", "%U %G %a", log).split() == ["root", "adm", "640"]
    assert not role(machine, **asked)["changed"]
    role(machine)
    assert machine.active("tidegate-ulogd") == "inactive"
    assert not machine.run("sh", "-c", "ls /etc/tidegate/ulogd.conf /etc/logrotate.d/tidegate", check=False).strip()


def apparmor_reads_the_profile(machine: Machine) -> None:
    """This kernel need not have AppArmor: the profile is compiled with what the role added, and not loaded."""
    profile = machine.run("apparmor_parser", "--skip-kernel-load", "--preprocess", "/etc/apparmor.d/usr.sbin.unbound")
    assert "/etc/tidegate/names.json r," in profile
    machine.run("apparmor_parser", "--skip-kernel-load", "--skip-cache", "/etc/apparmor.d/usr.sbin.unbound")


def a_service_that_comes_later_asks_the_resolver(machine: Machine, package: str) -> None:
    """Its installation takes /etc/resolv.conf for itself."""
    apt(machine, "install", package)
    wait_for(lambda: resolves(machine, 2), patience=300)


def there_and_back(machine: Machine, ours: str) -> None:
    """Give the host a resolver beside what its name service comes from, and take it back."""
    before = resolv_conf(machine)
    number = next(_numbers)
    assert SERVER in before or "127.0.0.53" in before
    role(machine)
    assert machine.run("cat", ours)
    assert resolves(machine, number), resolv_conf(machine)
    assert not role(machine)["changed"]
    role(machine, egress_mode="absent")
    assert resolv_conf(machine) == before
    assert not machine.run("ls", ours, check=False)
    name = f"n{number}.example.net"
    program = f"import socket; print(socket.gethostbyname('{name}'))"
    assert f"50.0.1.{number}" in machine.run("python3", "-c", program)
