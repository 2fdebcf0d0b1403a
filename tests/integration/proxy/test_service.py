# Copyright: (c) 2026, the tidegate developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A host becomes a proxy, gets other policies and is none any more, under a real systemd with Debian's Squid."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from ansible_collections.tidegate.nftables.tests.integration.guard.test_systemd import Machine
from ansible_collections.tidegate.nftables.tests.support.containers import image, new_container, podman
from ansible_collections.tidegate.nftables.tests.support.paths import CHECKOUT
from ansible_collections.tidegate.nftables.tests.support.project import Project, Run
from ansible_collections.tidegate.nftables.tests.support.squid import VERSIONS, program, share

CONFIGURATION = "/etc/tidegate/proxy/squid.conf"
PAY = {"name": "pay", "to": ["api.pay.example"], "services": ["https"]}
CODE = {"name": "code", "to": ["*.code.example"], "services": ["https"]}
APP: dict[str, Any] = {
    "egress_tier": "app",
    "egress_mode": "enforce",
    "egress_internal_networks": ["10.0.0.0/8"],
    "egress_addresses": ["10.1.0.2"],
    "egress_names": "proxy",
    "egress_proxies": ["hosts:proxy1"],
    "egress_allow_app": [PAY],
}


@pytest.fixture(params=VERSIONS)
def machine(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Machine]:
    """A container of one release that has its Squid, as Debian's package has it."""
    version, release = request.param, VERSIONS[request.param]
    name = new_container(f"proxy-{release}")
    squid = program(version)
    files = {
        share(version).parents[2]: share(version).parents[2],
        squid.parent: squid.parent,
        squid: "/usr/sbin/squid-openssl",
        share(version): "/usr/share/squid",
        share(version).parents[1] / "lib" / "squid": "/usr/lib/squid",
    }
    volumes = [f"--volume={source}:{target}:ro" for source, target in files.items()]
    options = ["--network", "none", "--systemd", "always", "--cap-add", "NET_ADMIN,NET_RAW,SYS_ADMIN"]
    podman("run", "--detach", "--name", name, *options, *volumes, image(release), "/lib/systemd/systemd")
    try:
        started = Machine(name, tmp_path)
        started.settled()
        yield started
    finally:
        podman("rm", "--force", "--time", "0", name)


def play(machine: Machine, app: dict[str, Any], *options: str, task: dict[str, Any] | None = None) -> Run:
    """Run the role's task on the proxy, with the policy of a client."""
    project = Project(machine.folder)
    connection = {"ansible_connection": "podman_nsenter", "ansible_host": machine.name}
    proxy = {**connection, "egress_addresses": ["10.0.0.9"], "ansible_python_interpreter": "/usr/bin/python3"}
    project.write("inventory.yml", {"all": {"hosts": {"proxy1": proxy, "app1": app}}})
    tasks = [task or {"tidegate.nftables.egress_proxy": {}}]
    project.write("site.yml", [{"hosts": "proxy1", "gather_facts": False, "tasks": tasks}])
    project.environment["ANSIBLE_CONNECTION_PLUGINS"] = str(CHECKOUT / "molecule/shared/connection_plugins")
    return project.play(*options)


def test_a_host_from_its_first_client_to_none(machine: Machine) -> None:
    """One test: a container takes long to start."""
    assert play(machine, APP, "--check").ok().changed("proxy1")
    assert machine.active("tidegate-proxy") == "inactive"
    assert play(machine, APP).ok().changed("proxy1")
    assert machine.active("tidegate-proxy") == "active"
    assert not play(machine, APP).ok().changed("proxy1")

    process = machine.run("systemctl", "show", "--property=MainPID", "tidegate-proxy")
    assert play(machine, {**APP, "egress_allow_app": [PAY, CODE]}).ok().changed("proxy1")
    assert r"\.code\.example$" in machine.run("cat", CONFIGURATION)
    assert machine.run("systemctl", "show", "--property=MainPID", "tidegate-proxy") == process

    wrong = play(machine, {**APP, "egress_allow_app": [{**PAY, "services": ["htps"]}]})
    assert wrong.code != 0
    assert "egress_allow_app[pay].services[0]" in wrong.output
    text = machine.run("cat", CONFIGURATION)
    refused = play(machine, APP, task={"tidegate.nftables.egress_squid": {"configuration": "acl a dstdomain .b b\n"}})
    assert "Squid does not accept the configuration" in refused.output
    # Parsed, and not what it should be: nobody listens where clients ask.
    useless = text.replace("http_port 3128", "http_port 3129")
    failed = play(machine, APP, task={"tidegate.nftables.egress_squid": {"configuration": useless}})
    assert "the old ones are back" in failed.output
    assert machine.run("cat", CONFIGURATION) == text
    assert machine.active("tidegate-proxy") == "active"

    assert play(machine, {**APP, "egress_proxies": ["10.0.0.10"]}).ok().changed("proxy1")
    assert machine.active("tidegate-proxy") == "inactive"
    folders = ("/etc/tidegate", "/etc/systemd/system", "/etc/logrotate.d")
    left = machine.run("find", *folders, "-name", "*proxy*", check=False)
    assert left == ""
    assert not play(machine, {**APP, "egress_proxies": ["10.0.0.10"]}).ok().changed("proxy1")
