# Copyright: (c) 2026, the tidegate developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Which namespaces, links, addresses and routes the lab has, as commands of ip(8).

One router with a bridge for each network; each host in a namespace of its own with one link to a bridge. Everything is
made inside the lab's namespaces: the namespace that the lab is started from gets no link, address or route.
"""

from __future__ import annotations

import ipaddress
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

Interface = ipaddress.IPv4Interface | ipaddress.IPv6Interface


class LabError(Exception):
    """The lab cannot be built; the text is a sentence for the person who runs it."""


@dataclass(frozen=True)
class Host:
    """A host: its name, the network whose bridge it is linked to, its addresses, and the gateway of each."""

    name: str
    network: str
    addresses: tuple[Interface, ...]
    gateways: tuple[Interface, ...]


@dataclass(frozen=True)
class Net:
    """The whole lab. ``prefix`` begins the name of every namespace; ``ports`` are what each host listens on."""

    prefix: str
    networks: Mapping[str, tuple[Interface, ...]]
    hosts: tuple[Host, ...]
    ports: tuple[int, ...]

    def namespace(self, host: str) -> str:
        """The name of a host's namespace."""
        return f"{self.prefix}-{host}"

    @property
    def router(self) -> str:
        """The name of the router's namespace."""
        return self.namespace("router")

    @property
    def namespaces(self) -> tuple[str, ...]:
        """Every namespace, the router's first."""
        return (self.router, *(self.namespace(host.name) for host in self.hosts))


@dataclass(frozen=True)
class Step:
    """One call of ip: in which namespace, and the lines of its batch."""

    namespace: str
    lines: tuple[str, ...]


def parse(spec: Mapping[str, Any], prefix: str) -> Net:
    """Read ``{networks: {name: [gateway/length, …]}, hosts: {name: [address, …]}, ports: [number, …]}``."""
    networks = {name: tuple(map(ipaddress.ip_interface, gateways)) for name, gateways in spec["networks"].items()}
    hosts = tuple(_host(name, addresses, networks) for name, addresses in spec["hosts"].items())
    return Net(prefix, networks, hosts, tuple(_port(port) for port in spec["ports"]))


def _port(port: int) -> int:
    if not 1 <= port <= 65535:
        raise LabError(f"{port} is no port that a host could listen on")
    return port


def _host(name: str, addresses: list[str], networks: Mapping[str, tuple[Interface, ...]]) -> Host:
    places = [_place(name, address, networks) for address in addresses]
    found = {network for network, _gateway in places}
    if len(found) != 1:
        raise LabError(
            f"{name}: its addresses {', '.join(addresses) or '(none)'} must all be in one network of the lab"
        )
    gateways = tuple(gateway for _network, gateway in places)
    full = tuple(
        ipaddress.ip_interface(f"{address}/{gateway.network.prefixlen}")
        for address, gateway in zip(addresses, gateways, strict=True)
    )
    return Host(name, found.pop(), full, gateways)


def _place(name: str, text: str, networks: Mapping[str, tuple[Interface, ...]]) -> tuple[str, Interface]:
    try:
        address = ipaddress.ip_address(text)
    except ValueError as error:
        raise LabError(f'{name}: "{text}" is no address') from error
    for network, gateways in networks.items():
        for gateway in gateways:
            if address in gateway.network:
                return network, gateway
    raise LabError(f"{name}: {text} is in none of the lab's networks ({', '.join(networks)})")


def steps(net: Net) -> list[Step]:
    """Return the calls that build the net once its namespaces are there, in order."""
    return [
        Step(net.router, tuple(_router(net))),
        *(Step(net.namespace(host.name), tuple(_endpoint(host))) for host in net.hosts),
    ]


def _router(net: Net) -> list[str]:
    lines = ["link set lo up"]
    bridges = {name: f"br{number}" for number, name in enumerate(net.networks)}
    for name, bridge in bridges.items():
        lines.append(f"link add {bridge} type bridge")
        lines += [f"address add {gateway} dev {bridge}" for gateway in net.networks[name]]
        lines.append(f"link set {bridge} up")
    for number, host in enumerate(net.hosts):
        port = f"port{number}"
        lines += [
            f"link add {port} type veth peer name eth0 netns {net.namespace(host.name)}",
            f"link set {port} master {bridges[host.network]}",
            f"link set {port} up",
        ]
    return lines


def _endpoint(host: Host) -> list[str]:
    lines = ["link set lo up", "link set eth0 up"]
    lines += [f"address add {address} dev eth0" for address in host.addresses]
    versions = {gateway.version: gateway.ip for gateway in host.gateways}
    return [*lines, *(f"route add default via {gateway}" for gateway in versions.values())]
