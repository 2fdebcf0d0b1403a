# Copyright: (c) 2026, the tidegate developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Writes the tables of docs/policy.md from the policy's data files; with --check it only compares them."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from typing import Any

import tables
import yaml

from ansible_collections.tidegate.nftables.plugins.plugin_utils.policy.sets import datafiles

PAGE = Path(__file__).with_name("policy.md")


def _code(texts: Iterable[str]) -> str:
    return ", ".join(f"`{text}`" for text in texts)


def services() -> str:
    """Return every service of the catalogue."""
    rows = ((f"`{name}`", _code(row["is"]), row["class"], row["about"]) for name, row in _rows("services"))
    return tables.table(("name", "is", "class", "about"), rows)


def tiers() -> str:
    """Return every shipped tier: what it opens by itself, and its ceiling."""
    rows = []
    for name in datafiles.names("tiers"):
        tier = datafiles.load(f"tiers/{name}")
        opens = [f"`internal`: {_code(tier['internal_services'])}"] if tier["internal_services"] else []
        opens += [f"{_code(entry['to'])}: {_code(entry['services'])}" for entry in tier["allow"]]
        ceiling = tier["ceiling"]
        cells = (f"`{name}`", tier["about"], "; ".join(opens) or "nothing")
        rows.append(
            (*cells, _side(ceiling["internal"], "all of it"), _side(ceiling["external"], "all of the internet"))
        )
    return tables.table(("tier", "what it is", "opens by itself", "ceiling inside", "ceiling outside"), rows)


def metadata() -> str:
    """Return the addresses of the word cloud-metadata."""
    rows = (
        (f"`{row['network'].partition('/')[0]}`", row["about"]) for row in datafiles.load("words")["cloud_metadata"]
    )
    return tables.table(("address", "of"), rows)


def floor() -> str:
    """Return the parts of the floor."""
    columns = {
        "removable": "removable",
        "for containers": "containers",
        "`egress_never` applies": "below_never",
        "counted": "counted",
    }
    rows = (
        (f"`{name}`", row["about"], *("yes" if row.get(key) else "no" for key in columns.values()))
        for name, row in _rows("floor")
    )
    return tables.table(("part", "what it lets through", *columns), rows)


def variables() -> str:
    """Return every variable with its type, its default, an example and what it is for."""
    rows = (
        (
            f"`{name.replace('*', 'TOPIC')}`",
            row["type"],
            f"`{_flow(row['default'])}`" if "default" in row else row["unset"],
            f"`{_flow(row['example'])}`",
            row["about"],
        )
        for name, row in _rows("variables")
        if row["by"] != "nobody"
    )
    return tables.table(("variable", "type", "default", "example", "what it is for"), rows)


TABLES: Mapping[str, Callable[[], str]] = {
    "floor": floor,
    "metadata": metadata,
    "services": services,
    "tiers": tiers,
    "variables": variables,
}


def _rows(name: str) -> Iterable[tuple[str, dict[str, Any]]]:
    rows: dict[str, dict[str, Any]] = datafiles.load(name)
    return rows.items()


def _flow(value: object) -> str:
    """Return a value as YAML in one line."""
    text = yaml.safe_dump(value, default_flow_style=True, width=sys.maxsize, sort_keys=False)
    return text.removesuffix("...\n").strip()


def _side(side: dict[str, object], whole: str) -> str:
    """Return one side of a ceiling in words."""
    services = side["services"]
    if services == "none":
        return "nothing"
    allowed = "any service" if services == "any" else _code(map(str, services))  # type: ignore[call-overload]
    never = side.get("never")
    if never:
        allowed += f" but those of class {_code(never)}"  # type: ignore[arg-type]
    if side["any"]:
        return f"{allowed}; {whole}"
    widest, most = _lengths(side["widest"]), _lengths(side["most"])
    return f"{allowed}; only what is named: prefixes of {widest} or longer, together no more addresses than one {most}"


def _lengths(lengths: object) -> str:
    assert isinstance(lengths, dict)
    return f"/{lengths['ipv4']} (IPv4) or /{lengths['ipv6']} (IPv6)"


if __name__ == "__main__":
    sys.exit(tables.main(PAGE, TABLES, "the data files"))
