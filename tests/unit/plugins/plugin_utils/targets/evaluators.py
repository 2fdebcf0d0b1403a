# Copyright: (c) 2026, the tidegate developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""For each target a reader of its files that knows the enforcement point's documentation and nothing of ours."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from ansible_collections.tidegate.nftables.plugins.plugin_utils import policy
from ansible_collections.tidegate.nftables.plugins.plugin_utils.policy.sets import services
from ansible_collections.tidegate.nftables.plugins.plugin_utils.targets.model import RenderedFile
from ansible_collections.tidegate.nftables.plugins.plugin_utils.targets.nftables.table import compile_table
from ansible_collections.tidegate.nftables.tests.golden import interpret
from ansible_collections.tidegate.nftables.tests.unit.plugins.plugin_utils.targets import (
    cilium_policy,
    netpol,
    secgroup,
    squid_access,
)
from ansible_collections.tidegate.nftables.tests.unit.plugins.plugin_utils.targets.random_units import (
    APPROXIMATIONS,
    KUBERNETES,
    SOURCE,
    Rendering,
)
from ansible_collections.tidegate.nftables.tests.unit.plugins.plugin_utils.targets.test_property import packet

Settings = Mapping[str, Any]
OTHER_HOST = "10.0.0.78"


def _accepted(_rendered: Rendering, _settings: Settings) -> list[str]:
    return []


def _every_flow(_rendered: Rendering, _flow: policy.Flow) -> bool:
    return True


@dataclass(frozen=True, kw_only=True)
class Evaluator:
    """The reading of one target's files.

    passes: whether the enforcement point lets a flow through. allow_all: a file in its language that opens everything,
    which proves that `passes` would see it. complaints: what the enforcement point would reject in a file.
    decides: whether it decides about a flow at all. settings: values of the target's variable to try.
    approximations: those that the target can render.
    """

    passes: Callable[[Rendering, policy.Flow], bool]
    allow_all: Callable[[policy.ResolvedPolicy], RenderedFile]
    complaints: Callable[[Rendering, Settings], list[str]] = _accepted
    decides: Callable[[Rendering, policy.Flow], bool] = _every_flow
    settings: tuple[Settings, ...] = ({},)
    approximations: tuple[str, ...] = APPROXIMATIONS


def _number(flow: policy.Flow) -> int:
    number = flow.protocol if isinstance(flow.protocol, int) else services.PORT_PROTOCOLS.get(flow.protocol)
    return number or (services.ICMPV6 if ":" in flow.address else services.ICMP)


# nftables: the table spec, by a reading of its rules.


def _table_passes(rendered: Rendering, flow: policy.Flow) -> bool:
    return interpret.run(rendered.file.data, packet(flow)).verdict == "accept"


def _open_table(resolved: policy.ResolvedPolicy) -> RenderedFile:
    spec = compile_table(resolved)
    chains = [{**chain, "rules": ["accept"]} if "hook" in chain else chain for chain in spec["chains"]]
    return RenderedFile("", {**spec, "chains": chains})


# AWS and Terraform: rules of a security group.


def _group_passes(read: Callable[[Any], list[secgroup.SecurityRule]]) -> Callable[[Rendering, policy.Flow], bool]:
    return lambda rendered, flow: secgroup.allows(read(rendered.file.data), flow.address, _number(flow), flow.port)


def _over_quota(
    read: Callable[[Any], list[secgroup.SecurityRule]],
) -> Callable[[Rendering, Settings], list[str]]:
    def complaints(rendered: Rendering, settings: Settings) -> list[str]:
        networks = [":" in rule.to for rule in read(rendered.file.data)]
        counts = {"IPv4": networks.count(False), "IPv6": networks.count(True)}
        return [f"{count} rules for {version}" for version, count in counts.items() if count > settings["rules"]]

    return complaints


_EVERYWHERE = {"ipv4": "0.0.0.0/0", "ipv6": "::/0"}
_QUOTAS = tuple({"vpc_id": "vpc-0a1b2c3d", "rules": quota} for quota in (4, 60, 1000))


def _open_group(_resolved: policy.ResolvedPolicy) -> RenderedFile:
    keys = {"ipv4": "cidr_ip", "ipv6": "cidr_ipv6"}
    rules = [{"proto": "-1", keys[kind]: [network], "rule_desc": ""} for kind, network in _EVERYWHERE.items()]
    return RenderedFile("", {"rules_egress": rules})


def _open_resources(_resolved: policy.ResolvedPolicy) -> RenderedFile:
    keys = {"ipv4": "cidr_ipv4", "ipv6": "cidr_ipv6"}
    rules = {
        kind: {"ip_protocol": "-1", keys[kind]: network, "description": ""} for kind, network in _EVERYWHERE.items()
    }
    return RenderedFile("", {"resource": {"aws_vpc_security_group_egress_rule": rules}})


# Kubernetes and Cilium: objects of a cluster.


def _pod_passes(rendered: Rendering, flow: policy.Flow) -> bool:
    return netpol.allows([rendered.file.data], flow.address, str(flow.protocol).upper(), flow.port)


def _open_policy(_resolved: policy.ResolvedPolicy) -> RenderedFile:
    return RenderedFile("", {"spec": {"policyTypes": ["Egress"], "egress": [{}]}})


def _cilium_passes(rendered: Rendering, flow: policy.Flow) -> bool:
    return cilium_policy.allows(rendered.file.data, flow.address, str(flow.protocol).upper(), flow.port)


def _open_cilium(_resolved: policy.ResolvedPolicy) -> RenderedFile:
    return RenderedFile("", {"spec": {"egress": [{"toCIDRSet": [{"cidr": "0.0.0.0/0"}, {"cidr": "::/0"}]}]}})


# Squid: access lines, for requests over TCP from one client.


def _squid_passes(rendered: Rendering, flow: policy.Flow) -> bool:
    return squid_access.allows(rendered.file.text, SOURCE, flow.address, flow.port or 0) is True


def _squid_decides(rendered: Rendering, flow: policy.Flow) -> bool:
    """Requests go over TCP, and the named servers are not Squid's."""
    return flow.protocol == "tcp" and bool(flow.port) and policy.decide(rendered.resolved, flow).cause != "floor"


def _squid_complaints(rendered: Rendering, _settings: Settings) -> list[str]:
    """Other clients are not the unit's: no line may be about them."""
    verdict = squid_access.allows(rendered.file.text, OTHER_HOST, "203.0.113.7", 443)
    return [] if verdict is None else [f"decides about {OTHER_HOST}"]


def _open_squid(_resolved: policy.ResolvedPolicy) -> RenderedFile:
    return RenderedFile(f"acl unit src {SOURCE}\nhttp_access allow unit\n")


# dnsmasq: fills sets of the host's table, and what a filled set opens is open.

_NFTSET = re.compile(r"nftset=/(?P<domain>[^/]+)/(?P<sets>\S+)")


def _filled_sets(rendered: Rendering) -> set[str]:
    lines = [line for line in rendered.file.text.splitlines() if not line.startswith("#")]
    matches = [_NFTSET.fullmatch(line) for line in lines]
    return {name.split("#")[3] for match in matches if match for name in match["sets"].split(",")}


def _dnsmasq_passes(rendered: Rendering, flow: policy.Flow) -> bool:
    """Let any address into the sets that the file fills: the answers are somebody else's."""
    spec = compile_table(rendered.resolved)
    everything = {4: ["0.0.0.0-255.255.255.255"], 6: ["::-ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff"]}
    filled = _filled_sets(rendered)
    sets = [
        {**entry, "elements": everything[4 if entry["name"].endswith("4") else 6]} if entry["name"] in filled else entry
        for entry in spec["sets"]
    ]
    return interpret.run({**spec, "sets": sets}, packet(flow)).verdict == "accept"


def _open_dnsmasq(resolved: policy.ResolvedPolicy) -> RenderedFile:
    names = [entry["name"] for entry in compile_table(resolved)["sets"] if entry["name"].startswith("allow_")]
    sets = ",".join(f"{name[-1]}#inet#tidegate#{name}" for name in names)
    return RenderedFile(f"nftset=/#/{sets}\n")


EVALUATORS: Mapping[str, Evaluator] = {
    "nftables": Evaluator(passes=_table_passes, allow_all=_open_table),
    "aws": Evaluator(
        passes=_group_passes(secgroup.of_module),
        allow_all=_open_group,
        complaints=_over_quota(secgroup.of_module),
        settings=_QUOTAS,
    ),
    "terraform": Evaluator(
        passes=_group_passes(secgroup.of_terraform),
        allow_all=_open_resources,
        complaints=_over_quota(secgroup.of_terraform),
        settings=_QUOTAS,
    ),
    "kubernetes": Evaluator(
        passes=_pod_passes,
        allow_all=_open_policy,
        complaints=lambda rendered, _settings: netpol.complaints(rendered.file.data),
        settings=(KUBERNETES,),
    ),
    "cilium": Evaluator(passes=_cilium_passes, allow_all=_open_cilium, settings=(KUBERNETES,)),
    "squid": Evaluator(
        passes=_squid_passes,
        allow_all=_open_squid,
        complaints=_squid_complaints,
        decides=_squid_decides,
        approximations=("", "narrower"),
    ),
    "dnsmasq": Evaluator(passes=_dnsmasq_passes, allow_all=_open_dnsmasq),
}
