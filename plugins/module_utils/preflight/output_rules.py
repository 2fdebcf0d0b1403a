# Copyright: (c) 2026, the tidegate developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The output rules that a host has, as their own programs write them, for a draft of a policy.

The rules in the kernel count. Files that are loaded at boot are read as well, for hosts where they are not loaded now.
"""

from __future__ import annotations

import json
from typing import Any, Dict, List, Tuple

from ansible_collections.tidegate.nftables.plugins.module_utils.nft import nf_tables
from ansible_collections.tidegate.nftables.plugins.module_utils.nft.command import find_nft
from ansible_collections.tidegate.nftables.plugins.module_utils.nft.errors import EngineError
from ansible_collections.tidegate.nftables.plugins.module_utils.table_names import TABLE

from . import foreign_tables, iptables
from .foreign_tables import ForeignTable
from .host_files import HostFiles
from .program import run_program

Source = Dict[str, Any]
"""Rules from one place: kind, where and what gather() says of each kind."""
Sources = Tuple[List[Source], List[str]]
"""Rules, and what could not be read with the reason."""

_SAVED = {
    "ip": ("/etc/iptables/rules.v4", "/etc/sysconfig/iptables", "/etc/iptables.rules"),
    "ip6": ("/etc/iptables/rules.v6", "/etc/sysconfig/ip6tables", "/etc/ip6tables.rules"),
}
_UFW = {"ip": "/etc/ufw/user.rules", "ip6": "/etc/ufw/user6.rules"}
_UFW_DEFAULTS = "/etc/default/ufw"
_DIRECT = "/etc/firewalld/direct.xml"
_NFTABLES = ("/etc/nftables.conf", "/etc/sysconfig/nftables.conf")


def gather(host: HostFiles) -> dict[str, Any]:
    """Return the rules.

    live, stored: lists of {kind, where, …}. kind "nft" has family, name and objects, as `nft -j list table` has them;
    kind "iptables" has family, text as iptables-save writes it, and tables, the names of those to read; kind "ufw" has
    family, text and policy; kind "direct" has text, firewalld's direct.xml. unread: what could not be read, and why.
    own: whether the role's table is loaded, which is in neither list.
    """
    live, live_unread = _live()
    live_iptables, iptables_unread = _live_iptables(host, live)
    stored, stored_unread = _stored(host)
    return {
        "live": [_nft_source(table) for table in live if not (table.unread or table.dormant or table.has_extension)]
        + live_iptables,
        "stored": stored,
        "unread": [*live_unread, *iptables_unread, *stored_unread],
        "own": _own_is_loaded(),
    }


def _own_is_loaded() -> bool:
    """Return whether the role's table is loaded; False where nf_tables does not say, which is in unread."""
    try:
        return TABLE in nf_tables.tables()
    except EngineError:
        return False


def _live() -> tuple[tuple[ForeignTable, ...], list[str]]:
    try:
        tables = foreign_tables.read_all(elements=True)
    except EngineError as error:
        return (), [] if error.reason == "nft_missing" else [f"tables of nft: {error.message}"]
    unread = [
        f"{_where(table)}: {table.unread or 'is dormant, so it does nothing'}"
        for table in tables
        if table.unread or table.dormant
    ]
    return tables, unread


def _live_iptables(host: HostFiles, tables: tuple[ForeignTable, ...]) -> Sources:
    """Return the rules of iptables: those in tables of nft that have an extension, and those of legacy iptables."""
    names: dict[str, list[str]] = {}
    for table in tables:
        if table.has_extension and not (table.unread or table.dormant):
            names.setdefault(table.family, []).append(table.name)
    rules_and_names = [(iptables.nft_rules(family), tables_of) for family, tables_of in names.items()]
    rules_and_names += [(rules, []) for rules in iptables.legacy_rules(host)]
    sources: list[Source] = []
    unread: list[str] = []
    for rules, tables_of in rules_and_names:
        where = f"iptables ({rules.backend}, {rules.family})"
        if rules.unread:
            unread.append(f"{where}: {rules.unread}")
        else:
            sources.append(_iptables_source(where, rules.family, rules.text, tables_of))
    return sources, unread


def _stored(host: HostFiles) -> Sources:
    sources = [
        _iptables_source(path, family, text, [])
        for family, paths in _SAVED.items()
        for path, text in host.texts(*paths)
    ]
    policy = _ufw_policy(host)
    sources += [
        {"kind": "ufw", "where": path, "family": family, "text": host.text(path), "policy": policy}
        for family, path in _UFW.items()
        if host.exists(path)
    ]
    if host.exists(_DIRECT):
        sources.append({"kind": "direct", "where": _DIRECT, "text": host.text(_DIRECT)})
    unread: list[str] = []
    for path in host.files(*_NFTABLES):
        tables, reason = _load_elsewhere(path, str(host.at(path)))
        sources += tables
        unread += [f"{path}: {reason}"] if reason else []
    return sources, unread


def _ufw_policy(host: HostFiles) -> str:
    for line in host.text(_UFW_DEFAULTS).split("\n"):
        if line.startswith("DEFAULT_OUTPUT_POLICY="):
            return line.partition("=")[2].strip("\"' ")
    return "ACCEPT"


def _load_elsewhere(where: str, path: str) -> tuple[list[Source], str]:
    """Return the tables that a file of nft loads, or why it does not load.

    nft itself loads it, in an empty network namespace that ends with the program.
    """
    try:
        nft = find_nft()
    except EngineError as error:
        return [], error.message
    output = run_program(["unshare", "--net", "sh", "-c", '"$0" -f "$1" && "$0" -j list ruleset', nft, path])
    if output.code != 0:
        return [], f"does not load in an empty network namespace: {output.err.strip()[:200] or 'unshare is missing'}"
    try:
        objects = list(json.loads(output.out)["nftables"])
    except (ValueError, KeyError):
        return [], "nft's JSON of it is not valid"
    tables = [item["table"] for item in objects if "table" in item]
    return [
        _nft_source(ForeignTable(table["family"], table["name"], _objects_of(objects, table)), where)
        for table in tables
    ], ""


def _objects_of(objects: list[dict[str, Any]], table: dict[str, Any]) -> tuple[dict[str, Any], ...]:
    """Return the objects that belong to one table."""
    key = (table["family"], table["name"])
    kinds = [(next(iter(item)), item) for item in objects if item]
    return tuple(item for kind, item in kinds if (item[kind].get("family"), item[kind].get("table")) == key)


def _where(table: ForeignTable) -> str:
    return f"table {table.family} {table.name}"


def _nft_source(table: ForeignTable, where: str = "") -> Source:
    return {
        "kind": "nft",
        "where": where or _where(table),
        "family": table.family,
        "name": table.name,
        "objects": list(table.objects),
    }


def _iptables_source(where: str, family: str, text: str, tables: list[str]) -> Source:
    return {"kind": "iptables", "where": where, "family": family, "text": text, "tables": tables}
