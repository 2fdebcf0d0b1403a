# Copyright: (c) 2026, the tidegate developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A host becomes a proxy, gets other policies and is none any more, under a real systemd with Debian's Squid."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from ansible_collections.tidegate.nftables.tests.support.machines import Machine, exposure, machine
from ansible_collections.tidegate.nftables.tests.support.paths import CHECKOUT
from ansible_collections.tidegate.nftables.tests.support.project import Project, Run
from ansible_collections.tidegate.nftables.tests.support.squid import VERSIONS
from ansible_collections.tidegate.nftables.tests.support.waiting import wait_for

CONFIGURATION = "/etc/tidegate/proxy/squid.conf"
CERTIFICATE, LOG = "/etc/tidegate/proxy/unused.pem", "/var/log/tidegate-proxy/access.log"
REQUEST = r"exec 3<>/dev/tcp/127.0.0.1/3128; printf 'GET http://x.example/ HTTP/1.0\r\n\r\n' >&3; cat <&3"
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


@pytest.fixture(params=VERSIONS.values())
def host(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Machine]:
    """A machine of one release that has no Squid, and a repository that has Debian's."""
    with machine(request.param, tmp_path) as started:
        shutil.copytree(CHECKOUT / "build" / "debian" / f"{request.param}-squid-debs", started.root / "repository")
        shutil.rmtree(started.root / "etc/apt/sources.list.d", ignore_errors=True)
        started.write("/etc/apt/sources.list", "deb [trusted=yes] file:/repository ./\n")
        # What Ansible's module needs, and would install.
        started.run("sh", "-c", "apt-get update -qq && apt-get install -qq -y python3-apt")
        yield started


ROLE = {"ansible.builtin.import_role": {"name": "tidegate.nftables.egress_proxy"}}


def squid(configuration: str) -> dict[str, Any]:
    """Return a task that runs Squid with a configuration, which it may not accept."""
    return {"tidegate.nftables.egress_squid": {"configuration": configuration}, "ignore_errors": True}


def command(text: str) -> dict[str, Any]:
    """Return a task that runs a command on the proxy."""
    return {"ansible.builtin.shell": text, "changed_when": False}


def status(what: str) -> list[dict[str, Any]]:
    """Return tasks that need something to be true of the host's status."""
    return [
        {"tidegate.nftables.egress_guard": {"phase": "status"}, "register": "state"},
        {"ansible.builtin.assert": {"that": [what], "fail_msg": "the proxy: {{ state.status.proxy }}"}},
    ]


def play(host: Machine, app: dict[str, Any], *tasks: dict[str, Any]) -> Run:
    """Run tasks on the proxy, with the policy of a client. Few runs: each takes seconds."""
    project = Project(host.folder)
    proxy = {**host.variables, "egress_addresses": ["10.0.0.9"]}
    project.write("inventory.yml", {"all": {"hosts": {"proxy1": proxy, "app1": app}}})
    project.write("site.yml", [{"hosts": "proxy1", "gather_facts": False, "tasks": list(tasks)}])
    project.environment |= host.environment
    return project.play()


def active(host: Machine, unit: str) -> str:
    return host.run("systemctl", "is-active", unit, check=False).strip()


def logged(host: Machine) -> str:
    """Return the log after one more request."""
    host.run("bash", "-c", REQUEST)
    return host.run("cat", LOG, check=False)


def test_a_host_from_its_first_client_to_none(host: Machine) -> None:
    """One test: the installation takes seconds."""
    foreseen = [{**ROLE, "check_mode": True}, command("test ! -e /usr/sbin/squid")]
    first = play(host, APP, *foreseen, ROLE, ROLE, *status("state.status.proxy.answers")).ok()
    assert first.changed("proxy1") == 2
    assert active(host, "tidegate-proxy") == "active"
    assert exposure(host.run, "tidegate-proxy.service") < 3.0
    assert active(host, "squid") == "inactive"
    # As the watcher may, for its metrics: it has no capability for files.
    confined = ("systemd-run", "-q", "--pipe", "--wait", "-p", "CapabilityBoundingSet=CAP_NET_ADMIN")
    wait_for(lambda: '"decision":"rejected"' in host.run(*confined, "cat", LOG, CERTIFICATE), "the log")
    assert host.run("runuser", "-u", "nobody", "--", "cat", LOG, check=False) == ""
    host.run("logrotate", "--force", "/etc/logrotate.d/tidegate-proxy")
    assert "x.example" in wait_for(partial(logged, host), "a line in the log after the rotated one")

    process = host.run("systemctl", "show", "--property=MainPID", "tidegate-proxy")
    more = {**APP, "egress_allow_app": [PAY, CODE]}
    assert play(host, more, ROLE).ok().changed("proxy1")
    assert r"\.code\.example$" in host.run("cat", CONFIGURATION)
    assert host.run("systemctl", "show", "--property=MainPID", "tidegate-proxy") == process

    stopped = [command("systemctl stop tidegate-proxy"), *status("'nothing answers' in state.status.proxy.problem")]
    edited = [
        command(f"echo '# by hand' >>{CONFIGURATION}"),
        *status("'edited by hand' in state.status.proxy.problem"),
    ]
    assert play(host, more, *stopped, *edited, ROLE, *status("state.status.proxy.answers")).ok().changed("proxy1")

    wrong = play(host, {**APP, "egress_allow_app": [{**PAY, "services": ["htps"]}]}, ROLE)
    assert wrong.code != 0
    assert "egress_allow_app[pay].services[0]" in wrong.output
    text = host.run("cat", CONFIGURATION)
    # Parsed, and not what it should be: nobody listens where clients ask.
    useless = text.replace("http_port 3128", "http_port 3129")
    refused = play(host, APP, squid("acl a dstdomain .b b\n"), squid(useless))
    assert "Squid does not accept the configuration" in refused.output
    assert "the old ones are back" in refused.output
    assert host.run("cat", CONFIGURATION) == text
    assert active(host, "tidegate-proxy") == "active"

    none = play(host, {**APP, "egress_proxies": ["10.0.0.10"]}, ROLE, ROLE).ok()
    assert none.changed("proxy1") == 1
    assert active(host, "tidegate-proxy") == "inactive"
    folders = ("/etc/tidegate", "/etc/systemd/system", "/etc/logrotate.d")
    left = host.run("find", *folders, "-name", "*proxy*", check=False)
    assert left == ""
