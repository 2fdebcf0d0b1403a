# Copyright: (c) 2026, the tidegate developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Programs that write /etc/resolv.conf themselves: the host is pointed to its resolver, stays so, and is given back."""

from __future__ import annotations

import shutil
from collections.abc import Iterator

import pytest

from ansible_collections.tidegate.nftables.plugins.module_utils.table_names import RESOLVER_ADDRESS
from ansible_collections.tidegate.nftables.tests.support.authority import ADDRESS as SERVER
from ansible_collections.tidegate.nftables.tests.support.machines import Machine, machine
from ansible_collections.tidegate.nftables.tests.support.paths import CHECKOUT
from ansible_collections.tidegate.nftables.tests.support.waiting import wait_for

from .test_names import AUTHORITY, NAMES, SPEC

OTHER = "127.0.1.54"
"""A second server of the site, which nobody runs."""
RESOLV_CONF = "/etc/resolv.conf"
HEAD = "/etc/resolvconf/resolv.conf.d/head"
MANAGER = "/etc/NetworkManager"
CONNECTION = f"""\
[connection]
id=site
type=bridge
interface-name=site0
[ipv4]
method=manual
address1=10.77.0.1/24
dns={SERVER};
dns-search=corp.example;
[ipv6]
method=disabled
"""


@pytest.fixture(scope="module", params=["bullseye", "bookworm", "trixie"])
def host(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Machine]:
    """A machine of a release with unbound, a name server, and the packages of what it may be given besides."""
    with machine(request.param, tmp_path_factory.mktemp("managers")) as started:
        repositories = {"names": f"{request.param}-debs", "managers": f"{request.param}-managers-debs"}
        for name, folder in repositories.items():
            shutil.copytree(CHECKOUT / "build" / "debian" / folder, started.root / "repositories" / name)
        shutil.rmtree(started.root / "etc/apt/sources.list.d", ignore_errors=True)
        shutil.copy(CHECKOUT / "tests" / "support" / "authority.py", started.root)
        started.write("/world.py", AUTHORITY)
        sources = [f"deb [trusted=yes] file:/repositories/{name} ./\n" for name in repositories]
        started.write("/etc/apt/sources.list", "".join(sources))
        started.write("/usr/sbin/policy-rc.d", "#!/bin/sh\nexit 101\n", 0o755)
        started.write(RESOLV_CONF, f"nameserver {SERVER}\n")
        started.run("ip", "link", "set", "lo", "up")
        started.run("ip", "route", "add", "local", "50.0.0.0/8", "dev", "lo")
        started.run("systemd-run", "--quiet", "--unit=world", "python3", "/world.py")
        wait_for(lambda: ":0035 " in started.run("cat", "/proc/net/udp"), "the name server")
        started.run("apt-get", "-qq", "update")
        install(started, "unbound", "python3-unbound")
        yield started


def install(host: Machine, *packages: str) -> None:
    quiet = ("env", "DEBIAN_FRONTEND=noninteractive", "apt-get", "-qq", "-y", "--no-install-recommends")
    host.run(*quiet, "install", *packages)


def apply(host: Machine, **changes: object) -> list[str]:
    """Apply the policy with a resolver, or take it back; return what changed."""
    request = {"phase": "apply", "tables": [{**SPEC, **changes}], "who": "alice", "confirm": False}
    (applied,) = host.module(request if changes else {**request, "names": NAMES})
    return [file["path"] for file in applied["files"]] + ([str(applied["changes"])] if applied["changed"] else [])


def resolv_conf(host: Machine) -> str:
    return host.run("cat", RESOLV_CONF)


def resolves(host: Machine, number: int) -> bool:
    """Return whether a program on the host finds a name and its address is open then."""
    address = f"50.0.1.{number}"
    program = f"import socket; print(socket.gethostbyname('n{number}.example.net'))"
    leads_there = address in host.run("python3", "-c", program, check=False)
    return leads_there and address in host.run("nft", "list", "set", "inet", "tidegate", "names_api4")


def servers(host: Machine) -> list[str]:
    """Return the servers that programs on the host ask, in their order."""
    words = [line.split() for line in resolv_conf(host).splitlines()]
    return [line[1] for line in words if line[:1] == ["nameserver"]]


def learn(host: Machine, server: str, interface: str) -> None:
    """Have resolvconf learn of a server. It says that unbound's own service, which is off, took no notice."""
    host.run("resolvconf", "-a", interface, text=f"nameserver {server}\n", check=False)


def test_network_manager(host: Machine) -> None:
    install(host, "network-manager")
    host.write(f"{MANAGER}/system-connections/site.nmconnection", CONNECTION, 0o600)
    host.run("systemctl", "restart", "NetworkManager")
    wait_for(lambda: servers(host) == [SERVER], "what NetworkManager writes")

    assert apply(host)
    assert servers(host) == [RESOLVER_ADDRESS]
    assert "search corp.example" in resolv_conf(host)
    assert resolves(host, 1)

    # The site's server changes, as by DHCP, and NetworkManager starts anew.
    host.run("nmcli", "connection", "modify", "site", "ipv4.dns", OTHER)
    host.run("nmcli", "connection", "down", "site")
    host.run("systemctl", "restart", "NetworkManager")
    host.run("nmcli", "connection", "up", "site")
    assert servers(host) == [RESOLVER_ADDRESS]
    assert resolves(host, 2)
    assert apply(host) == []

    apply(host, state="absent")
    wait_for(lambda: servers(host) == [OTHER], "the site's new server")
    assert host.run("ls", f"{MANAGER}/conf.d") == ""
    host.run("nmcli", "connection", "modify", "site", "ipv4.dns", SERVER)
    host.run("nmcli", "connection", "up", "site")
    wait_for(lambda: servers(host) == [SERVER], "the site's old server")


def test_resolvconf(host: Machine) -> None:
    """Beside NetworkManager, which gives it servers."""
    install(host, "resolvconf")
    head = f"{host.run('cat', HEAD)}# by the site\n"
    host.write(HEAD, head)
    learn(host, SERVER, "site1.test")
    before = resolv_conf(host)
    assert servers(host)[0] == SERVER

    assert apply(host)
    assert servers(host)[0] == RESOLVER_ADDRESS
    assert resolves(host, 3)

    learn(host, OTHER, "lo.test")
    assert servers(host)[:2] == [RESOLVER_ADDRESS, OTHER]
    assert resolves(host, 4)
    assert apply(host) == []

    apply(host, state="absent")
    assert servers(host)[0] == OTHER
    assert host.run("cat", HEAD) == head
    host.run("resolvconf", "-d", "lo.test", check=False)
    assert resolv_conf(host) == before
