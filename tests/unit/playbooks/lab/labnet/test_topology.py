# Copyright: (c) 2026, the tidegate developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Which commands build a lab, and which labs cannot be built."""

from __future__ import annotations

from typing import Any

import pytest

from ansible_collections.tidegate.nftables.playbooks.lab.labnet.topology import LabError, ip_batches, parse

NETWORKS = {"inside": ["10.10.0.1/16", "fd12::1/64"], "outside": ["203.0.113.1/24"]}


def spec(**hosts: list[str]) -> dict[str, Any]:
    return {"networks": NETWORKS, "hosts": hosts, "ports": [53]}


def test_a_host_has_its_addresses_a_link_and_its_gateways() -> None:
    router, host = ip_batches(parse(spec(web1=["10.10.1.10", "fd12::1:10"]), "tg-x"))
    assert host.namespace == "tg-x-web1"
    assert host.lines[2:] == (
        "address add 10.10.1.10/16 dev eth0",
        "address add fd12::1:10/64 dev eth0",
        "route add default via 10.10.0.1",
        "route add default via fd12::1",
    )
    assert "link add port0 type veth peer name eth0 netns tg-x-web1" in router.lines
    assert "link set port0 master br0" in router.lines


def test_everything_is_made_inside_the_labs_own_namespaces() -> None:
    net = parse(spec(web1=["10.10.1.10"], api1=["203.0.113.10"]), "tg-x")
    assert [batch.namespace for batch in ip_batches(net)] == list(net.namespaces)
    assert all(name.startswith("tg-x-") for name in net.namespaces)


@pytest.mark.parametrize("port", [0, 65536])
def test_a_port_that_cannot_be_is_an_error(port: int) -> None:
    with pytest.raises(LabError, match=f"{port} is not a port"):
        parse({**spec(), "ports": [53, port]}, "tg-x")


@pytest.mark.parametrize(
    ("addresses", "message"),
    [
        (["10.11.0.1"], "web1: 10.11.0.1 is in none of the lab's networks"),
        (["10.10.0.300"], 'web1: "10.10.0.300" is not an address'),
        (["10.10.1.10", "203.0.113.10"], "web1: its addresses .* must all be in one network"),
        ([], "web1: its addresses .* must all be in one network"),
    ],
)
def test_a_lab_that_cannot_be_built_is_an_error(addresses: list[str], message: str) -> None:
    with pytest.raises(LabError, match=message):
        parse(spec(web1=addresses), "tg-x")
