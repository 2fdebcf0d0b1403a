# Copyright: (c) 2026, the tidegate developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What Cilium makes of a CiliumNetworkPolicy: from its documentation and from nothing of ours."""

from __future__ import annotations

import ipaddress
from collections.abc import Mapping, Sequence
from typing import Any


def allows(rendered: Mapping[str, Any], address: str, protocol: str, port: int | None, name: str = "") -> bool:
    """What Cilium lets a selected pod do. name: by which the pod looked the address up.

    Deny rules come first. A rule selects what one of its kinds of destination has; without any it selects nothing.
    """
    spec = rendered["spec"]
    assert spec["egress"], "without a rule for egress Cilium closes nothing"
    if any(_rule(rule, address, protocol, port, "") for rule in spec.get("egressDeny", ())):
        return False
    return any(_rule(rule, address, protocol, port, name) for rule in spec["egress"])


def _rule(rule: Mapping[str, Any], address: str, protocol: str, port: int | None, name: str) -> bool:
    kinds = [key for key in rule if key.startswith("to") and key != "toPorts"]
    if not kinds:
        return False
    assert len(kinds) == 1, "destinations of ip rule would all have to hold"
    ip = ipaddress.ip_address(address)
    there = any(
        ip in ipaddress.ip_network(block["cidr"])
        and not any(ip in ipaddress.ip_network(hole) for hole in block.get("except", ()))
        for block in rule.get("toCIDRSet", ())
    ) or any(_is_selected(item, name) for item in rule.get("toFQDNs", ()))
    return there and _ports(rule.get("toPorts"), protocol, port)


def _ports(to_ports: Sequence[Mapping[str, Any]] | None, protocol: str, port: int | None) -> bool:
    if to_ports is None:
        return True
    ports = [port_range for item in to_ports for port_range in item["ports"]]
    assert ports
    assert all(len(item["ports"]) <= 40 for item in to_ports)
    return any(port_range["protocol"] in (protocol, "ANY") and _port(port_range, port) for port_range in ports)


def _port(port_range: Mapping[str, Any], port: int | None) -> bool:
    first = int(port_range["port"])
    return first == 0 or (port is not None and first <= port <= port_range.get("endPort", first))


def _is_selected(selector: dict[str, str], name: str) -> bool:
    """Tell whether a name is selected: by itself, or at any depth below what follows `**` (Cilium 1.19 and later)."""
    pattern = selector.get("matchPattern", "")
    assert not pattern or pattern.startswith("**.")
    return selector.get("matchName") == name or (bool(pattern) and name.endswith(pattern.removeprefix("**")))
