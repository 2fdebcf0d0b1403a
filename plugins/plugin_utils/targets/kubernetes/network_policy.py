# Copyright: (c) 2026, the tidegate developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Kubernetes: one NetworkPolicy a unit, which closes egress of its pods but for what the policy opens.

The semantics are those of networking.k8s.io/v1: policies are additive, a rule without `to` would be everywhere and one
without `ports` every port, so neither is ever left out by accident.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

import yaml

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

from .ip_blocks import ip_blocks

Spec = dict[str, Any]
PROTOCOLS = {6: "TCP", 17: "UDP", 132: "SCTP"}
_NAMESPACE = "kubernetes.io/metadata.name"
DNS: Mapping[str, Any] = {"namespace": {_NAMESPACE: "kube-system"}, "pods": {"k8s-app": "kube-dns"}}
_KEYS = ("namespace", "labels", "dns", "references", "families")
# An object's name: RFC 1123, as Kubernetes asks for it.
_NAME = re.compile(r"[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?")
_LABEL_KEY = re.compile(r"([a-z0-9]([a-z0-9.-]{0,251}[a-z0-9])?/)?[A-Za-z0-9]([A-Za-z0-9_.-]{0,61}[A-Za-z0-9])?")
_LABEL = re.compile(r"[A-Za-z0-9]([A-Za-z0-9_.-]{0,61}[A-Za-z0-9])?")


def read(report: ErrorReport, place: Place, value: Any) -> dict[str, Any]:
    """egress_kubernetes: namespace, labels of the unit's pods, where the cluster's DNS is, references, families."""
    given = values.mapping(report, place, {} if value is None else value, _KEYS, ("namespace", "labels")) or {}
    found: dict[str, Any] = {"references": {}}
    if "namespace" in given:
        name = values.text(report, place.key("namespace"), given["namespace"])
        if name is not None and not _NAME.fullmatch(name):
            report.error(place.key("namespace"), f"{values.show(name)} is no name of a namespace")
        found["namespace"] = name
    if "labels" in given:
        found["labels"] = labels(report, place.key("labels"), given["labels"])
    found["dns"] = _peer(report, place.key("dns"), given.get("dns", DNS))
    references = given.get("references") or {}
    for text, peer in (values.mapping(report, place.key("references"), references, list(references)) or {}).items():
        found["references"][text] = _peer(report, place.key("references").key(text), peer)
    if "families" in given:
        found["families"] = families(report, place.key("families"), given["families"])
    return found


def families(report: ErrorReport, place: Place, value: Any) -> list[int]:
    """Which IP versions there are: [ipv4], [ipv6] or both."""
    words = {"ipv4": 4, "ipv6": 6}
    elements = values.items(report, place, value)
    if elements == []:
        report.error(place, "is an empty list", "write [ipv4], [ipv6] or both")
    found = [values.word(report, at, item, words) for at, item in elements or []]
    return sorted({words[one] for one in found if one is not None})


def labels(report: ErrorReport, place: Place, value: Any) -> dict[str, str]:
    """Labels to select by. None at all would select everything, so there must be one."""
    if not isinstance(value, Mapping) or not value:
        report.error(place, "has no label; that would select everything", "write {KEY: VALUE}")
        return {}
    found = {str(key): item for key, item in value.items()}
    for key, item in found.items():
        if not _LABEL_KEY.fullmatch(key) or not isinstance(item, str) or not _LABEL.fullmatch(item):
            report.error(
                place.key(key), f"{values.show(f'{key}: {item}')} is no label", "quote what YAML reads otherwise"
            )
    return dict(sorted((key, str(item)) for key, item in found.items()))


def _peer(report: ErrorReport, place: Place, value: Any) -> Spec:
    """Pods somewhere: `pods`, `namespace` or both, each labels."""
    given = values.mapping(report, place, value, ("namespace", "pods"))
    if given is not None and not given:
        report.error(place, "selects everything", "write pods: {KEY: VALUE}, namespace: {KEY: VALUE} or both")
    return {key: labels(report, place.key(key), item) for key, item in (given or {}).items()}


def render(unit: Unit) -> RenderedFile:
    """The object, as YAML and as data."""
    found = policy_object(unit)
    return RenderedFile(yaml.safe_dump(found, sort_keys=False, explicit_start=True), found)


def policy_object(unit: Unit) -> Spec:
    """The NetworkPolicy. Without openings `egress` is empty, which closes everything."""
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
    """Name, namespace and whose it is."""
    return {
        "name": object_name(unit.name),
        "namespace": unit.settings["namespace"],
        "labels": {"app.kubernetes.io/managed-by": "tidegate"},
    }


def object_name(unit: str) -> str:
    """The unit as Kubernetes writes names: small letters, no underscores."""
    return f"tidegate-{unit}".lower().replace("_", "-")


def egress(unit: Unit) -> list[Spec]:
    """The rules: the cluster's DNS where the floor has DNS, then one an entry and set of services."""
    found = []
    if "dns" in unit.floor:
        both = [{"protocol": protocol, "port": 53} for protocol in ("UDP", "TCP")]
        found.append({"to": [selector(unit.settings["dns"])], "ports": both})
    for opening in unit.openings:
        to = peers(unit, opening)
        spoken = ports(opening.services)
        if to and spoken is not None:
            found.append({"to": to, **({"ports": spoken} if spoken else {})})
    return found


def peers(unit: Unit, opening: Opening) -> list[Spec]:
    """Where to; nothing when there is nothing."""
    known = [selector(unit.settings["references"][text]) for text in opening.references]
    return known + [{"ipBlock": block.spec()} for block in ip_blocks(opening.addresses)]


def selector(peer: Mapping[str, Any]) -> Spec:
    """Pods by labels, of their own namespace or of others."""
    found: Spec = {}
    if "namespace" in peer:
        found["namespaceSelector"] = {"matchLabels": peer["namespace"]}
    if "pods" in peer:
        found["podSelector"] = {"matchLabels": peer["pods"]}
    return found


def ports(spoken: ServiceSet) -> list[Spec] | None:
    """The ports; [] for whatever protocol, which is written by leaving them out; None when nothing is left.

    Port 0 is none in Kubernetes, and on no wire.
    """
    if spoken == services.ANY:
        return []
    found: list[Spec] = []
    for number, intervals in spoken.protocols().items():
        for first, last in intervals:
            if (first, last) == services.WHOLE[0]:
                found.append({"protocol": PROTOCOLS[number]})
            elif last:
                end = {"endPort": last} if last > max(first, 1) else {}
                found.append({"protocol": PROTOCOLS[number], "port": max(first, 1), **end})
    return found or None


def sayable(spoken: ServiceSet) -> bool:
    """Can all of it be said as ports?"""
    return spoken == services.ANY or set(spoken.protocols()) <= set(PROTOCOLS)


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
    read=read,
)
