# Copyright: (c) 2026, the tidegate developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""`egress_names: proxy`: where the proxies are, what of a host is told about them, and what goes around them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from ansible_collections.tidegate.nftables.plugins.module_utils import domain_names
from ansible_collections.tidegate.nftables.plugins.plugin_utils.policy.errors import variable
from ansible_collections.tidegate.nftables.plugins.plugin_utils.policy.model import HOST_KINDS, Destination, Entry
from ansible_collections.tidegate.nftables.plugins.plugin_utils.policy.sets import services

from . import destinations, names, values
from .context import Context

PORT = 3128
KINDS = ("login", "systemd", "apt", "dnf", "pip", "git")
"""Whose configuration names the proxy where egress_proxy_for asks for it; module_utils/proxy/clients.py writes it."""
_SERVERS = "egress_proxies"
_ENTRY = "egress-proxy"


@dataclass(frozen=True)
class ProxySettings:
    """servers: the proxies, the first to be asked first. port: TCP. configured: KINDS. direct: patterns of names."""

    servers: tuple[Destination, ...] = ()
    port: int = PORT
    configured: tuple[str, ...] = ()
    direct: tuple[str, ...] = ()


def read(context: Context, variables: Mapping[str, Any], *, needed: bool) -> ProxySettings:
    """Read egress_proxies and egress_proxy_*. needed: whether the host's names go through a proxy."""
    settings = ProxySettings(
        servers=_servers(context, variables.get(_SERVERS)),
        port=read_port(context, variables),
        configured=_configured(context, variables.get("egress_proxy_for")),
        direct=_direct(context, variables.get("egress_proxy_direct")),
    )
    if needed and not settings.servers and not variables.get(_SERVERS):
        fix = f"set {_SERVERS}, such as [hosts:proxy]"
        context.report.error(variable("egress_names"), "proxy needs to know where the proxies are", fix)
    return settings


def entry(settings: ProxySettings) -> Entry:
    """Return what opens the proxies to a host. egress_never applies to it."""
    text = f"tcp/{settings.port}"
    return Entry(
        name=_ENTRY,
        kind="floor",
        place=variable(_SERVERS),
        to=settings.servers,
        services=services.parse_literal(text) or services.NONE,
        service_texts=(text,),
        raw=("floor", _ENTRY),
    )


def read_port(context: Context, variables: Mapping[str, Any]) -> int:
    """Read egress_proxy_port."""
    value = variables.get("egress_proxy_port")
    if value is None:
        return PORT
    if not isinstance(value, bool) and str(value).isascii() and str(value).isdigit() and 0 < int(value) < 65536:
        return int(value)
    cause = f"{values.show(value)} is not a port"
    context.report.error(variable("egress_proxy_port"), cause, "write a number from 1 to 65535")
    return PORT


def _servers(context: Context, value: Any) -> tuple[Destination, ...]:
    if value is None or value == []:
        return ()
    port = "the port in egress_proxy_port"
    read = destinations.parse_all(context.report, context.inventory, variable(_SERVERS), value, port=port) or ()
    for server in read:
        if server.kind not in HOST_KINDS and server.addresses.size(4) + server.addresses.size(6) != 1:
            context.report.error(server.place, f'"{server.text}" is not a proxy', "write addresses, or hosts:PATTERN")
    return read


def _configured(context: Context, value: Any) -> tuple[str, ...]:
    place = variable("egress_proxy_for")
    elements = values.items(context.report, place, [] if value is None else value) or []
    kinds = {values.choice(context.report, element_place, item, KINDS) for element_place, item in elements}
    return tuple(kind for kind in KINDS if kind in kinds)


def _direct(context: Context, value: Any) -> tuple[str, ...]:
    """Read names that programs connect to themselves. no_proxy has one meaning of a name: itself and all below."""
    place = variable("egress_proxy_direct")
    elements = values.items(context.report, place, [] if value is None else value) or []
    patterns = set()
    for element_place, item in elements:
        text = values.text(context.report, element_place, item)
        pattern = names.pattern(context.report, element_place, text) if text is not None else None
        if pattern is not None and pattern.kind != domain_names.BOTH:
            cause = f"{values.show(text)}: no_proxy takes a name with all names below it"
            context.report.error(element_place, cause, f"write .{pattern.name}")
        elif pattern is not None:
            patterns.add(str(pattern))
    return tuple(sorted(patterns))
