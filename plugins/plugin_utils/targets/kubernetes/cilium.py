# Copyright: (c) 2026, the tidegate developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Cilium: one CiliumNetworkPolicy a unit, which knows domain names by listening to the pods' DNS.

A rule without destinations selects nothing in Cilium, and one such rule is what closes egress where nothing is open.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import yaml

from ansible_collections.tidegate.nftables.plugins.plugin_utils.policy.sets import services
from ansible_collections.tidegate.nftables.plugins.plugin_utils.policy.sets.services import ServiceSet
from ansible_collections.tidegate.nftables.plugins.plugin_utils.targets.model import (
    Capabilities,
    Closing,
    Opening,
    RenderedFile,
    Target,
    Unit,
)

from . import network_policy
from .ip_blocks import ip_blocks

Spec = dict[str, Any]
# A list of ports has at most so many (the custom resource's schema).
_PORTS_MAX = 40
_NAMESPACE = "kubernetes.io/metadata.name"


def render(unit: Unit) -> RenderedFile:
    """The object, as YAML and as data."""
    found = policy_object(unit)
    return RenderedFile(yaml.safe_dump(found, sort_keys=False, explicit_start=True), found)


def policy_object(unit: Unit) -> Spec:
    """The CiliumNetworkPolicy."""
    spec: Spec = {"endpointSelector": {"matchLabels": unit.settings["labels"]}}
    denied = [rule for closing in unit.closings for rule in _denied(closing)]
    if denied:
        spec["egressDeny"] = denied
    allowed = [rule for opening in unit.openings for rule in _allowed(unit, opening)]
    spec["egress"] = _dns(unit) + allowed or [{}]
    return {
        "apiVersion": "cilium.io/v2",
        "kind": "CiliumNetworkPolicy",
        "metadata": network_policy.metadata(unit),
        "spec": spec,
    }


def _dns(unit: Unit) -> list[Spec]:
    """The rule through which Cilium sees answers. Where the floor has no DNS, for the names that are open only."""
    names = sorted({name for opening in unit.openings for name in opening.names})
    asked = [{"matchPattern": "*"}] if "dns" in unit.floor else [{"matchName": name} for name in names]
    if not asked:
        return []
    ports = {"ports": [{"port": "53", "protocol": "ANY"}], "rules": {"dns": asked}}
    return [{"toEndpoints": [endpoints(unit.settings["dns"])], "toPorts": [ports]}]


def _allowed(unit: Unit, opening: Opening) -> list[Spec]:
    """One rule for each kind of destination, since those of one rule would all have to hold."""
    ports = to_ports(opening.services)
    if ports is None:
        return []
    found: list[Spec] = []
    if opening.references:
        found.append({"toEndpoints": [endpoints(unit.settings["references"][text]) for text in opening.references]})
    blocks = [block.spec() for block in ip_blocks(opening.addresses)]
    if blocks:
        found.append({"toCIDRSet": blocks})
    if opening.names:
        found.append({"toFQDNs": [{"matchName": name} for name in opening.names]})
    return [{**rule, **({"toPorts": ports} if ports else {})} for rule in found]


def _denied(closing: Closing) -> list[Spec]:
    blocks = [block.spec() for block in ip_blocks(closing.addresses)]
    if not blocks:
        return []
    exact = network_policy.sayable(closing.services)
    # What cannot be said as ports closes everything there: closing more is the safe side.
    ports = to_ports(closing.services) if exact else []
    return [{"toCIDRSet": blocks, **({"toPorts": ports} if ports else {})}]


def endpoints(peer: Mapping[str, Any]) -> Spec:
    """Pods by labels, in Cilium's spelling of where a label comes from."""
    found = {}
    for key, value in peer.get("namespace", {}).items():
        own = "io.kubernetes.pod.namespace" if key == _NAMESPACE else f"io.cilium.k8s.namespace.labels.{key}"
        found[f"k8s:{own}"] = value
    for key, value in peer.get("pods", {}).items():
        found[f"k8s:{key}"] = value
    return {"matchLabels": found}


def to_ports(spoken: ServiceSet) -> list[Spec] | None:
    """The ports; [] for whatever protocol, None when nothing is left. Port 0 is all of a protocol."""
    if spoken == services.ANY:
        return []
    found = [_port(one) for one in network_policy.ports(spoken) or []]
    if not found:
        return None
    return [{"ports": found[start : start + _PORTS_MAX]} for start in range(0, len(found), _PORTS_MAX)]


def _port(one: Mapping[str, Any]) -> Spec:
    end = {"endPort": one["endPort"]} if "endPort" in one else {}
    return {"port": str(one.get("port", 0)), **end, "protocol": one["protocol"]}


TARGET = Target(
    name="cilium",
    about="CiliumNetworkPolicy for egress of pods, by domain names, too",
    can=Capabilities(
        names="exact",
        deny=True,
        protocols=frozenset(network_policy.PROTOCOLS),
        ported=frozenset(network_policy.PROTOCOLS),
        widens="any",
        log="Hubble",
        references="pods and namespaces by labels",
    ),
    suffix=".cilium.yaml",
    render=render,
    variable="egress_kubernetes",
    read=network_policy.read,
)
