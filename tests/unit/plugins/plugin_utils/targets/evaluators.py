# Copyright: (c) 2026, the tidegate developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""For each target a reader of its files that knows the enforcement point's documentation and nothing of ours.

Where the program itself can run, it is the reader: tests/integration/targets/programs.py.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass, replace
from typing import Any

import pytest

from ansible_collections.tidegate.nftables.plugins.plugin_utils import policy
from ansible_collections.tidegate.nftables.plugins.plugin_utils.policy.sets import services
from ansible_collections.tidegate.nftables.plugins.plugin_utils.targets.model import RenderedFile, Target
from ansible_collections.tidegate.nftables.plugins.plugin_utils.targets.nftables.table import compile_table
from ansible_collections.tidegate.nftables.tests.golden import interpret
from ansible_collections.tidegate.nftables.tests.unit.plugins.plugin_utils.targets import (
    cilium_policy,
    netpol,
    secgroup,
)
from ansible_collections.tidegate.nftables.tests.unit.plugins.plugin_utils.targets.random_units import (
    APPROXIMATIONS,
    KUBERNETES,
    Rendering,
    check,
    rendering,
    resolve,
)
from ansible_collections.tidegate.nftables.tests.unit.plugins.plugin_utils.targets.test_property import (
    packet,
    policy_of,
    with_cgroups,
)

Settings = Mapping[str, Any]
Passes = Callable[[policy.Flow], bool]
_PAYMENTS = policy_of("enforce", [{"to": ["203.0.113.0/24", "2001:db8::/48"], "services": ["https"]}], [], [])
_CLOSED = (policy.Flow("1.1.1.1", "tcp", 443), policy.Flow("2606:4700::1", "tcp", 443))


def _accepted(_rendered: Rendering, _settings: Settings) -> list[str]:
    return []


def _every_flow(_rendered: Rendering, _flow: policy.Flow) -> bool:
    return True


@dataclass(frozen=True, kw_only=True)
class Evaluator:
    """The reading of one target's files.

    reading: whether the enforcement point with a file lets flows through, as long as the context lasts. allow_all: a
    file in its language that opens everything, which proves that `reading` would see it. complaints: what the
    enforcement point would reject in a file. decides: whether it decides about a flow at all. settings: values of the
    target's variable to try. approximations: those that the target can render.
    """

    reading: Callable[[Rendering], AbstractContextManager[Passes]]
    allow_all: Callable[[policy.ResolvedPolicy], RenderedFile]
    complaints: Callable[[Rendering, Settings], list[str]] = _accepted
    decides: Callable[[Rendering, policy.Flow], bool] = _every_flow
    settings: tuple[Settings, ...] = ({},)
    approximations: tuple[str, ...] = APPROXIMATIONS


def lets_through_what_the_policy_does(
    target: Target,
    evaluator: Evaluator,
    variables: Any,
    approximate: str,
    flows: list[policy.Flow],
    *,
    given: Any = None,
) -> None:
    """Assert it of one policy. given: the value of the target's variable."""
    settings = evaluator.settings[0] if given is None else given
    resolved = resolve(variables)
    rendered = resolved and rendering(target, resolved, approximate, settings)
    if not rendered:
        return
    assert evaluator.complaints(rendered, settings) == []
    with evaluator.reading(rendered) as passes:
        for flow in flows:
            if evaluator.decides(rendered, flow):
                check(rendered, passes, flow)


def opening_everything_is_caught(target: Target, evaluator: Evaluator) -> None:
    """Assert that the evaluator would see a target that opens everything in the place of this one."""
    resolved = resolve(_PAYMENTS)
    assert resolved is not None
    file = evaluator.allow_all(resolved)
    broken = replace(target, render=lambda _unit: file, compile_policy=None)
    silent = replace(evaluator, complaints=_accepted)
    for flow in _CLOSED:
        with pytest.raises(AssertionError):
            lets_through_what_the_policy_does(broken, silent, _PAYMENTS, "", [flow])
        lets_through_what_the_policy_does(target, evaluator, _PAYMENTS, "", [flow])


def _read(passes: Callable[[Rendering, policy.Flow], bool]) -> Callable[[Rendering], AbstractContextManager[Passes]]:
    """Return the reading of an evaluator that needs nothing but the file."""

    @contextmanager
    def reading(rendered: Rendering) -> Iterator[Passes]:
        yield lambda flow: passes(rendered, flow)

    return reading


def _number(flow: policy.Flow) -> int:
    number = flow.protocol if isinstance(flow.protocol, int) else services.PORT_PROTOCOLS.get(flow.protocol)
    return number or (services.ICMPV6 if ":" in flow.address else services.ICMP)


# nftables: the table spec, by a reading of its rules.


@contextmanager
def _reading_table(rendered: Rendering) -> Iterator[Passes]:
    spec = with_cgroups(rendered.file.data, rendered.resolved.units())
    yield lambda flow: interpret.run(spec, packet(flow)).verdict == "accept"


def _open_table(resolved: policy.ResolvedPolicy) -> RenderedFile:
    spec = compile_table(resolved)
    chains = [{**chain, "rules": ["accept"]} if "hook" in chain else chain for chain in spec["chains"]]
    return RenderedFile("", {**spec, "chains": chains})


# AWS and Terraform: rules of a security group.


def _group_passes(read: Callable[[Any], list[secgroup.SecurityRule]]) -> Callable[[Rendering, policy.Flow], bool]:
    return lambda rendered, flow: secgroup.allows(read(rendered.file.data), flow.address, _number(flow), flow.port)


def _over_quota(
    read: Callable[[Any], list[list[secgroup.SecurityRule]]],
) -> Callable[[Rendering, Settings], list[str]]:
    def complaints(rendered: Rendering, settings: Settings) -> list[str]:
        groups = read(rendered.file.data)
        problems = [f"{len(groups)} groups"] if len(groups) > settings["groups"] else []
        for rules in groups:
            networks = [":" in rule.to for rule in rules]
            counts = {"IPv4": networks.count(False), "IPv6": networks.count(True)}
            problems += [
                f"{count} rules for {version}" for version, count in counts.items() if count > settings["rules"]
            ]
        return problems

    return complaints


_EVERYWHERE = {"ipv4": "0.0.0.0/0", "ipv6": "::/0"}
_QUOTAS = tuple(
    {"vpc_id": "vpc-0a1b2c3d", "rules": rules, "groups": groups}
    for rules, groups in ((4, 1), (4, 3), (60, 5), (1000, 1))
)


def _open_group(_resolved: policy.ResolvedPolicy) -> RenderedFile:
    keys = {"ipv4": "cidr_ip", "ipv6": "cidr_ipv6"}
    rules = [{"proto": "-1", keys[kind]: [network], "rule_desc": ""} for kind, network in _EVERYWHERE.items()]
    return RenderedFile("", {"groups": [{"rules_egress": rules}]})


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


EVALUATORS: Mapping[str, Evaluator] = {
    "nftables": Evaluator(reading=_reading_table, allow_all=_open_table),
    "aws": Evaluator(
        reading=_read(_group_passes(secgroup.of_module)),
        allow_all=_open_group,
        complaints=_over_quota(secgroup.groups_of_module),
        settings=_QUOTAS,
    ),
    "terraform": Evaluator(
        reading=_read(_group_passes(secgroup.of_terraform)),
        allow_all=_open_resources,
        complaints=_over_quota(secgroup.groups_of_terraform),
        settings=_QUOTAS,
    ),
    "kubernetes": Evaluator(
        reading=_read(_pod_passes),
        allow_all=_open_policy,
        complaints=lambda rendered, _settings: netpol.complaints(rendered.file.data),
        settings=(KUBERNETES,),
    ),
    "cilium": Evaluator(reading=_read(_cilium_passes), allow_all=_open_cilium, settings=(KUBERNETES,)),
}
