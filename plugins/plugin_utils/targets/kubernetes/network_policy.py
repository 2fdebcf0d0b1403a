# Copyright: (c) 2026, the tidegate developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Kubernetes: one NetworkPolicy for each unit, which closes egress of its pods except for what the policy opens.

Semantics of networking.k8s.io/v1: policies are additive, and a rule without `to` opens every destination, one without
`ports` every port. So neither is ever left out because it would be empty.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from ansible_collections.tidegate.nftables.plugins.module_utils.protocols import WITH_PORTS
from ansible_collections.tidegate.nftables.plugins.plugin_utils import yaml_text
from ansible_collections.tidegate.nftables.plugins.plugin_utils.policy.errors import ErrorReport, Place
from ansible_collections.tidegate.nftables.plugins.plugin_utils.policy.reading import values
from ansible_collections.tidegate.nftables.plugins.plugin_utils.policy.sets import services
from ansible_collections.tidegate.nftables.plugins.plugin_utils.policy.sets.services import ServiceSet
from ansible_collections.tidegate.nftables.plugins.plugin_utils.targets.model import (
    Capabilities,
    Opening,
    RenderedFile,
    Target,
    Unit,
)

from .ip_blocks import specs

Spec = dict[str, Any]
PROTOCOLS = {WITH_PORTS[name.lower()]: name for name in ("TCP", "UDP", "SCTP")}
_NAMESPACE = "kubernetes.io/metadata.name"
DNS: Mapping[str, Any] = {"namespace": {_NAMESPACE: "kube-system"}, "pods": {"k8s-app": "kube-dns"}}
_KEYS = ("namespace", "labels", "dns", "references", "families")
_FIX = "write egress_kubernetes: {namespace: NAME, labels: {KEY: VALUE}}, the labels of the unit's pods"
# An object's name: RFC 1123, as Kubernetes asks for it.
_NAME = re.compile(r"[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?")
_LABEL_KEY = re.compile(r"([a-z0-9]([a-z0-9.-]{0,251}[a-z0-9])?/)?[A-Za-z0-9]([A-Za-z0-9_.-]{0,61}[A-Za-z0-9])?")
_LABEL = re.compile(r"[A-Za-z0-9]([A-Za-z0-9_.-]{0,61}[A-Za-z0-9])?")


def read_settings(report: ErrorReport, place: Place, value: Any) -> dict[str, Any]:
    """Return egress_kubernetes: namespace, labels of the unit's pods, the cluster's DNS, references, families."""
    value = {} if value is None else value
    written = values.mapping(report, place, value, _KEYS, ("namespace", "labels"), fix=_FIX) or {}
    settings: dict[str, Any] = {"references": {}}
    if "namespace" in written:
        name = values.text(report, place.key("namespace"), written["namespace"])
        if name is not None and not _NAME.fullmatch(name):
            report.error(place.key("namespace"), f"{values.show(name)} is not the name of a namespace")
        settings["namespace"] = name
    if "labels" in written:
        settings["labels"] = labels(report, place.key("labels"), written["labels"])
    settings["dns"] = _peer(report, place.key("dns"), written.get("dns", DNS))
    references = written.get("references") or {}
    for text, peer in (values.mapping(report, place.key("references"), references, list(references)) or {}).items():
        settings["references"][text] = _peer(report, place.key("references").key(text), peer)
    if "families" in written:
        settings["families"] = families(report, place.key("families"), written["families"])
    return settings


def families(report: ErrorReport, place: Place, value: Any) -> list[int]:
    """Return the IP versions in use, from [ipv4], [ipv6] or both."""
    words = {"ipv4": 4, "ipv6": 6}
    elements = values.items(report, place, value)
    if elements == []:
        report.error(place, "is an empty list", "write [ipv4], [ipv6] or both")
    choices = [values.choice(report, element_place, element, words) for element_place, element in elements or []]
    return sorted({words[choice] for choice in choices if choice is not None})


def labels(report: ErrorReport, place: Place, value: Any) -> dict[str, str]:
    """Return the labels of a selector. A selector without labels would select everything, so that is an error."""
    if not isinstance(value, Mapping) or not value:
        report.error(place, "has no label, which would select everything", "write {KEY: VALUE}")
        return {}
    selector_labels = {str(key): label for key, label in value.items()}
    for key, label in selector_labels.items():
        if not _LABEL_KEY.fullmatch(key) or not isinstance(label, str) or not _LABEL.fullmatch(label):
            cause = f"{values.show(f'{key}: {label}')} is not a label"
            report.error(place.key(key), cause, "quote values that YAML reads as something else")
    return dict(sorted((key, str(label)) for key, label in selector_labels.items()))


def _peer(report: ErrorReport, place: Place, value: Any) -> Spec:
    """Return the labels of pods, of their namespace, or both."""
    written = values.mapping(report, place, value, ("namespace", "pods"))
    if written is not None and not written:
        report.error(place, "selects everything", "write pods: {KEY: VALUE}, namespace: {KEY: VALUE} or both")
    return {key: labels(report, place.key(key), label) for key, label in (written or {}).items()}


def render(unit: Unit) -> RenderedFile:
    """Return the object, as YAML and as data."""
    content = policy_object(unit)
    return RenderedFile(yaml_text.document(content), content)


def policy_object(unit: Unit) -> Spec:
    """Return the NetworkPolicy. Without openings `egress` is empty, which closes everything."""
    return {
        "apiVersion": "networking.k8s.io/v1",
        "kind": "NetworkPolicy",
        "metadata": metadata(unit),
        "spec": {
            "podSelector": {"matchLabels": unit.settings["labels"]},
            "policyTypes": ["Egress"],
            "egress": egress(unit),
        },
    }


def metadata(unit: Unit) -> Spec:
    """Return name, namespace and the label of our objects."""
    return {
        "name": object_name(unit.name),
        "namespace": unit.settings["namespace"],
        "labels": {"app.kubernetes.io/managed-by": "tidegate"},
    }


def object_name(unit: str) -> str:
    """Return the name of a unit's object, in small letters and without underscores."""
    return f"tidegate-{unit}".lower().replace("_", "-")


def egress(unit: Unit) -> list[Spec]:
    """Return the rules: the cluster's DNS where the floor has DNS, then one for each opening."""
    rules = []
    if "dns" in unit.floor:
        both = [{"protocol": protocol, "port": 53} for protocol in ("UDP", "TCP")]
        rules.append({"to": [selector(unit.settings["dns"])], "ports": both})
    for opening in unit.openings:
        to = peers(unit, opening)
        allowed = ports(opening.services)
        if to and allowed is not None:
            rules.append({"to": to, **({"ports": allowed} if allowed else {})})
    return rules


def peers(unit: Unit, opening: Opening) -> list[Spec]:
    """Return the destinations; [] where an opening has none, which makes no rule."""
    known = [selector(unit.settings["references"][text]) for text in opening.references]
    blocks = specs(opening.addresses, "ipBlock")
    return known + blocks if known else blocks


def selector(peer: Mapping[str, Any]) -> Spec:
    """Return the selector of pods by labels, in their own namespace or others."""
    selectors: Spec = {}
    if "namespace" in peer:
        selectors["namespaceSelector"] = {"matchLabels": peer["namespace"]}
    if "pods" in peer:
        selectors["podSelector"] = {"matchLabels": peer["pods"]}
    return selectors


def ports(allowed: ServiceSet) -> list[Spec] | None:
    """Return the ports of a rule: [] for every protocol, None where none is left.

    Port 0 is left out: Kubernetes has no such port, and no packet uses it.
    """
    if allowed == services.ANY:
        return []
    rule_ports: list[Spec] = []
    for number, ranges in allowed.protocols().items():
        for first, last in ranges:
            if (first, last) == services.WHOLE[0]:
                rule_ports.append({"protocol": PROTOCOLS[number]})
            elif last:
                end = {"endPort": last} if last > max(first, 1) else {}
                rule_ports.append({"protocol": PROTOCOLS[number], "port": max(first, 1), **end})
    return rule_ports or None


def expressible(requested: ServiceSet) -> bool:
    """Return whether ports can express all of the services."""
    return requested == services.ANY or set(requested.protocols()) <= set(PROTOCOLS)


TARGET = Target(
    name="kubernetes",
    about="Kubernetes NetworkPolicy for egress of pods",
    can=Capabilities(
        protocols=frozenset(PROTOCOLS),
        ported=frozenset(PROTOCOLS),
        widens="any",
        references="pods and namespaces by labels",
    ),
    suffix=".yaml",
    render=render,
    variable="egress_kubernetes",
    read_settings=read_settings,
)
