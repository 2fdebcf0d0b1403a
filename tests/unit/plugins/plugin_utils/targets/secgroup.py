# Copyright: (c) 2026, the tidegate developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What AWS makes of the egress rules of a security group: what some rule allows passes, and nothing else.

The rules come in three spellings: the module's arguments, Terraform's resources and the API's answers.
"""

from __future__ import annotations

import ipaddress
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

_NUMBERS = {"tcp": "6", "udp": "17", "icmp": "1", "icmpv6": "58"}


@dataclass(frozen=True)
class SecurityRule:
    """protocol: a number as text, or -1. ports: None for all of them. to: a network, or an id."""

    protocol: str
    ports: tuple[int, int] | None
    to: str
    description: str = ""

    def allows(self, address: str, protocol: int, port: int | None) -> bool:
        if self.protocol not in ("-1", str(protocol)) or "-" in self.to:
            return False
        ip, network = ipaddress.ip_address(address), ipaddress.ip_network(self.to)
        if ip not in network:
            return False
        return self.ports is None or (port is not None and self.ports[0] <= port <= self.ports[1])


def rule(protocol: Any, first: Any, last: Any, to: str, description: str = "") -> SecurityRule:
    """Ports count for TCP and UDP; -1 is every kind of ICMP."""
    number = _NUMBERS.get(str(protocol), str(protocol))
    if number in ("6", "17"):
        return SecurityRule(number, (int(first), int(last)), to, description)
    assert first in (None, -1), "no part of ICMP or of another protocol is ever rendered"
    return SecurityRule(number, None, to, description)


def of_module(data: Mapping[str, Any]) -> list[SecurityRule]:
    """The arguments of amazon.aws.ec2_security_group."""
    rules = []
    for argument in (argument for group in data["groups"] for argument in group["rules_egress"]):
        (to,) = next(argument[key] for key in ("cidr_ip", "cidr_ipv6", "ip_prefix", "group_id") if key in argument)
        rules.append(
            rule(argument["proto"], argument.get("from_port"), argument.get("to_port"), to, argument["rule_desc"])
        )
    return rules


def of_terraform(data: Mapping[str, Any]) -> list[SecurityRule]:
    """Resources of type aws_vpc_security_group_egress_rule."""
    keys = ("cidr_ipv4", "cidr_ipv6", "prefix_list_id", "referenced_security_group_id")
    return [
        rule(
            one["ip_protocol"],
            one.get("from_port"),
            one.get("to_port"),
            next(one[key] for key in keys if key in one),
            one["description"],
        )
        for one in data["resource"].get("aws_vpc_security_group_egress_rule", {}).values()
    ]


def groups_of_module(data: Mapping[str, Any]) -> list[list[SecurityRule]]:
    """The same, by group."""
    return [of_module({"groups": [group]}) for group in data["groups"]]


def groups_of_terraform(data: Mapping[str, Any]) -> list[list[SecurityRule]]:
    """The same, by group."""
    key = "aws_vpc_security_group_egress_rule"
    by_group: dict[str, dict[str, Any]] = {}
    for name, resource in data["resource"].get(key, {}).items():
        by_group.setdefault(resource["security_group_id"], {})[name] = resource
    return [of_terraform({"resource": {key: resources}}) for resources in by_group.values()]


def of_api(permissions: Iterable[Mapping[str, Any]]) -> list[SecurityRule]:
    """IpPermissionsEgress of DescribeSecurityGroups."""
    rules = []
    for permission in permissions:
        targets = [
            *((item["CidrIp"], item) for item in permission.get("IpRanges", ())),
            *((item["CidrIpv6"], item) for item in permission.get("Ipv6Ranges", ())),
            *((item["PrefixListId"], item) for item in permission.get("PrefixListIds", ())),
            *((item["GroupId"], item) for item in permission.get("UserIdGroupPairs", ())),
        ]
        for to, item in targets:
            described = item.get("Description", "")
            rules.append(
                rule(permission["IpProtocol"], permission.get("FromPort"), permission.get("ToPort"), to, described)
            )
    return rules


def allows(rules: Iterable[SecurityRule], address: str, protocol: int, port: int | None) -> bool:
    """May an instance of the group send there?"""
    return any(rule_of_group.allows(address, protocol, port) for rule_of_group in rules)
