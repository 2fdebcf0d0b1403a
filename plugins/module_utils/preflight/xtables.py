# Copyright: (c) 2026, the tidegate developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Rules of iptables: those that nft does not show, and all of them in the words of iptables-save(8)."""

from __future__ import annotations

from dataclasses import dataclass

from .host import Host, say

_LEGACY = {"ip": "/proc/net/ip_tables_names", "ip6": "/proc/net/ip6_tables_names"}
"""Names of the tables that legacy iptables has loaded; without its module there is no such file."""

_PROGRAMS = {
    "legacy": {
        "ip": ("iptables-legacy-save", "iptables-save"),
        "ip6": ("ip6tables-legacy-save", "ip6tables-save"),
    },
    "nft": {"ip": ("iptables-nft-save", "iptables-save"), "ip6": ("ip6tables-nft-save", "ip6tables-save")},
}


@dataclass(frozen=True)
class Saved:
    """One family's rules. backend: "legacy" or "nft"; text: as iptables-save writes them; unread: why there is none."""

    family: str
    backend: str
    text: str = ""
    unread: str = ""


def legacy(host: Host) -> tuple[Saved, ...]:
    """Return the rules that legacy iptables holds; its program is not run where it has none, since it loads modules."""
    found = []
    for family, names in _LEGACY.items():
        if host.text(names).strip():
            found.append(_saved(family, "legacy"))
    return tuple(found)


def translated(family: str) -> Saved:
    """Return the rules that iptables put into tables of nft, which nft itself shows only in part."""
    return _saved(family, "nft")


def _saved(family: str, backend: str) -> Saved:
    for program in _PROGRAMS[backend][family]:
        said = say([program])
        if said.code == 0:
            return Saved(family, backend, said.out)
    return Saved(family, backend, unread=f"{_PROGRAMS[backend][family][0]} is not there or fails")


def refuses(saved: Saved) -> str:
    """Why packets that the host sends may end in these rules, "" when they do not."""
    chains = [line for line in saved.text.split("\n") if line.startswith((":OUTPUT DROP", ":POSTROUTING DROP"))]
    if chains:
        return f"chain {chains[0][1:].split()[0]} has the policy DROP"
    rules = [line for line in saved.text.split("\n") if line.startswith("-A OUTPUT")]
    ending = any(f"-j {verdict}" in line for line in rules for verdict in ("DROP", "REJECT"))
    return "rules in OUTPUT refuse" if ending else ""


def notrack(saved: Saved) -> tuple[str, ...]:
    """Return the rules that take packets from connection tracking."""
    return tuple(
        line for line in saved.text.split("\n") if line.startswith("-A") and ("--notrack" in line or "NOTRACK" in line)
    )
