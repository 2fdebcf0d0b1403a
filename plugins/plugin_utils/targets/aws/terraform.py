# Copyright: (c) 2026, the tidegate developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Terraform: the security groups of each unit and one resource for each egress rule, as JSON (.tf.json).

The address of a resource is made of the rule's content and not of its position, so an edit touches no other rule.
"""

from __future__ import annotations

import json
import re
from typing import Any

from ansible_collections.tidegate.nftables.plugins.plugin_utils.targets.model import RenderedFile, Target, Unit

from . import security_group
from .rules import SecurityGroupRule
from .security_group_rules import security_group_rules

_UNFIT = re.compile(r"[^A-Za-z0-9_]")
_ATTRIBUTE = {
    "ipv4": "cidr_ipv4",
    "ipv6": "cidr_ipv6",
    "prefix_list": "prefix_list_id",
    "group": "referenced_security_group_id",
}


def render(unit: Unit) -> RenderedFile:
    """Return the file, with the groups: Terraform removes AWS's allow-all rule only from groups that it creates."""
    spread, differences = security_group_rules(unit)
    groups: dict[str, Any] = {}
    resources: dict[str, Any] = {}
    for number, rules in enumerate(spread, start=1):
        name = f"tidegate_{_UNFIT.sub('_', unit.name)}" + (f"__{number}" if number > 1 else "")
        groups[name] = {
            "name": security_group.group_name(unit, number),
            "description": security_group.DESCRIPTION,
            "vpc_id": unit.settings["vpc_id"],
        }
        resources |= {f"{name}_{_address(rule)}": _resource(rule, name) for rule in sorted(rules, key=_address)}
    data = {"resource": {"aws_security_group": groups}}
    if resources:
        data["resource"]["aws_vpc_security_group_egress_rule"] = resources
    notices = security_group.attach_notices(unit, len(spread))
    return RenderedFile(json.dumps(data, indent=2) + "\n", data, differences, notices)


def _address(rule: SecurityGroupRule) -> str:
    ports = [str(port) for port in dict.fromkeys((rule.key.first, rule.key.last)) if port is not None and port >= 0]
    protocol = "all" if rule.key.protocol == "-1" else rule.key.protocol
    return _UNFIT.sub("_", "_".join([protocol, *ports, rule.to]))


def _resource(rule: SecurityGroupRule, group: str) -> dict[str, Any]:
    ports = {} if rule.key.first is None else {"from_port": rule.key.first, "to_port": rule.key.last}
    return {
        "security_group_id": f"${{aws_security_group.{group}.id}}",
        "ip_protocol": rule.key.protocol,
        **ports,
        _ATTRIBUTE[rule.kind]: rule.to,
        "description": rule.description,
    }


TARGET = Target(
    name="terraform",
    about="AWS security groups as Terraform resources",
    can=security_group.CAN,
    suffix=".tf.json",
    render=render,
    variable="egress_aws",
    read_settings=security_group.read_settings,
)
