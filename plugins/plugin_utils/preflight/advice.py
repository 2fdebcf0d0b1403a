# Copyright: (c) 2026, the tidegate developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The YAML that lets through what would be refused, for a person to paste and to think about."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Any

import yaml

from ansible_collections.tidegate.nftables.plugins.plugin_utils.policy.sets import services

from .diagnose import DNS_PORTS, Need

NTP = ("udp", 123)
_MANY = 8
"""Beyond so many addresses behind one name it is a content network, whose addresses change."""


def advise(refused: Sequence[Need], topic: str) -> str:
    """Return the variables as YAML; "" when nothing is refused. topic: of the list egress_allow_<topic>."""
    servers: dict[str, list[str]] = {"egress_dns_servers": [], "egress_ntp_servers": []}
    entries: dict[str, dict[str, Any]] = {}
    for need in refused:
        variable = _floor(need)
        if variable:
            servers[variable] += [one for one in need.addresses if one not in servers[variable]]
        else:
            entry = _entry(need)
            known = entries.setdefault(entry["name"], entry)
            known["services"] += [one for one in entry["services"] if one not in known["services"]]
            known["to"] += [one for one in entry["to"] if one not in known["to"]]
    found: list[str] = []
    for variable, addresses in servers.items():
        if addresses:
            found.append(f"{variable}: {_flow(addresses)}  # beside those that are there\n")
    if entries:
        found.append(f"egress_allow_{topic}:\n" + "".join(_item(entry) for entry in entries.values()))
    return "".join(found)


def _floor(need: Need) -> str:
    """The variable of a named server of the floor, "" for everything else."""
    if need.port in DNS_PORTS and need.what in ("resolv.conf", "systemd-resolved"):
        return "egress_dns_servers"
    return "egress_ntp_servers" if (need.protocol, need.port) == NTP else ""


def _entry(need: Need) -> dict[str, Any]:
    name = re.sub(r"[^A-Za-z0-9_-]+", "-", f"{need.what}-{need.host}").strip("-")[:128]
    entry: dict[str, Any] = {"name": name, "to": list(need.addresses), "services": [service(need.protocol, need.port)]}
    many = f", one of {len(need.addresses)} addresses that change: better a mirror or proxy" if _changes(need) else ""
    named = f" of {need.host}" if need.host not in need.addresses else ""
    entry["reason"] = f"{need.what}{named}, {need.where}{many}"
    return entry


def _changes(need: Need) -> bool:
    return len(need.addresses) > _MANY


def service(protocol: str, port: int) -> str:
    """Return the catalogue's name of one port when it has one, else protocol/port."""
    text = f"{protocol}/{port}"
    return next((name for name, texts in services.catalogue().items() if texts == (text,)), text)


def _item(entry: dict[str, Any]) -> str:
    lines = yaml.safe_dump(entry, sort_keys=False, default_flow_style=None, width=1000, allow_unicode=True).splitlines()
    return f"  - {lines[0]}\n" + "".join(f"    {line}\n" for line in lines[1:])


def _flow(values: list[str]) -> str:
    return yaml.safe_dump(values, default_flow_style=True, width=1000).strip()
