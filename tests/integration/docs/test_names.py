# Copyright: (c) 2026, the tidegate developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""docs/names.md from nothing to a name over HTTPS, as somebody new follows it, in namespaces of the lab."""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

from ansible_collections.tidegate.nftables.tests.support.namespaces import Namespace
from ansible_collections.tidegate.nftables.tests.support.paths import CHECKOUT, LAB
from ansible_collections.tidegate.nftables.tests.support.project import Project
from ansible_collections.tidegate.nftables.tests.support.waiting import run, wait_for

from .pages import blocks

PAGE = CHECKOUT / "docs" / "names.md"
NETWORK: dict[str, Any] = {
    "networks": {"inside": ["10.10.0.1/16"], "outside": ["192.52.193.1/24"]},
    "hosts": {
        "app1": ["10.10.2.10"],
        "dns1": ["10.10.0.10"],
        "github1": ["192.52.193.20"],
        "other1": ["192.52.193.30"],
    },
    "ports": [53, 443],
    "names": {"github.com": "github1", "example.org": "other1", "inside.example.com": "dns1"},
}
INSIDE: dict[str, Any] = {"name": "inside", "to": ["inside.example.com"], "services": ["https"]}
"""A name that leads inside though its entry does not say so."""
GONE: dict[str, Any] = {"name": "gone", "to": ["gone.example.com"], "services": ["https"]}
WITHOUT = "Name gone.example.com has no address on app1: its entries allow nothing there until it has one"
REFUSED = "The resolver refused its answer: "
LABNET = (sys.executable, "-B", "-m", "labnet")


@pytest.fixture
def app1(monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    """The namespace of the reader's host, with a name server and two sites around it."""
    unbound = CHECKOUT / "build" / "unbound" / "1.17.1"
    monkeypatch.setenv("PATH", f"{unbound}:{os.environ['PATH']}")
    lab = json.loads(run([*LABNET, "up", f"--owner={os.getpid()}"], cwd=LAB, text=json.dumps(NETWORK)).stdout)
    try:
        yield lab["namespaces"]["app1"]
    finally:
        run([*LABNET, "down", str(lab["keeper"])], cwd=LAB)


def test_five_minutes_to_a_name(app1: str, tmp_path: Path) -> None:
    policy = next(block.text for block in blocks(PAGE) if "egress_names: resolver" in block.text)
    variables = yaml.safe_load(policy)
    # In place of those that the host uses now: hosts of the lab share the machine's files.
    assert variables["egress_dns_servers"] == ["auto"]
    host = {
        "ansible_connection": "tidegate.nftables.netns",
        "ansible_netns": app1,
        "ansible_python_interpreter": sys.executable,
    }
    site = Project(tmp_path, inventory="inventory.yml")
    site.write("inventory.yml", {"app": {"hosts": {"app1": host}}})
    site.write("group_vars/app/egress.yml", {**variables, "egress_dns_servers": ["10.10.0.10"]})
    site.write("group_vars/app/inside.yml", {"egress_allow_inside": [INSIDE, GONE]})
    site.write("site.yml", [{"hosts": "app", "gather_facts": False, "roles": ["tidegate.nftables.egress"]}])
    applied = site.play("--limit", "app1")
    assert applied.code == 0, applied.output
    assert WITHOUT in applied.output

    space = Namespace(app1)
    program = f"/run/tidegate-netns/{app1}/usr/local/bin/tidegate"
    connected = run(["ip", "netns", "exec", app1, *LABNET, "connect", "github.com", "example.org"], cwd=LAB)
    assert json.loads(connected.stdout) == {"github.com": "answered", "example.org": "refused"}
    assert space.run(program, "why", "github.com", "https").stdout == (
        "192.52.193.20 tcp/443 as root: allowed by entry code.\n"
    )
    # The resolver writes down every few seconds what it did.
    wait_for(lambda: "name example.org" in space.run(program, "denied").stdout, "the name of what was rejected")
    refused = (program, "why", "inside.example.com", "https")
    wait_for(lambda: REFUSED in space.run(*refused, check=False).stderr, "why a name that leads inside has no address")
    assert "resolver   answers" in space.run(program, "status", check=False).stdout
