# Copyright: (c) 2026, the tidegate developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Each symptom of docs/troubleshooting.md, made on a host of the lab, with the page's own commands."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

import pytest

from ansible_collections.tidegate.nftables.tests.integration.docs.site import Site, site
from ansible_collections.tidegate.nftables.tests.support.paths import CHECKOUT

PAGE = CHECKOUT / "docs" / "troubleshooting.md"
BY = {
    "Containers have no network": (
        "tests/integration/policy/test_containers.py",
        "test_only_what_an_entry_allows_leaves_a_container",
    ),
    "Certificate errors through the proxy": (
        "tests/integration/targets/test_programs.py",
        "test_squid_opens_exactly_the_names_but_for_what_never_closes",
    ),
}
"""Symptoms that another test makes, since they need containers or a proxy."""
HERE = (
    "An application fails after enforcing",
    "Names do not resolve",
    "Package updates fail",
    "The host loses its address after hours",
    "I cannot log in any more",
)
BROKEN: dict[str, Any] = {
    "egress_tier": "app",
    "egress_mode": "enforce",
    "egress_internal_networks": ["10.0.0.0/8", "fd12:3456:789a::/48"],
    "egress_dns_servers": ["10.10.0.10"],
    "egress_floor_without": ["dhcp"],
    "egress_allow_app": [{"name": "payments", "to": ["203.0.113.10"], "services": ["https"]}],
}
MAIL = {"name": "mail", "to": ["203.0.113.66"], "services": ["tcp/25"], "users": ["www-data"]}
FIXED: dict[str, Any] = {
    **BROKEN,
    "egress_dns_servers": ["10.10.0.10", "8.8.8.8"],
    "egress_floor_without": [],
    "egress_allow_app": [*BROKEN["egress_allow_app"], MAIL],
    "egress_allow_base": [{"name": "package-mirror", "to": ["10.10.0.30"], "services": ["https"]}],
}
"""What the page advises, for all symptoms at once: a run takes longer than everything else here."""
PROGRAM = """python3 - <<'END'
import socket
kind = socket.SOCK_DGRAM if {udp} else socket.SOCK_STREAM
with socket.socket(socket.AF_INET, kind) as connection:
    connection.settimeout(20)
    connection.bind(("", {source}))
    try:
        connection.connect(("{to}", {port}))
        if {udp}:
            connection.send(b"x")
        print("sent")
    except OSError as error:
        print(type(error).__name__, error.strerror)
END"""


@pytest.fixture(scope="module")
def enforcing(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    with site(tmp_path_factory.mktemp("trouble")) as made:
        made.write("site.yml", [{"hosts": "app", "gather_facts": False, "roles": ["tidegate.nftables.egress"]}])
        made.write("group_vars/app/egress.yml", BROKEN)
        made.apply()
        yield made


def commands(heading: str) -> list[str]:
    """Return the commands below a heading of the page, without those that its sentences name."""
    section = PAGE.read_text(encoding="utf-8").partition(f"## {heading}\n")[2].partition("\n## ")[0]
    return re.findall(r"^(tidegate .*)$", section, re.MULTILINE)


def send(made: Site, to: str, port: int, *, udp: bool = False, user: int = 33, source: int = 0) -> str:
    """Return what an application of a user sees that connects or, with UDP, sends. source: its port, 0 for any."""
    program = PROGRAM.format(to=to, port=port, udp=udp, source=source)
    return made.on_host(f"exec setpriv --reuid={user} --regid={user} --clear-groups {program}").stdout.strip()


def test_every_symptom_of_the_page_is_made_by_a_test() -> None:
    headings = re.findall(r"^## (.*)$", PAGE.read_text(encoding="utf-8"), re.MULTILINE)
    assert headings == sorted((*HERE, *BY), key=headings.index)
    for file, name in BY.values():
        assert f"def {name}(" in (CHECKOUT / file).read_text(encoding="utf-8")


def test_an_application_that_fails(enforcing: Site) -> None:
    denied, why = commands("An application fails after enforcing")
    assert send(enforcing, "203.0.113.10", 443) == "sent"
    assert send(enforcing, "203.0.113.66", 25) == "ConnectionRefusedError Connection refused"
    assert "203.0.113.66 tcp/25 by www-data" in enforcing.run(denied).stdout
    answer = enforcing.run(why)
    rejected = "203.0.113.66 tcp/25 as www-data: rejected: no entry allows it."
    assert (answer.returncode, answer.stdout.splitlines()[0]) == (1, rejected)


def test_names_that_do_not_resolve(enforcing: Site) -> None:
    (why,) = commands("Names do not resolve")
    assert send(enforcing, "10.10.0.10", 53, udp=True) == "sent"
    assert "Error" in send(enforcing, "8.8.8.8", 53, udp=True)
    assert "rejected: no entry allows it" in enforcing.run(why).stdout


def test_package_updates_that_fail(enforcing: Site) -> None:
    denied, why = commands("Package updates fail")
    assert "refused" in send(enforcing, "10.10.0.30", 443, user=0)
    assert "10.10.0.30 tcp/443 by root" in enforcing.run(denied).stdout
    assert enforcing.run(why).returncode == 1


def test_dhcp_that_is_taken_out_of_the_floor(enforcing: Site) -> None:
    (denied,) = commands("The host loses its address after hours")
    assert "Error" in send(enforcing, "10.10.0.1", 67, udp=True, user=0, source=68)
    assert "10.10.0.1 udp/67 by root" in enforcing.run(denied).stdout


def test_a_host_that_must_be_opened_at_the_console(enforcing: Site) -> None:
    status, opened, rollback = commands("I cannot log in any more")
    assert enforcing.run(status).returncode == 0
    assert "refused" in send(enforcing, "10.10.0.30", 443)
    assert enforcing.run(opened).returncode == 0
    assert send(enforcing, "10.10.0.30", 443) == "sent"
    assert "an emergency is on" in enforcing.run(status).stdout
    assert enforcing.run(rollback).returncode == 0
    assert "refused" in send(enforcing, "10.10.0.30", 443)


def test_what_the_page_advises_fixes_each(enforcing: Site) -> None:
    enforcing.write("group_vars/app/egress.yml", FIXED)
    enforcing.apply()
    for heading in HERE:
        for command in commands(heading):
            if command.startswith("tidegate why"):
                assert enforcing.run(command).returncode == 0, command
    assert send(enforcing, "10.10.0.30", 443, user=0) == "sent"
    assert send(enforcing, "10.10.0.1", 67, udp=True, user=0, source=68) == "sent"
