# Copyright: (c) 2026, the tidegate developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The YAML that allows what would be rejected, for a person to review and paste."""

from __future__ import annotations

import datetime as dt
import re
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from ansible_collections.tidegate.nftables.plugins.plugin_utils.entry_yaml import (
    flow_list,
    flow_map,
    list_item,
    service_name,
)

from .diagnose import DNS_PORTS, Need

NTP = ("udp", 123)
_PACKAGES = ("apt", "dnf", "pip", "npm")
_CONTENT_NETWORK = 8
"""More addresses behind one name mean a content network, whose addresses change."""


def advise(
    rejected: Sequence[Need],
    tier: str,
    servers: Mapping[str, Sequence[str]],
    name_of: Callable[[Need], str] = lambda _need: "",
) -> str:
    """Return the variables as YAML; "" when nothing is rejected. They add to what is there, wherever they are pasted.

    So the list of entries has a topic of its own, and lists of servers begin with those that the policy has.

    Where names open, sources of packages become a bundle for each program that fetches them.

    servers: what egress_dns_servers and egress_ntp_servers are now. name_of: see diagnose.py.
    """
    bundles: dict[str, dict[str, Any]] = {}
    more: dict[str, list[str]] = {"egress_dns_servers": [], "egress_ntp_servers": []}
    entries: dict[str, dict[str, Any]] = {}
    for need in rejected:
        if variable := _server_variable(need):
            _extend(more[variable], need.addresses)
        elif (name := name_of(need)) and need.what in _PACKAGES:
            bundle = bundles.setdefault(
                need.what, {"names": [], "services": [], "read": dt.datetime.now(tz=dt.UTC).date()}
            )
            _extend(bundle["names"], [name])
            _extend(bundle["services"], [_service(need)])
        else:
            entry = _entry(need, name)
            known = entries.setdefault(entry["name"], entry)
            _extend(known["services"], entry["services"])
            _extend(known["to"], entry["to"])
    lines = [
        f"{variable}: {flow_list([*servers.get(variable, ()), *addresses])}  # in place of the list that is there"
        for variable, addresses in more.items()
        if addresses
    ]
    if bundles:
        lines.append("egress_known:  # beside the bundles that are there")
        lines += [f"  {what}-sources: {flow_map(bundle)}" for what, bundle in bundles.items()]
    for what in bundles:
        to, reason = [f"known:{what}-sources"], f"what {what} is configured to use"
        entries[what] = {"name": f"{what}-sources", "to": to, "reason": reason}
    if entries:
        lines += [f"egress_allow_{tier}_needs:", *(line for entry in entries.values() for line in list_item(entry))]
    return "".join(f"{line}\n" for line in lines)


def _extend(values: list[str], more: Sequence[str]) -> None:
    values += [value for value in more if value not in values]


def _server_variable(need: Need) -> str:
    """Return the variable of a server that the floor allows, "" for everything else."""
    if need.port in DNS_PORTS and need.what in ("resolv.conf", "systemd-resolved"):
        return "egress_dns_servers"
    return "egress_ntp_servers" if (need.protocol, need.port) == NTP else ""


def _service(need: Need) -> str:
    return service_name(f"{need.protocol}/{need.port}")


def _entry(need: Need, host: str) -> dict[str, Any]:
    """Return the entry for a need. host: its name, "" for its addresses."""
    name = re.sub(r"[^A-Za-z0-9_-]+", "-", f"{need.what}-{need.host}").strip("-")[:128]
    entry: dict[str, Any] = {"name": name, "to": [host] if host else list(need.addresses), "services": [_service(need)]}
    changing = ""
    if not host and len(need.addresses) > _CONTENT_NETWORK:
        changing = f", one of {len(need.addresses)} addresses that change; prefer a mirror or a proxy"
    named = f" of {need.host}" if need.host not in need.addresses else ""
    entry["reason"] = f"{need.what}{named}, {need.where}{changing}"
    return entry
