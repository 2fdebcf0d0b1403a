# Copyright: (c) 2026, the tidegate developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Cilium: one CiliumNetworkPolicy for each unit; it knows domain names because Cilium reads the pods' DNS answers.

A rule without destinations selects nothing in Cilium. Where nothing is open, one such rule closes egress.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from ansible_collections.tidegate.nftables.plugins.module_utils import domain_names
from ansible_collections.tidegate.nftables.plugins.plugin_utils import yaml_text
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
from .ip_blocks import specs

Spec = dict[str, Any]
# The length of a list of ports, by the schema of the custom resource.
_PORTS_MAX = 40
_NAMESPACE = "kubernetes.io/metadata.name"


def render(unit: Unit) -> RenderedFile:
    """Return the object, as YAML and as data."""
    content = policy_object(unit)
    return RenderedFile(yaml_text.document(content), content)


def policy_object(unit: Unit) -> Spec:
    """Return the CiliumNetworkPolicy."""
    spec: Spec = {"endpointSelector": {"matchLabels": unit.settings["labels"]}}
    deny = [rule for closing in unit.closings for rule in _deny_rules(closing)]
    if deny:
        spec["egressDeny"] = deny
    allow = [rule for opening in unit.openings for rule in _allow_rules(unit, opening)]
    spec["egress"] = _dns_rules(unit) + allow or [{}]
    return {
        "apiVersion": "cilium.io/v2",
        "kind": "CiliumNetworkPolicy",
        "metadata": network_policy.metadata(unit),
        "spec": spec,
    }


def _dns_rules(unit: Unit) -> list[Spec]:
    """Return the rule that shows Cilium the DNS answers; without DNS in the floor, only those of open names."""
    names = sorted({name for opening in unit.openings for name in opening.names})
    queries = [{"matchPattern": "*"}] if "dns" in unit.floor else _selectors(names)
    if not queries:
        return []
    ports = {"ports": [{"port": "53", "protocol": "ANY"}], "rules": {"dns": queries}}
    return [{"toEndpoints": [endpoints(unit.settings["dns"])], "toPorts": [ports]}]


def _allow_rules(unit: Unit, opening: Opening) -> list[Spec]:
    """Return one rule for each kind of destination, because a packet must match every kind in a rule."""
    ports = to_ports(opening.services)
    if ports is None:
        return []
    rules: list[Spec] = []
    if opening.references:
        rules.append({"toEndpoints": [endpoints(unit.settings["references"][text]) for text in opening.references]})
    blocks = specs(opening.addresses)
    if blocks:
        rules.append({"toCIDRSet": blocks})
    if opening.names:
        rules.append({"toFQDNs": _selectors(opening.names)})
    return [{**rule, **({"toPorts": ports} if ports else {})} for rule in rules]


def _selectors(patterns: Iterable[str]) -> list[Spec]:
    """Return patterns of names as Cilium writes them. `**.` is every depth from 1.19 on, and one label before."""
    selectors: list[Spec] = []
    for pattern in map(domain_names.parse, patterns):
        if pattern.kind != domain_names.BELOW:
            selectors.append({"matchName": pattern.name})
        if pattern.wild:
            selectors.append({"matchPattern": f"**.{pattern.name}"})
    return selectors


def _deny_rules(closing: Closing) -> list[Spec]:
    blocks = specs(closing.addresses)
    if not blocks:
        return []
    exact = network_policy.expressible(closing.services)
    # Services that ports cannot express close every port there: to close more is the safe side.
    ports = to_ports(closing.services) if exact else []
    return [{"toCIDRSet": blocks, **({"toPorts": ports} if ports else {})}]


def endpoints(peer: Mapping[str, Any]) -> Spec:
    """Return the selector of pods by labels, with the prefixes by which Cilium knows the source of a label."""
    selector = {}
    for key, value in peer.get("namespace", {}).items():
        own = "io.kubernetes.pod.namespace" if key == _NAMESPACE else f"io.cilium.k8s.namespace.labels.{key}"
        selector[f"k8s:{own}"] = value
    for key, value in peer.get("pods", {}).items():
        selector[f"k8s:{key}"] = value
    return {"matchLabels": selector}


def to_ports(allowed: ServiceSet) -> list[Spec] | None:
    """Return the ports of a rule: [] for every protocol, None where none is left. Port 0 is all of a protocol."""
    if allowed == services.ANY:
        return []
    rule_ports = [_port(port) for port in network_policy.ports(allowed) or []]
    if not rule_ports:
        return None
    return [{"ports": rule_ports[start : start + _PORTS_MAX]} for start in range(0, len(rule_ports), _PORTS_MAX)]


def _port(port: Mapping[str, Any]) -> Spec:
    end = {"endPort": port["endPort"]} if "endPort" in port else {}
    return {"port": str(port.get("port", 0)), **end, "protocol": port["protocol"]}


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
    read_settings=network_policy.read_settings,
)
