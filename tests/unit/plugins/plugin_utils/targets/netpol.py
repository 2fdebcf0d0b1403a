# Copyright: (c) 2026, the tidegate developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What Kubernetes makes of egress rules of NetworkPolicies: from its API's documentation and from nothing of ours.

Policies that select a pod are additive; a selected pod reaches what some rule of some policy allows. A rule without
`to` is everywhere, one without `ports` every port of every protocol; a port without a number is all of its protocol.
"""

from __future__ import annotations

import ipaddress
from collections.abc import Mapping, Sequence
from typing import Any


def allows(
    policies: Sequence[Mapping[str, Any]], address: str, protocol: str, port: int | None, pod: Any = None
) -> bool:
    """May a pod that all these policies select send there? protocol: TCP, UDP, SCTP or another word.

    pod: what is at the address, as (namespace labels, pod labels, whether it is in the policy's own namespace).
    """
    selecting = [
        network_policy["spec"] for network_policy in policies if "Egress" in network_policy["spec"]["policyTypes"]
    ]
    if not selecting:
        return True
    return any(
        _to(rule.get("to"), address, pod) and _ports(rule.get("ports"), protocol, port)
        for spec in selecting
        for rule in spec.get("egress") or []
    )


def _to(peers: Sequence[Mapping[str, Any]] | None, address: str, pod: Any) -> bool:
    return not peers or any(_peer(peer, address, pod) for peer in peers)


def _peer(peer: Mapping[str, Any], address: str, pod: Any) -> bool:
    if "ipBlock" in peer:
        block, ip = peer["ipBlock"], ipaddress.ip_address(address)
        return ip in ipaddress.ip_network(block["cidr"]) and not any(
            ip in ipaddress.ip_network(hole) for hole in block.get("except", ())
        )
    if pod is None:
        return False
    namespace, labels, own = pod
    there = _selected(peer["namespaceSelector"], namespace) if "namespaceSelector" in peer else own
    return there and ("podSelector" not in peer or _selected(peer["podSelector"], labels))


def _selected(selector: Mapping[str, Any], labels: Mapping[str, str]) -> bool:
    return all(labels.get(key) == value for key, value in selector.get("matchLabels", {}).items())


def _ports(ports: Sequence[Mapping[str, Any]] | None, protocol: str, port: int | None) -> bool:
    if not ports:
        return True
    return any(
        port_range.get("protocol", "TCP") == protocol
        and (
            "port" not in port_range
            or (port is not None and port_range["port"] <= port <= port_range.get("endPort", port_range["port"]))
        )
        for port_range in ports
    )


def complaints(policy: Mapping[str, Any]) -> list[str]:
    """What the API server refuses, or takes for something else than it looks like, and no schema sees."""
    problems = []
    for rule in policy["spec"].get("egress", ()):
        if not rule.get("to"):
            problems.append("a rule without `to` is everywhere")
        for peer in rule.get("to", ()):
            if "ipBlock" in peer:
                problems += _block(peer["ipBlock"])
            elif not any(selector.get("matchLabels") for selector in peer.values()):
                problems.append(f"{peer} selects everything")
        for port in rule.get("ports", ()):
            if port.get("protocol") not in ("TCP", "UDP", "SCTP"):
                problems.append(f"no protocol of Kubernetes: {port}")
            if "endPort" in port and not 0 < port.get("port", 0) < port["endPort"] <= 65535:
                problems.append(f"ports out of order: {port}")
    return problems


def _block(block: Mapping[str, Any]) -> list[str]:
    network = ipaddress.ip_network(block["cidr"])
    holes = [ipaddress.ip_network(hole) for hole in block.get("except", ())]
    return [
        f"{hole} is not strictly inside {network}"
        for hole in holes
        if hole.version != network.version or hole == network or not hole.subnet_of(network)  # type: ignore[arg-type]
    ]
