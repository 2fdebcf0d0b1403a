# Copyright: (c) 2026, the tidegate developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The whole configuration of a Squid that opens names to the hosts of a fleet.

A request is judged once, by http_access, and the judgement is a note. A CONNECT that is denied there would be answered
with 200 and a certificate that nobody trusts, since Squid has errors on a port with ssl-bump speak TLS. So a rejected
CONNECT passes http_access with its note, no TLS is begun, and miss_access answers 403. What has no note passes neither
miss_access nor never_direct.
"""

from __future__ import annotations

import hashlib
import html
import re
from collections.abc import Iterable
from dataclasses import dataclass, field

from ansible_collections.tidegate.nftables.plugins.plugin_utils.policy.resolved import ResolvedPolicy
from ansible_collections.tidegate.nftables.plugins.plugin_utils.policy.sets import addresses
from ansible_collections.tidegate.nftables.plugins.plugin_utils.policy.sets.addresses import NOTHING, AddressSet
from ansible_collections.tidegate.nftables.plugins.plugin_utils.targets.model import Opening

from .squid import MAPPED, AclTypes, acl, name_acls, ports_acl
from .through_proxy import bound, by_name

WORKERS = 2
CONNECTIONS = 4096
"""Connections that each worker takes of one client at a time: it may open 65,536 files (LimitNOFILE), two for each."""
DECISION, ENTRY = "tidegate", "tidegate_entry"
"""The notes on a request."""
_SERVER_NAMES: AclTypes = ("sni", "ssl::server_name", "sni_below", "ssl::server_name_regex -i")
"""Of the name in a ClientHello; one without any has that of its CONNECT."""
_UNRESOLVED = addresses.interval(6, 2**128 - 1, 2**128 - 1)
"""What Squid takes for the address of a name that has none. Who asks for it should read that, and not a rejection."""
_LOG = {
    "time": "%ts.%03tu",
    "client": '"%>a"',
    "method": '"%#rm"',
    "name": '"%#>rd"',
    "port": '"%>rP"',
    "sni": '"%#ssl::>sni"',
    "decision": f'"%#{{{DECISION}}}note"',
    "entry": f'"%#{{{ENTRY}}}note"',
    "result": '"%Ss"',
    "status": '"%03>Hs"',
    "tls": '"%ssl::bump_mode"',
    "peer": '"%<a"',
    "bytes": "%<st",
}
"""One JSON object a line; # writes as %XX what a client chose."""
_BEGIN = """\
# The proxy of a fleet. Generated from the policies of its clients: edits are overwritten.
# One worker alone closes its port while it reads another configuration.
workers {workers}
http_port {port} ssl-bump cert={folder}/unused.pem generate-host-certificates=off
visible_hostname {host}
error_directory {folder}/errors
logformat tidegate {log}
acl is_request has request
access_log stdio:{logs}/access.log logformat=tidegate is_request
cache_log {logs}/cache.log
logfile_rotate 0
pid_filename {run}/squid.pid
coredump_dir {run}
cache deny all
client_ip_max_connections {connections}
forwarded_for delete
pinger_enable off
shutdown_lifetime 1 seconds

acl is_connect method CONNECT
acl at_begin at_step SslBump1
acl is_open note {decision} allowed would_reject
acl is_observed note {decision} would_reject
acl say_observed annotate_transaction {decision}=would_reject
acl say_rejected annotate_transaction {decision}=rejected

# What Squid knows, such as the requests of other clients, it tells by names of its own, which an entry may cover.
acl is_own_page urlpath_regex ^/squid-internal-
http_access deny manager say_rejected
http_access deny is_own_page say_rejected
"""
_AFTER_ENTRIES = """
# A CONNECT that nothing above allows is answered by miss_access.
http_access allow is_connect say_rejected
http_access deny all say_rejected
ssl_bump splice !is_open
ssl_bump peek at_begin
"""
_END = """\
ssl_bump splice is_observed
ssl_bump terminate all
miss_access allow is_open
miss_access deny all
never_direct allow !is_open
"""


@dataclass(frozen=True)
class Client:
    """A host whose names go through the proxy. own: its addresses."""

    host: str
    resolved: ResolvedPolicy
    own: AddressSet


@dataclass(frozen=True)
class Place:
    """Where the proxy has what on its host. host: its name."""

    host: str
    port: int
    folder: str = "/etc/tidegate/proxy"
    logs: str = "/var/log/tidegate-proxy"
    run: str = "/run/tidegate-proxy"


@dataclass
class _Group:
    """Clients that mean the same."""

    rules: _Rules
    own: AddressSet = NOTHING
    hosts: list[str] = field(default_factory=list)


@dataclass(frozen=True)
class _Rules:
    """access: lines about requests. tls: lines about the server's name inside. acls: lines by ACL, of refused sets."""

    name: str
    access: tuple[str, ...]
    tls: tuple[str, ...]
    shared: tuple[tuple[str, tuple[str, ...]], ...]


def configuration(place: Place, clients: Iterable[Client]) -> str:
    """Return squid.conf. Raise PolicyErrors for what a proxy cannot say of a client's policy."""
    groups = _groups(clients)
    shared = dict(pair for group in groups for pair in group.rules.shared)
    log = "{" + ",".join(f'"{key}":{code}' for key, code in _LOG.items()) + "}"
    named = {**vars(place), "host": _host(place.host)}
    lines = [_BEGIN.format(**named, log=log, decision=DECISION, workers=WORKERS, connections=CONNECTIONS)]
    lines += (line for name in sorted(shared) for line in shared[name])
    for group in groups:
        lines += [
            f"\n# {', '.join(map(_host, group.hosts))}",
            *acl(group.rules.name, "src", group.own),
            *group.rules.access,
        ]
    lines.append(_AFTER_ENTRIES)
    lines += (line for group in groups for line in group.rules.tls)
    return "\n".join([*lines, _END])


def _host(name: str) -> str:
    """Return the name of a host of the inventory as Squid takes it: an inventory from a cloud has what tags say."""
    return re.sub(r"[^A-Za-z0-9._-]+", "-", name)


def pages(contact: str) -> dict[str, str]:
    """Return the text of each error that says no. contact: whom to ask, "" for nobody."""
    asked = html.escape(contact).replace("%", "%%")
    text = f"The egress policy does not open %H to %i.{f' Ask {asked}.' if contact else ''}\n"
    return {"ERR_ACCESS_DENIED": text, "ERR_FORWARDING_DENIED": text}


def _groups(clients: Iterable[Client]) -> list[_Group]:
    groups: dict[str, _Group] = {}
    built: dict[int, _Rules] = {}
    for client in sorted(clients, key=lambda client: client.host):
        rules = built.setdefault(id(client.resolved), _rules(client.resolved))
        group = groups.setdefault(rules.name, _Group(rules))
        group.own |= client.own
        group.hosts.append(client.host)
    return [groups[name] for name in sorted(groups) if groups[name].own]


def _rules(resolved: ResolvedPolicy) -> _Rules:
    """Return the rules of a policy. Their name is of what they say, so that it is the same in every run."""
    openings = by_name(resolved).openings
    digest = _digest([resolved.mode, *(_meaning(resolved, opening) for opening in openings)])
    unit = f"{resolved.tier[:24]}_{digest}"
    access: list[str] = []
    tls: list[str] = []
    shared: dict[str, tuple[str, ...]] = {}
    for number, opening in enumerate(openings, start=1):
        refused, lines = _refused(bound(resolved, opening))
        shared[refused] = lines
        more_access, more_tls = _opening(unit, f"{unit}_{number}", opening, refused)
        access += more_access
        tls += more_tls
    if resolved.mode == "observe":
        refused, lines = _refused(resolved.internet)
        shared[refused] = lines
        access.append(f"http_access allow {unit} !{refused} say_observed")
        tls.append(f"ssl_bump splice {unit} say_observed")
    return _Rules(unit, tuple(access), tuple(tls), tuple(shared.items()))


def _meaning(resolved: ResolvedPolicy, opening: Opening) -> str:
    return f"{opening.entry} {opening.names} {opening.services} {bound(resolved, opening)}"


def _digest(parts: Iterable[str]) -> str:
    return hashlib.sha256("\n".join(parts).encode()).hexdigest()[:8]


def _refused(reached: AddressSet) -> tuple[str, tuple[str, ...]]:
    """Return an ACL of every destination that a name may not lead to. `dst` holds if one address of a name is in it."""
    beyond = addresses.EVERYTHING - reached - _UNRESOLVED - MAPPED
    # Networks where a range would begin with ::, which Squid takes for one around all of IPv4.
    first = AddressSet(v6=tuple(pair for pair in beyond.v6 if pair[0] == 0))
    ranges = [
        f"{addresses.to_text(version, start)}-{addresses.to_text(version, end)}"
        for version, pairs in ((4, beyond.v4), (6, (beyond - first).v6))
        for start, end in pairs
    ]
    ranges += first.cidrs()
    name = f"beyond_{_digest(ranges)}"
    return name, tuple(f"acl {name} dst {text}" for text in ranges)


def _opening(unit: str, name: str, opening: Opening, refused: str) -> tuple[list[str], list[str]]:
    """Return the lines of an entry about requests, and about the names inside of TLS."""
    ports = ports_acl(f"{name}_port", opening.services)
    if not ports:
        return [], []
    access = [
        f"# {opening.entry}",
        *ports,
        f"acl {name}_say annotate_transaction {DECISION}=allowed {ENTRY}={opening.entry}",
        f"acl {name}_said note {ENTRY} {opening.entry}",
    ]
    for acl_name, lines in name_acls(name, opening.names).items():
        access += [*lines, f"http_access allow {unit} {acl_name} {name}_port !{refused} {name}_say"]
    tls = []
    for acl_name, lines in name_acls(name, opening.names, _SERVER_NAMES).items():
        tls += [*lines, f"ssl_bump splice {unit} {name}_said {acl_name}"]
    return access, tls
