# Copyright: (c) 2026, the tidegate developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The lab's namespaces, links, addresses and routes as commands of ip(8).

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
class LabHost:
    """A host. network: the one whose bridge it is linked to; gateways: one for each of its addresses."""

    name: str
    network: str
    addresses: tuple[Interface, ...]
    gateways: tuple[Interface, ...]


@dataclass(frozen=True)
class LabNet:
    """The whole lab. prefix: of the name of every namespace; ports: those that each host listens on.

    names: domain names that the DNS servers know besides those of the hosts, with the host of each; `*.NAME` is every
    name below one.
    """

    prefix: str
    networks: Mapping[str, tuple[Interface, ...]]
    hosts: tuple[LabHost, ...]
    ports: tuple[int, ...]
    names: Mapping[str, str]

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
class IpBatch:
    """One call of `ip -batch`. namespace: that it runs in; lines: its commands."""

    namespace: str
    lines: tuple[str, ...]


def parse(spec: Mapping[str, Any], prefix: str) -> LabNet:
    """Read ``{networks: {name: [gateway/length, …]}, hosts: {name: [address, …]}, ports: [number, …]}``.

    And, where there are any, ``names: {domain name: host}``.
    """
    networks = {name: tuple(map(ipaddress.ip_interface, gateways)) for name, gateways in spec["networks"].items()}
    hosts = tuple(_host(name, addresses, networks) for name, addresses in spec["hosts"].items())
    names = spec.get("names", {})
    for name, host in names.items():
        if host not in spec["hosts"]:
            raise LabError(f'{name}: there is no host "{host}" in the lab')
    return LabNet(prefix, networks, hosts, tuple(_port(port) for port in spec["ports"]), names)


def _port(port: int) -> int:
    if not 1 <= port <= 65535:
        raise LabError(f"{port} is not a port from 1 to 65535")
    return port


def _host(name: str, addresses: list[str], networks: Mapping[str, tuple[Interface, ...]]) -> LabHost:
    located = [_locate(name, address, networks) for address in addresses]
    names = {network for network, _gateway in located}
    if len(names) != 1:
        raise LabError(
            f"{name}: its addresses {', '.join(addresses) or '(none)'} must all be in one network of the lab"
        )
    gateways = tuple(gateway for _network, gateway in located)
    full = tuple(
        ipaddress.ip_interface(f"{address}/{gateway.network.prefixlen}")
        for address, gateway in zip(addresses, gateways, strict=True)
    )
    return LabHost(name, names.pop(), full, gateways)


def _locate(name: str, text: str, networks: Mapping[str, tuple[Interface, ...]]) -> tuple[str, Interface]:
    try:
        address = ipaddress.ip_address(text)
    except ValueError as error:
        raise LabError(f'{name}: "{text}" is not an address') from error
    for network, gateways in networks.items():
        for gateway in gateways:
            if address in gateway.network:
                return network, gateway
    raise LabError(f"{name}: {text} is in none of the lab's networks ({', '.join(networks)})")


def ip_batches(net: LabNet) -> list[IpBatch]:
    """Return the calls that build the net after its namespaces, in order."""
    return [
        IpBatch(net.router, tuple(_router(net))),
        *(IpBatch(net.namespace(host.name), tuple(_endpoint(host))) for host in net.hosts),
    ]


def _router(net: LabNet) -> list[str]:
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


def _endpoint(host: LabHost) -> list[str]:
    lines = ["link set lo up", "link set eth0 up"]
    lines += [f"address add {address} dev eth0" for address in host.addresses]
    versions = {gateway.version: gateway.ip for gateway in host.gateways}
    return [*lines, *(f"route add default via {gateway}" for gateway in versions.values())]
