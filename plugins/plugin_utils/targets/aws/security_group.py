# Copyright: (c) 2026, the tidegate developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""AWS: one security group for each unit, as arguments of the module amazon.aws.ec2_security_group."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from ansible_collections.tidegate.nftables.plugins.plugin_utils import yaml_text
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

from .security_group_rules import SecurityGroupRule, security_group_rules

_KEYS = ("vpc_id", "name", "rules", "references", "families")
_ID = re.compile(r"(pl|sg)-[0-9a-f]{8,17}")
_NAME = re.compile(r"[a-zA-Z0-9 ._:/()#,@\[\]+=&;!*-]{1,255}")
DESCRIPTION = "Egress by tidegate"
CAN = Capabilities(
    ported=frozenset({services.PORT_PROTOCOLS["tcp"], services.PORT_PROTOCOLS["udp"]}),
    widens="protocol",
    references="prefix lists and groups by id",
    log="VPC flow logs",
    limit="60 rules, IPv4 and IPv6 each, or the quota in `egress_aws`",
)


def read_settings(report: ErrorReport, place: Place, value: Any) -> dict[str, Any]:
    """Return egress_aws: the VPC, the group's name, its quota of rules, references."""
    written = values.mapping(report, place, {} if value is None else value, _KEYS, ("vpc_id",)) or {}
    settings: dict[str, Any] = {"rules": 60, "references": {}}
    for key in ("vpc_id", "name"):
        if key in written:
            settings[key] = values.text(report, place.key(key), written[key])
    if settings.get("name") and (not _NAME.fullmatch(settings["name"]) or settings["name"].startswith("sg-")):
        report.error(place.key("name"), f"{values.show(settings['name'])} is not the name of a security group")
    if "rules" in written:
        settings["rules"] = _number(report, place.key("rules"), written["rules"], 1000)
    references = written.get("references") or {}
    for text, reference in (
        values.mapping(report, place.key("references"), references, list(references)) or {}
    ).items():
        settings["references"][text] = _reference(report, place.key("references").key(text), reference)
    if "families" in written:
        settings["families"] = families(report, place.key("families"), written["families"])
    return settings


def _reference(report: ErrorReport, place: Place, value: Any) -> dict[str, Any]:
    """Return an id and its weight, the number of rules that AWS counts a prefix list as."""
    written = value if isinstance(value, Mapping) else {"id": value}
    known = values.mapping(report, place, written, ("id", "weight"), ("id",)) or {}
    text = known.get("id")
    if not isinstance(text, str) or not _ID.fullmatch(text):
        report.error(place, f"{values.show(text)} is not an id", "write that of a prefix list (pl-…) or a group (sg-…)")
    return {"id": str(text), "weight": _number(report, place.key("weight"), known.get("weight", 1), 1000)}


def _number(report: ErrorReport, place: Place, value: Any, maximum: int) -> int:
    if isinstance(value, int) and not isinstance(value, bool) and 0 < value <= maximum:
        return int(value)
    report.error(place, f"{values.show(value)} is not a number from 1 to {maximum}")
    return 1


def group_name(unit: Unit) -> str:
    """Return the name of the group, by default the unit's."""
    return str(unit.settings.get("name") or f"tidegate-{unit.name}")


def render(unit: Unit) -> RenderedFile:
    """Return the arguments of the module. Without openings rules_egress is empty, which closes everything."""
    rules, differences = security_group_rules(unit)
    data = {
        "name": group_name(unit),
        "description": DESCRIPTION,
        "vpc_id": unit.settings["vpc_id"],
        "rules_egress": [_module_rule(rule) for rule in rules],
    }
    return RenderedFile(yaml_text.dump(data, explicit_start=True), data, differences)


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
