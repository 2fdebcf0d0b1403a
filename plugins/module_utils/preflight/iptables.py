# Copyright: (c) 2026, the tidegate developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Rules of iptables that nft does not show, or only in part, as iptables-save(8) writes them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from .host_files import HostFiles
from .program import run_program

Backend = Literal["legacy", "nft"]

_LEGACY_TABLES = {"ip": "/proc/net/ip_tables_names", "ip6": "/proc/net/ip6_tables_names"}
"""Files with the names of the tables that legacy iptables has loaded; without its kernel module there is no file."""

_PROGRAMS: dict[Backend, dict[str, tuple[str, str]]] = {
    "legacy": {
        "ip": ("iptables-legacy-save", "iptables-save"),
        "ip6": ("ip6tables-legacy-save", "ip6tables-save"),
    },
    "nft": {"ip": ("iptables-nft-save", "iptables-save"), "ip6": ("ip6tables-nft-save", "ip6tables-save")},
}


@dataclass(frozen=True)
class IptablesRules:
    """The rules of one family. text: as iptables-save writes them; unread: why there is no text."""

    family: str
    backend: Backend
    text: str = ""
    unread: str = ""


def legacy_rules(host: HostFiles) -> tuple[IptablesRules, ...]:
    """Return the rules of legacy iptables. Its program loads modules, so it runs only where tables are loaded."""
    return tuple(_save(family, "legacy") for family, names in _LEGACY_TABLES.items() if host.text(names).strip())


def nft_rules(family: str) -> IptablesRules:
    """Return the rules that iptables put into tables of nft, which nft itself shows only in part."""
    return _save(family, "nft")


def _save(family: str, backend: Backend) -> IptablesRules:
    for program in _PROGRAMS[backend][family]:
        output = run_program([program])
        if output.code == 0:
            return IptablesRules(family, backend, output.out)
    return IptablesRules(family, backend, unread=f"{_PROGRAMS[backend][family][0]} is missing or fails")


def rejects(rules: IptablesRules) -> str:
    """Return why these rules may reject packets that the host sends, "" when they do not."""
    chains = [line for line in rules.text.split("\n") if line.startswith((":OUTPUT DROP", ":POSTROUTING DROP"))]
    if chains:
        return f"chain {chains[0][1:].split()[0]} has the policy DROP"
    output = [line for line in rules.text.split("\n") if line.startswith("-A OUTPUT")]
    final = any(f"-j {verdict}" in line for line in output for verdict in ("DROP", "REJECT"))
    return "rules in OUTPUT reject" if final else ""


def notrack(rules: IptablesRules) -> tuple[str, ...]:
    """Return the rules that exclude packets from connection tracking."""
    return tuple(
        line for line in rules.text.split("\n") if line.startswith("-A") and ("--notrack" in line or "NOTRACK" in line)
    )
