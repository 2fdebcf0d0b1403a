# Copyright: (c) 2026, the tidegate developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""One destination for some hours: an entry as any other in what it may open, and then a few elements on the host."""

from __future__ import annotations

import datetime as dt
import json
import re
from collections.abc import Mapping, Sequence
from typing import Any

import yaml

from ansible_collections.tidegate.nftables.plugins.module_utils.table_names import PORTED_PROTOCOLS
from ansible_collections.tidegate.nftables.plugins.plugin_utils import policy
from ansible_collections.tidegate.nftables.plugins.plugin_utils.errors import ControllerError
from ansible_collections.tidegate.nftables.plugins.plugin_utils.policy.sets import addresses
from ansible_collections.tidegate.nftables.plugins.plugin_utils.policy.sets.services import PORT_PROTOCOLS

VARIABLE = "egress_allow_tidegate_once"
"""The list that the entry is in for the moment; it is nobody's topic."""
MOST = 64
"""Addresses times ports."""
_PROTOCOLS = {PORT_PROTOCOLS[name]: name for name in PORTED_PROTOCOLS}

Entry = dict[str, Any]


class OnceError(ControllerError):
    """A destination that cannot be allowed for a time; the message says why and what to write."""

    reason = "bad_temporary_allow"


def entry(given: Mapping[str, Any], who: str, now: dt.datetime) -> Entry:
    """Return the entry as group_vars would have it. given: to, services, hours, reason and perhaps name."""
    if not given["to"] or not given["services"]:
        raise OnceError("name a destination and a service")
    name = given.get("name") or "once-" + re.sub(r"[^a-z0-9]+", "-", str(given["to"][0]).lower()).strip("-")
    ends = (now + dt.timedelta(hours=given["hours"])).date()
    return {
        "name": name,
        "to": list(given["to"]),
        "services": list(given["services"]),
        "reason": given["reason"],
        "owner": who,
        "expires": ends.isoformat(),
    }


def flows(resolved: policy.ResolvedPolicy, name: str) -> list[dict[str, Any]]:
    """Return what the entry opens, as the module egress_guard takes it. Raises OnceError."""
    found = next((one for one in resolved.entries if one.name == name), None)
    if found is None:
        raise OnceError(f'"{name}" opens nothing on this host')
    opened = [
        policy.Flow(to, protocol, port)
        for grant in found.grants
        for to in _addresses(grant.addresses)
        for protocol, port in _ports(grant.services.protocols())
    ]
    if len(opened) > MOST:
        raise OnceError(f"that is {len(opened)} combinations of addresses and ports, more than {MOST}: name fewer")
    for flow in opened:
        if policy.decide(resolved, flow).cause == "never":
            raise OnceError(f"egress_never refuses {flow.address} {flow.protocol}/{flow.port} to everybody")
    return [{"to": flow.address, "protocol": flow.protocol, "port": flow.port} for flow in opened]


def lasting(made: Entry) -> str:
    """Return the YAML that makes it lasting."""
    kept = {key: value for key, value in made.items() if key != "expires"}
    # Ansible's texts know where they come from, which YAML does not know how to write.
    plain = json.loads(json.dumps([kept]))
    return yaml.safe_dump(plain, sort_keys=False, allow_unicode=True)


def _addresses(found: addresses.AddressSet) -> list[str]:
    if found.size(4) + found.size(6) > MOST:
        raise OnceError(f"a network is no destination for some hours: name up to {MOST} addresses")
    return [
        addresses.to_text(version, address)
        for version in (4, 6)
        for start, end in found.family(version)
        for address in range(start, end + 1)
    ]


def _ports(protocols: Mapping[int, Sequence[tuple[int, int]]]) -> list[tuple[str, int]]:
    found = []
    for number, ranges in protocols.items():
        if number not in _PROTOCOLS:
            raise OnceError(f"only ports of {', '.join(PORTED_PROTOCOLS)} can be opened for some hours")
        for start, end in ranges:
            if end - start >= MOST:
                raise OnceError(f"a service of {end - start + 1} ports is too much for some hours: name single ports")
            found += [(_PROTOCOLS[number], port) for port in range(max(start, 1), end + 1)]
    return found
