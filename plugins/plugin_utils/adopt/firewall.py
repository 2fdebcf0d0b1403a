# Copyright: (c) 2026, the tidegate developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The rules that a host reported as tables, and which of them a draft is made of.

The report is that of module_utils/preflight/output_rules.py.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from . import read_iptables, read_nft
from .model import FirewallTable

Report = Mapping[str, Any]


@dataclass(frozen=True)
class Firewall:
    """The tables that a draft is made of.

    live: whether they are loaded, or only in files. where: their names or files, for people.
    own: whether the role's own table is loaded; it is not among the tables.
    """

    tables: tuple[FirewallTable, ...]
    live: bool
    where: tuple[str, ...]
    own: bool


def firewall(rules: Report) -> Firewall:
    """Return the loaded tables that decide about output, else those that files would load."""
    own = rules.get("own") is True
    for live, reports in ((True, rules.get("live")), (False, rules.get("stored"))):
        tables = [table for report in _list(reports) for table in _tables(report)]
        deciding = [table for table in tables if _decides(table)]
        if deciding:
            return Firewall(tuple(deciding), live, tuple(table.where for table in deciding), own)
    return Firewall((), live=True, where=(), own=own)


def _list(reports: Any) -> Sequence[Any]:
    return reports if isinstance(reports, Sequence) and not isinstance(reports, str) else ()


def _tables(report: Any) -> Sequence[FirewallTable]:
    """Return the tables of one report; a report of another shape is one table that cannot be read."""
    try:
        return _READERS[report["kind"]](report)
    except (AttributeError, KeyError, TypeError, ValueError) as error:
        where = str(report.get("where")) if isinstance(report, Mapping) else "the host's report"
        return [FirewallTable(where, "inet", {}, (), (f"{where}: the report has another shape: {error!r}",))]


_READERS: Mapping[str, Callable[[Report], Sequence[FirewallTable]]] = {
    "nft": lambda report: [read_nft.read(report["where"], report["family"], report["objects"])],
    "ufw": lambda report: read_iptables.ufw(report["where"], report["family"], report["text"], report["policy"]),
    "direct": lambda report: read_iptables.direct(report["where"], report["text"]),
    "iptables": lambda report: read_iptables.read(
        report["where"], report["family"], report["text"], tuple(report["tables"])
    ),
}


def _decides(table: FirewallTable) -> bool:
    """Return whether a table decides about output: by a chain with rules, a policy, or what cannot be read."""
    return bool(table.unread) or any(base.policy != "accept" or table.chains.get(base.chain) for base in table.bases)
