# Copyright: (c) 2026, the tidegate developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The output rules that a host has, as their own programs say them, for a draft of a policy.

What the kernel holds counts. Files that are loaded at boot are read as well, for hosts where they are not loaded now.
"""

from __future__ import annotations

import json
from typing import Any

from ansible_collections.tidegate.nftables.plugins.module_utils.nft.command import find_nft
from ansible_collections.tidegate.nftables.plugins.module_utils.nft.errors import EngineError

from . import tables, xtables
from .host import Host, say

_SAVED = {
    "ip": ("/etc/iptables/rules.v4", "/etc/sysconfig/iptables", "/etc/iptables.rules"),
    "ip6": ("/etc/iptables/rules.v6", "/etc/sysconfig/ip6tables", "/etc/ip6tables.rules"),
}
_UFW = {"ip": "/etc/ufw/user.rules", "ip6": "/etc/ufw/user6.rules"}
_UFW_DEFAULTS = "/etc/default/ufw"
_DIRECT = "/etc/firewalld/direct.xml"
_NFTABLES = ("/etc/nftables.conf", "/etc/sysconfig/nftables.conf")


def gather(host: Host) -> dict[str, Any]:
    """Return the rules.

    live, stored: lists of {kind, where, …}. kind "nft" has family, name and objects, as `nft -j list table` has them;
    kind "iptables" has family, text as iptables-save writes it, and tables, those to be read; kind "ufw" has family,
    text and policy; kind "direct" has text, firewalld's direct.xml. unread: what could not be read, and why.
    """
    live, unread = _live(host)
    stored, more = _stored(host)
    return {"live": live, "stored": stored, "unread": [*unread, *more]}


def _live(host: Host) -> tuple[list[dict[str, Any]], list[str]]:
    found: list[dict[str, Any]] = []
    unread: list[str] = []
    mixed: dict[str, list[str]] = {}
    try:
        foreign = tables.foreign(elements=True)
    except EngineError as error:
        foreign = ()
        if error.reason != "nft_missing":
            unread.append(f"tables of nft: {error.message}")
    for table in foreign:
        where = f"table {table.family} {table.name}"
        if table.unread or table.dormant:
            unread.append(f"{where}: {table.unread or 'is dormant, so it does nothing'}")
        elif table.extended:
            mixed.setdefault(table.family, []).append(table.name)
        else:
            found.append(_nft(where, table.family, table.name, list(table.objects)))
    saved = [(xtables.translated(family), names) for family, names in mixed.items()]
    saved += [(legacy, []) for legacy in xtables.legacy(host)]
    for rules, names in saved:
        where = f"iptables ({rules.backend}, {rules.family})"
        if rules.unread:
            unread.append(f"{where}: {rules.unread}")
        else:
            found.append(_iptables(where, rules.family, rules.text, names))
    return found, unread


def _stored(host: Host) -> tuple[list[dict[str, Any]], list[str]]:
    found: list[dict[str, Any]] = []
    unread: list[str] = []
    for family, paths in _SAVED.items():
        found += [_iptables(path, family, text, []) for path, text in host.texts(*paths)]
    policy = next(
        (
            line.partition("=")[2].strip("\"' ")
            for line in host.text(_UFW_DEFAULTS).split("\n")
            if line.startswith("DEFAULT_OUTPUT_POLICY=")
        ),
        "ACCEPT",
    )
    for family, path in _UFW.items():
        if host.exists(path):
            text = host.text(path)
            found.append({"kind": "ufw", "where": path, "family": family, "text": text, "policy": policy})
    if host.exists(_DIRECT):
        found.append({"kind": "direct", "where": _DIRECT, "text": host.text(_DIRECT)})
    for path in host.files(*_NFTABLES):
        listed, why = _loaded_elsewhere(str(host.at(path)))
        found += [
            _nft(path, item["table"]["family"], item["table"]["name"], _of(listed, item["table"]))
            for item in listed
            if "table" in item
        ]
        unread += [f"{path}: {why}"] if why else []
    return found, unread


def _loaded_elsewhere(path: str) -> tuple[list[dict[str, Any]], str]:
    """Return what a file of nft loads, asked of nft in an empty network namespace that is gone afterwards."""
    try:
        nft = find_nft()
    except EngineError as error:
        return [], error.message
    said = say(["unshare", "--net", "sh", "-c", '"$0" -f "$1" && "$0" -j list ruleset', nft, path])
    if said.code != 0:
        return [], f"does not load in an empty network namespace: {said.err.strip()[:200] or 'unshare is missing'}"
    try:
        return list(json.loads(said.out)["nftables"]), ""
    except (ValueError, KeyError):
        return [], "nft's JSON of it is not valid"


def _of(objects: list[dict[str, Any]], table: dict[str, Any]) -> list[dict[str, Any]]:
    """Return the objects that belong to one table."""
    wanted = (table["family"], table["name"])
    inner = [(next(iter(item)), item) for item in objects if item]
    return [item for kind, item in inner if (item[kind].get("family"), item[kind].get("table")) == wanted]


def _nft(where: str, family: str, name: str, objects: list[dict[str, Any]]) -> dict[str, Any]:
    return {"kind": "nft", "where": where, "family": family, "name": name, "objects": objects}


def _iptables(where: str, family: str, text: str, names: list[str]) -> dict[str, Any]:
    return {"kind": "iptables", "where": where, "family": family, "text": text, "tables": names}
