# Copyright: (c) 2026, the tidegate developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Reads what is not an entry: mode, networks, servers and other scalars."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from ansible_collections.tidegate.nftables.plugins.plugin_utils.policy.errors import ErrorReport, variable
from ansible_collections.tidegate.nftables.plugins.plugin_utils.policy.model import (
    HOST_KINDS,
    MODES,
    Destination,
    Entry,
)
from ansible_collections.tidegate.nftables.plugins.plugin_utils.policy.sets import addresses, datafiles, services
from ansible_collections.tidegate.nftables.plugins.plugin_utils.policy.sets.addresses import NOTHING, AddressSet

from . import commit_confirm, containers, destinations, enforcement, ntp_pool, root, values
from .context import Context

SSH = 22
DRIFT = ("report", "repair")
MAX_REMOVED = 25
"""Percent of a host's destinations that one run may close, counted as in module_utils/nft/changes/removals.py."""
# The words that stand for servers which nobody can name here.
_SERVER_WORDS = {"egress_dns_servers": "auto", "egress_ntp_servers": ntp_pool.WORD}
_REQUIRABLE = tuple(key for key in Entry.__dataclass_fields__ if key in ("reason", "owner", "review_by", "expires"))


@dataclass(frozen=True)
class HostSettings:
    """What holds for the whole host. nat64: the translation prefix, empty when there is none.

    ntp_pool: whether any server of the internet may tell the time daemon the time.
    host_dns: whether the name servers that the host itself uses are servers, too.
    """

    mode: str
    internal: AddressSet
    dns: tuple[Destination, ...]
    host_dns: bool
    ntp_pool: bool
    ntp: tuple[Destination, ...]
    missing_users: str
    floor: tuple[str, ...]
    nat64: AddressSet
    ansible_port: int
    max_removed: int
    container_interfaces: tuple[str, ...]
    commit_confirm: commit_confirm.CommitConfirm
    enforcement: enforcement.Enforcement
    drift: str
    root: str


def read_mode(report: ErrorReport, variables: Mapping[str, Any]) -> str | None:
    """egress_mode; observe where it is not said."""
    if variables.get("egress_mode") is None:
        return "observe"
    return values.choice(report, variable("egress_mode"), variables["egress_mode"], MODES, "modes")


def require(report: ErrorReport, variables: Mapping[str, Any]) -> tuple[str, ...]:
    """egress_require: keys that every entry must have."""
    place, value = variable("egress_require"), variables.get("egress_require")
    if value is None or value == []:
        return ()
    found = [values.choice(report, at, item, _REQUIRABLE) for at, item in values.items(report, place, value) or []]
    return tuple(one for one in found if one is not None)


def definitions(report: ErrorReport, variables: Mapping[str, Any]) -> Mapping[str, Sequence[str]]:
    """The catalogue with egress_services over it. A name of the user's own wins over a shipped one, with a notice."""
    place, own = variable("egress_services"), variables.get("egress_services")
    shipped = services.catalogue()
    if own is None:
        return shipped
    if not isinstance(own, Mapping):
        report.error(place, "is no mapping", "write NAME: [tcp/8000-8010]")
        return shipped
    found: dict[str, Sequence[str]] = dict(shipped)
    for name, value in own.items():
        at = place.key(str(name))
        if not isinstance(name, str) or not services.NAME.fullmatch(name) or services.parse_literal(name) is not None:
            report.error(at, f"{values.show(name)} is no service name", "use small letters, digits and -")
            continue
        texts = tuple(str(item) for _at, item in values.items(report, at, value) or [])
        if shipped.get(name, texts) != texts:
            report.notice("redefined_service", at, f"{name} is {', '.join(texts)} here, not {', '.join(shipped[name])}")
        found[name] = texts
    return found


def check_definitions(context: Context, variables: Mapping[str, Any]) -> None:
    """Expand every service of the user's own once, so that a mistake in it is found where it is written."""
    own = variables.get("egress_services")
    for name, value in own.items() if isinstance(own, Mapping) else ():
        if str(name) in context.definitions:
            context.services(variable("egress_services").key(str(name)), value)


def read(context: Context, variables: Mapping[str, Any], mode: str) -> HostSettings:
    """All settings; what is wrong is reported and stands as if it were not set."""
    _check_unsupported(context.report, variables)
    internal = _networks(context, variables, "egress_internal_networks")
    if mode == "enforce" and not internal:
        fix = "name your networks, such as [10.0.0.0/8]; observe does without"
        context.report.error(variable("egress_internal_networks"), "is needed to enforce", fix)
    return HostSettings(
        mode=mode,
        internal=internal,
        dns=_servers(context, variables, "egress_dns_servers"),
        host_dns="auto" in _listed(variables.get("egress_dns_servers")),
        ntp_pool=ntp_pool.WORD in _listed(variables.get("egress_ntp_servers")),
        ntp=_servers(context, variables, "egress_ntp_servers"),
        missing_users=_missing_users(context.report, variables),
        floor=_floor(context.report, variables),
        nat64=_nat64(context.report, variables),
        ansible_port=_ansible_port(context.report, variables),
        max_removed=_max_removed(context.report, variables),
        container_interfaces=containers.interfaces(context.report, variables),
        commit_confirm=commit_confirm.read(context.report, variables),
        enforcement=enforcement.read(context.report, variables),
        drift=_drift(context.report, variables),
        root=root.read(context.report, variables),
    )


def _check_unsupported(report: ErrorReport, variables: Mapping[str, Any]) -> None:
    """What has its place in the vocabulary, but would be ignored by this release, is refused."""
    lists = variables.get("egress_prefix_lists")
    if lists is not None and not isinstance(lists, Mapping):
        report.error(variable("egress_prefix_lists"), "is no mapping", "write NAME: {…}")


def _networks(context: Context, variables: Mapping[str, Any], name: str) -> AddressSet:
    value = variables.get(name)
    if value is None or value == []:
        return NOTHING
    found = destinations.parse_all(context.report, context.inventory, variable(name), value) or ()
    for one in found:
        if one.kind != "literal":
            context.report.error(one.place, f'"{one.text}" is no network', "write networks such as 10.0.0.0/8")
    return addresses.union(one.addresses for one in found)


def _servers(context: Context, variables: Mapping[str, Any], name: str) -> tuple[Destination, ...]:
    value = variables.get(name)
    if value is None or value == []:
        return ()
    found = []
    for at, item in values.items(context.report, variable(name), value) or []:
        if item == _SERVER_WORDS[name]:
            continue
        if item in ("auto", "pool"):
            context.report.error(at, f'"{item}" is not supported by this release', "write the servers' addresses")
            continue
        one = destinations.parse(context.report, context.inventory, at, item)
        if one is not None and one.kind not in HOST_KINDS and one.addresses.size(4) + one.addresses.size(6) != 1:
            context.report.error(at, f'"{one.text}" is no server', "write addresses or hosts:PATTERN")
        elif one is not None:
            found.append(one)
    return tuple(found)


def _listed(value: Any) -> list[Any]:
    return value if isinstance(value, list) else [value]


def _drift(report: ErrorReport, variables: Mapping[str, Any]) -> str:
    value = variables.get("egress_drift")
    if value is None:
        return DRIFT[0]
    return values.choice(report, variable("egress_drift"), value, DRIFT) or DRIFT[0]


def _missing_users(report: ErrorReport, variables: Mapping[str, Any]) -> str:
    value = variables.get("egress_missing_users")
    if value is None:
        return "skip"
    return values.choice(report, variable("egress_missing_users"), value, ("skip", "error")) or "skip"


def _floor(report: ErrorReport, variables: Mapping[str, Any]) -> tuple[str, ...]:
    """The parts of the floor that this host has."""
    parts = datafiles.load("floor")
    place, value = variable("egress_floor_without"), variables.get("egress_floor_without")
    without: set[str] = set()
    for at, item in values.items(report, place, [] if value is None else value) or []:
        if isinstance(item, str) and item in parts and not parts[item]["removable"]:
            report.error(at, f'the floor cannot be without "{item}": {parts[item]["about"]}', "take it out of the list")
            continue
        without.add(values.choice(report, at, item, [name for name in parts if parts[name]["removable"]]) or "")
    return tuple(name for name in parts if name not in without)


def _max_removed(report: ErrorReport, variables: Mapping[str, Any]) -> int:
    """egress_max_removed, in percent; -e gives it as a text."""
    value = variables.get("egress_max_removed")
    if value is None:
        return MAX_REMOVED
    if not isinstance(value, bool) and isinstance(value, int | str):
        text = str(value).strip()
        if text.isascii() and text.isdigit() and int(text) <= 100:
            return int(text)
    fix = "write whole percent from 0 to 100; 100 switches the guard off"
    report.error(variable("egress_max_removed"), f"{values.show(value)} is no share", fix)
    return MAX_REMOVED


def _nat64(report: ErrorReport, variables: Mapping[str, Any]) -> AddressSet:
    """egress_nat64_prefix. Only /96: there an IPv4 network stays one IPv6 network (RFC 6052)."""
    place, value = variable("egress_nat64_prefix"), variables.get("egress_nat64_prefix")
    if value is None:
        return NOTHING
    text = values.text(report, place, value)
    if text is None:
        return NOTHING
    try:
        prefix = addresses.parse(text)
    except addresses.AddressError as error:
        report.error(place, str(error))
        return NOTHING
    if prefix.size(6) != 2**32 or prefix.v4 or "/" not in text:
        report.error(place, f'"{text}" is no IPv6 prefix of length 96', 'write it as "64:ff9b::/96"')
        return NOTHING
    return prefix


def _ansible_port(report: ErrorReport, variables: Mapping[str, Any]) -> int:
    """The port of the connection that Ansible uses; Ansible takes numbers and texts."""
    value = variables.get("ansible_port")
    if value is None:
        return SSH
    if not isinstance(value, bool) and str(value).isdigit() and 0 < int(value) < 65536:
        return int(value)
    report.error(variable("ansible_port"), f"{values.show(value)} is no port")
    return SSH
