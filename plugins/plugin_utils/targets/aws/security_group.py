# Copyright: (c) 2026, the tidegate developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""AWS: one security group for each unit, as arguments of the module amazon.aws.ec2_security_group."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from ansible_collections.tidegate.nftables.plugins.plugin_utils import yaml_text
from ansible_collections.tidegate.nftables.plugins.plugin_utils.plural import count
from ansible_collections.tidegate.nftables.plugins.plugin_utils.policy.errors import ErrorReport, Place
from ansible_collections.tidegate.nftables.plugins.plugin_utils.policy.reading import values
from ansible_collections.tidegate.nftables.plugins.plugin_utils.policy.sets import services
from ansible_collections.tidegate.nftables.plugins.plugin_utils.targets.kubernetes.network_policy import families
from ansible_collections.tidegate.nftables.plugins.plugin_utils.targets.model import (
    Capabilities,
    RenderedFile,
    Target,
    Unit,
)

from .rules import SecurityGroupRule
from .security_group_rules import security_group_rules

_KEYS = ("vpc_id", "name", "rules", "groups", "references", "families")
_FIX = "write egress_aws: {vpc_id: vpc-…}, the VPC of the groups"
_RULES_MAX = 1000
"""Rules of all groups of a network interface, for each IP version (Amazon VPC quotas)."""
GROUPS_MAX = 16
_ID = re.compile(r"(pl|sg)-[0-9a-f]{8,17}")
_NAME = re.compile(r"[a-zA-Z0-9 ._:/()#,@\[\]+=&;!*-]{1,255}")
DESCRIPTION = "Egress by tidegate"
CAN = Capabilities(
    ported=frozenset({services.PORT_PROTOCOLS["tcp"], services.PORT_PROTOCOLS["udp"]}),
    widens="protocol",
    references="prefix lists and groups by id",
    log="VPC flow logs",
    limit="60 rules in each of 5 groups, IPv4 and IPv6 each, or the quota in `egress_aws`",
)


def read_settings(report: ErrorReport, place: Place, value: Any) -> dict[str, Any]:
    """Return egress_aws: the VPC, the name of the groups, their quota, references."""
    written = values.mapping(report, place, {} if value is None else value, _KEYS, ("vpc_id",), fix=_FIX) or {}
    settings: dict[str, Any] = {"rules": 60, "groups": 5, "references": {}}
    for key in ("vpc_id", "name"):
        if key in written:
            settings[key] = values.text(report, place.key(key), written[key])
    if settings.get("name") and (not _NAME.fullmatch(settings["name"]) or settings["name"].startswith("sg-")):
        report.error(place.key("name"), f"{values.show(settings['name'])} is not the name of a security group")
    for key, most in (("rules", _RULES_MAX), ("groups", GROUPS_MAX)):
        if key in written:
            settings[key] = _number(report, place.key(key), written[key], most)
    if "groups" not in written:
        settings["groups"] = min(settings["groups"], _RULES_MAX // settings["rules"])
    if settings["rules"] * settings["groups"] > _RULES_MAX:
        groups = count(settings["groups"], "group")
        cause = f"{groups} of {settings['rules']} rules are more than {_RULES_MAX:,} rules"
        report.error(place.key("groups"), cause, "AWS allows no more for one network interface, lower one of both")
    references = written.get("references") or {}
    for text, reference in (
        values.mapping(report, place.key("references"), references, list(references)) or {}
    ).items():
        at = place.key("references").key(text)
        settings["references"][text] = _reference(report, at, reference, settings["rules"])
    if "families" in written:
        settings["families"] = families(report, place.key("families"), written["families"])
    return settings


def _reference(report: ErrorReport, place: Place, value: Any, rules: int) -> dict[str, Any]:
    """Return an id and its weight, the number of rules that AWS counts a prefix list as. rules: of one group."""
    written = value if isinstance(value, Mapping) else {"id": value}
    known = values.mapping(report, place, written, ("id", "weight"), ("id",)) or {}
    text = known.get("id")
    if not isinstance(text, str) or not _ID.fullmatch(text):
        report.error(place, f"{values.show(text)} is not an id", "write that of a prefix list (pl-…) or a group (sg-…)")
    return {"id": str(text), "weight": _number(report, place.key("weight"), known.get("weight", 1), rules)}


def _number(report: ErrorReport, place: Place, value: Any, maximum: int) -> int:
    if isinstance(value, int) and not isinstance(value, bool) and 0 < value <= maximum:
        return int(value)
    report.error(place, f"{values.show(value)} is not a number from 1 to {maximum}")
    return 1


def group_name(unit: Unit, number: int) -> str:
    """Return the name of a unit's group, numbered from 1. The name of no unit has a colon in it."""
    name = str(unit.settings.get("name") or f"tidegate-{unit.name}")
    return name if number == 1 else f"{name}:{number}"


def render(unit: Unit) -> RenderedFile:
    """Return the arguments of the module for each group. Without openings rules_egress is empty: everything is closed.

    The data also name the groups that the unit had if it needed more before: they must not open anything any more.
    """
    groups, differences = security_group_rules(unit)
    common = {"description": DESCRIPTION, "vpc_id": unit.settings["vpc_id"]}
    arguments = [
        {"name": group_name(unit, number), **common, "rules_egress": [_module_rule(rule) for rule in rules]}
        for number, rules in enumerate(groups, start=1)
    ]
    unused = [group_name(unit, number) for number in range(len(groups) + 1, GROUPS_MAX + 1)]
    data = {"groups": arguments, "unused": unused}
    text = yaml_text.document(arguments)
    return RenderedFile(text, data, differences, attach_notices(unit, len(groups)))


def attach_notices(unit: Unit, count: int) -> tuple[str, ...]:
    """Return what a person has to do about several groups."""
    names = [group_name(unit, number) for number in range(1, count + 1)]
    return (f"the rules need {count} groups, attach all of them: {', '.join(names)}",) if count > 1 else ()


_ARGUMENT = {"ipv4": "cidr_ip", "ipv6": "cidr_ipv6", "prefix_list": "ip_prefix", "group": "group_id"}


def _module_rule(rule: SecurityGroupRule) -> dict[str, Any]:
    ports = {} if rule.key.first is None else {"from_port": rule.key.first, "to_port": rule.key.last}
    return {"proto": rule.key.protocol, **ports, _ARGUMENT[rule.kind]: [rule.to], "rule_desc": rule.description}


TARGET = Target(
    name="aws",
    about="AWS security groups, applied by amazon.aws.ec2_security_group",
    can=CAN,
    suffix=".yaml",
    render=render,
    variable="egress_aws",
    read_settings=read_settings,
)
