# Copyright: (c) 2026, the tidegate developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Reads variables that are not lists of entries: mode, networks, servers and other scalars."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from ansible_collections.tidegate.nftables.plugins.plugin_utils.policy.errors import ErrorReport, Place, variable
from ansible_collections.tidegate.nftables.plugins.plugin_utils.policy.model import (
    HOST_KINDS,
    MODES,
    Destination,
    Drift,
    MissingUsers,
    Mode,
)
from ansible_collections.tidegate.nftables.plugins.plugin_utils.policy.sets import addresses, datafiles, services
from ansible_collections.tidegate.nftables.plugins.plugin_utils.policy.sets.addresses import NOTHING, AddressSet

from . import (
    commit_confirm,
    containers,
    destinations,
    enforcement,
    name_settings,
    ntp_pool,
    proxy,
    root,
    sight,
    values,
)
from .context import Context

SSH = 22
MAX_REMOVED = 25
"""Percent of a host's destinations that one run may close, counted as in module_utils/nft/changes/removals.py."""
DRIFT: tuple[Drift, ...] = ("report", "repair")
MISSING_USERS: tuple[MissingUsers, ...] = ("skip", "error")
HOST_SERVERS = "auto"
"""In egress_dns_servers: the name servers that the host itself uses."""
_REQUIRABLE = ("reason", "owner", "review_by", "expires")


@dataclass(frozen=True)
class _Servers:
    """One list of servers. word: stands for servers that nobody can name. port: the fix for a port with an address."""

    variable: str
    word: str
    port: str


_DNS = _Servers("egress_dns_servers", HOST_SERVERS, "leave the port out: DNS goes to the ports 53 and 853")
_NTP = _Servers("egress_ntp_servers", ntp_pool.WORD, "leave the port out: NTP goes to port 123")


@dataclass(frozen=True, kw_only=True)
class HostSettings:
    """What holds for the whole host.

    mode, drift, missing_users, ansible_port, max_removed, commit_confirm, enforcement, root, container_interfaces,
    host_dns, floor, names, sight: as in ResolvedPolicy.
    internal: egress_internal_networks. dns, ntp: the named servers as destinations.
    ntp_pool: whether any server of the internet may be a time server. nat64: the translation prefix, empty for none.
    proxy: the proxies, and what of the host names them.
    """

    mode: Mode
    internal: AddressSet
    dns: tuple[Destination, ...]
    host_dns: bool
    ntp_pool: bool
    ntp: tuple[Destination, ...]
    missing_users: MissingUsers
    floor: tuple[str, ...]
    nat64: AddressSet
    ansible_port: int
    max_removed: int
    container_interfaces: tuple[str, ...]
    commit_confirm: commit_confirm.CommitConfirm
    enforcement: enforcement.Enforcement
    drift: Drift
    root: str
    sight: sight.Sight
    names: name_settings.NameSettings
    proxy: proxy.ProxySettings


def read_mode(report: ErrorReport, variables: Mapping[str, Any]) -> Mode | None:
    """Read egress_mode; observe where it is not set. None after an error."""
    if variables.get("egress_mode") is None:
        return "observe"
    return values.choice(report, variable("egress_mode"), variables["egress_mode"], MODES, "modes")


def require(report: ErrorReport, variables: Mapping[str, Any]) -> tuple[str, ...]:
    """Read egress_require: keys that every entry must have."""
    place, value = variable("egress_require"), variables.get("egress_require")
    if value is None or value == []:
        return ()
    elements = values.items(report, place, value) or []
    keys = [values.choice(report, element_place, item, _REQUIRABLE) for element_place, item in elements]
    return tuple(key for key in keys if key is not None)


def definitions(report: ErrorReport, variables: Mapping[str, Any]) -> Mapping[str, Sequence[str]]:
    """Return the catalogue with egress_services over it. A name that replaces a shipped one is a notice."""
    place, own = variable("egress_services"), variables.get("egress_services")
    shipped = services.catalogue()
    if own is None:
        return shipped
    if not isinstance(own, Mapping):
        report.error(place, "is not a mapping", "write NAME: [tcp/8000-8010]")
        return shipped
    defined: dict[str, Sequence[str]] = dict(shipped)
    for name, value in own.items():
        name_place = place.key(str(name))
        if not isinstance(name, str) or not services.NAME.fullmatch(name) or services.parse_literal(name) is not None:
            report.error(
                name_place, f"{values.show(name)} is not a name for a service", "use small letters, digits and -"
            )
            continue
        texts = tuple(str(item) for _place, item in values.items(report, name_place, value) or [])
        if shipped.get(name, texts) != texts:
            text = f"{name} is {', '.join(texts)} here, not {', '.join(shipped[name])}"
            report.notice("redefined_service", name_place, text)
        defined[name] = texts
    return defined


def check_definitions(context: Context, variables: Mapping[str, Any]) -> None:
    """Expand every service of the user's own once, so that an error in it is reported where it is written."""
    own = variables.get("egress_services")
    for name, value in own.items() if isinstance(own, Mapping) else ():
        if str(name) in context.definitions:
            context.services(variable("egress_services").key(str(name)), value)


def read(context: Context, variables: Mapping[str, Any], mode: Mode) -> HostSettings:
    """Read all settings; a value with an error counts as not set."""
    report = context.report
    _check_prefix_lists(report, variables)
    internal = _networks(context, variables, "egress_internal_networks")
    if mode == "enforce" and not internal:
        fix = "list your networks, such as [10.0.0.0/8]; the mode observe works without them"
        report.error(variable("egress_internal_networks"), "is needed to enforce", fix)
    dns, host_dns, floor = _servers(context, variables, _DNS), _has_word(variables, _DNS), _floor(report, variables)
    names = name_settings.read(context, variables, has_servers=bool(dns or host_dns) and "dns" in floor)
    return HostSettings(
        mode=mode,
        internal=internal,
        dns=dns,
        host_dns=host_dns,
        ntp_pool=_has_word(variables, _NTP),
        ntp=_servers(context, variables, _NTP),
        missing_users=_choice(report, variables, "egress_missing_users", MISSING_USERS),
        floor=floor,
        nat64=_nat64(report, variables),
        ansible_port=_ansible_port(report, variables),
        max_removed=_max_removed(report, variables),
        container_interfaces=containers.interfaces(report, variables),
        commit_confirm=commit_confirm.read(report, variables),
        enforcement=enforcement.read(report, variables),
        drift=_choice(report, variables, "egress_drift", DRIFT),
        root=root.read(report, variables),
        sight=sight.read(report, variables),
        names=names,
        proxy=proxy.read(context, variables, needed=names.by_proxy),
    )


def _check_prefix_lists(report: ErrorReport, variables: Mapping[str, Any]) -> None:
    """Report egress_prefix_lists that is not a mapping; the lists themselves are read by whoever fetches them."""
    lists = variables.get("egress_prefix_lists")
    if lists is not None and not isinstance(lists, Mapping):
        report.error(variable("egress_prefix_lists"), "is not a mapping", "write NAME: {…}")


def _choice(
    report: ErrorReport, variables: Mapping[str, Any], name: str, choices: tuple[values.Choice, ...]
) -> values.Choice:
    """Read a word; the first where the variable is not set or has an error."""
    value = variables.get(name)
    return choices[0] if value is None else values.choice(report, variable(name), value, choices) or choices[0]


def _networks(context: Context, variables: Mapping[str, Any], name: str) -> AddressSet:
    value = variables.get(name)
    if value is None or value == []:
        return NOTHING
    networks = (
        destinations.parse_all(context.report, context.inventory, variable(name), value, port="leave the port out")
        or ()
    )
    for network in networks:
        if network.kind != "literal":
            cause = f'"{network.text}" is not a network'
            context.report.error(network.place, cause, "write networks such as 10.0.0.0/8")
    return addresses.union(network.addresses for network in networks)


def _servers(context: Context, variables: Mapping[str, Any], kind: _Servers) -> tuple[Destination, ...]:
    value = variables.get(kind.variable)
    if value is None or value == []:
        return ()
    servers = (
        _server(context, place, item, kind)
        for place, item in values.items(context.report, variable(kind.variable), value) or []
    )
    return tuple(server for server in servers if server is not None)


def _server(context: Context, place: Place, item: Any, kind: _Servers) -> Destination | None:
    """Read one server. None for the word that stands for servers that nobody can name, and after an error."""
    if item == kind.word:
        return None
    for other in (_DNS, _NTP):
        if item == other.word:
            cause = f'"{item}" works only in {other.variable}'
            context.report.error(place, cause, "write the addresses of the servers")
            return None
    server = destinations.parse(context.report, context.inventory, place, item, port=kind.port)
    if server is None:
        return None
    if server.kind not in HOST_KINDS and server.addresses.size(4) + server.addresses.size(6) != 1:
        context.report.error(place, f'"{server.text}" is not a server', "write addresses, or hosts:PATTERN")
        return None
    return server


def _has_word(variables: Mapping[str, Any], kind: _Servers) -> bool:
    value = variables.get(kind.variable)
    return kind.word in (value if isinstance(value, list) else [value])


def _floor(report: ErrorReport, variables: Mapping[str, Any]) -> tuple[str, ...]:
    """Return the parts of the floor that this host has."""
    parts = datafiles.load("floor")
    removable = [name for name in parts if parts[name]["removable"]]
    place, value = variable("egress_floor_without"), variables.get("egress_floor_without")
    without: set[str] = set()
    for element_place, item in values.items(report, place, [] if value is None else value) or []:
        if isinstance(item, str) and item in parts and item not in removable:
            cause = f'"{item}" cannot be left out of the floor: it lets through {parts[item]["about"]}'
            report.error(element_place, cause, f"remove {item} from egress_floor_without")
            continue
        without.add(values.choice(report, element_place, item, removable) or "")
    return tuple(name for name in parts if name not in without)


def _max_removed(report: ErrorReport, variables: Mapping[str, Any]) -> int:
    """Read egress_max_removed, in percent; -e gives it as a text."""
    value = variables.get("egress_max_removed")
    if value is None:
        return MAX_REMOVED
    if not isinstance(value, bool) and isinstance(value, int | str):
        text = str(value).strip()
        if text.isascii() and text.isdigit() and int(text) <= 100:
            return int(text)
    cause = f"{values.show(value)} is not a percentage"
    report.error(
        variable("egress_max_removed"), cause, "write a whole number from 0 to 100; 100 switches the guard off"
    )
    return MAX_REMOVED


def _nat64(report: ErrorReport, variables: Mapping[str, Any]) -> AddressSet:
    """Read egress_nat64_prefix. Only /96: there an IPv4 network stays one IPv6 network (RFC 6052)."""
    place, value = variable("egress_nat64_prefix"), variables.get("egress_nat64_prefix")
    if value is None:
        return NOTHING
    text = values.text(report, place, value)
    if text is None:
        return NOTHING
    try:
        prefix = addresses.parse(text)
    except addresses.AddressError as error:
        report.error(place, error.cause, error.fix)
        return NOTHING
    if prefix.size(6) != 2**32 or prefix.v4 or "/" not in text:
        report.error(place, f'"{text}" is not an IPv6 prefix of length 96', 'write it as "64:ff9b::/96"')
        return NOTHING
    return prefix


def _ansible_port(report: ErrorReport, variables: Mapping[str, Any]) -> int:
    """Read the port of Ansible's connection; Ansible takes numbers and texts."""
    value = variables.get("ansible_port")
    if value is None:
        return SSH
    if not isinstance(value, bool) and str(value).isdigit() and 0 < int(value) < 65536:
        return int(value)
    report.error(variable("ansible_port"), f"{values.show(value)} is not a port", "write a number from 1 to 65535")
    return SSH
