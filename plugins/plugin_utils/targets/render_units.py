# Copyright: (c) 2026, the tidegate developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Renders units from what their hosts contribute: one security group, network policy or file each.

All hosts of a unit must mean the same, or a host would get the policy of another. What differs is an error by entry.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from ansible_collections.tidegate.nftables.plugins.plugin_utils.policy.errors import PolicyError, PolicyErrors
from ansible_collections.tidegate.nftables.plugins.plugin_utils.policy.sets import addresses

from . import registry, serialise
from .model import RenderedFile, Target, TargetDifference, Unit
from .wording import difference_sentence

Data = Mapping[str, Any]
# What the hosts of one unit must have in common beside entries: key of the data, and its name in messages.
_COMMON = (
    ("target", "egress_target"),
    ("mode", "egress_mode"),
    ("settings", "settings"),
    ("floor", "egress_floor_without"),
)
FIX = "give them different egress_unit, such as egress_unit: app-{{ region }}, or the same policy"


@dataclass(frozen=True, kw_only=True)
class RenderedUnit:
    """One unit with its file. text: None in mode absent, in which the file is removed. file: its name."""

    name: str
    mode: str
    hosts: tuple[str, ...]
    file: str
    text: str | None = None
    data: Any = None
    differences: tuple[str, ...] = ()
    notices: tuple[str, ...] = ()


def render_units(contributions: Iterable[Data]) -> list[RenderedUnit]:
    """Return every unit, sorted by name. Raises PolicyErrors with all errors of all units."""
    units: dict[str, list[Data]] = {}
    for contribution in contributions:
        units.setdefault(str(contribution["unit"]), []).append(contribution)
    errors = _colliding_names(units)
    rendered: list[RenderedUnit] = []
    for name, hosts in sorted(units.items()):
        differing = [error for other in hosts[1:] for error in _differences(name, hosts[0], other)]
        if differing:
            errors += differing
            continue
        try:
            rendered.append(_render_unit(name, hosts))
        except PolicyErrors as raised:
            errors += [replace(error, where=f"unit {name}, {error.where}") for error in raised.errors]
    if errors:
        raise PolicyErrors(tuple(dict.fromkeys(errors)))
    return rendered


def _colliding_names(names: Iterable[str]) -> list[PolicyError]:
    """Return an error for each name that differs from another one by capitals and underscores only."""
    firsts: dict[str, str] = {}
    errors = []
    for name in names:
        first = firsts.setdefault(name.lower().replace("_", "-"), name)
        if first != name:
            cause = f"has the same name as unit {first} where capitals and underscores do not count"
            errors.append(PolicyError(f"unit {name}", cause, "rename egress_unit"))
    return errors


def unit_of(name: str, hosts: Sequence[Data]) -> Unit:
    """Return the unit of hosts that mean the same."""
    first = hosts[0]
    return Unit(
        name=name,
        openings=tuple(serialise.read_opening(opening) for opening in first["openings"]),
        closings=tuple(serialise.read_closing(closing) for closing in first["closings"]),
        sources=addresses.union(serialise.read_addresses(host["sources"]) for host in hosts),
        floor=tuple(str(part) for part in first["floor"]),
        settings=first["settings"],
        never=serialise.read_addresses(first["never"]),
        protected=addresses.union(serialise.read_addresses(host["protected"]) for host in hosts),
    )


def _render_unit(name: str, hosts: Sequence[Data]) -> RenderedUnit:
    first = hosts[0]
    target = registry.target(str(first["target"]))
    unit = RenderedUnit(
        name=name,
        mode=str(first["mode"]),
        hosts=tuple(str(host["host"]) for host in hosts),
        file=f"tidegate-{name}{target.suffix}",
    )
    if unit.mode == "absent":
        return unit
    notices = [str(notice) for notice in first["notices"]]
    if unit.mode == "observe" and not target.can.observe:
        notices.append(f"{target.name} cannot observe: the file is that of mode enforce")
    file = rendered_file(target, name, hosts)
    differences = [serialise.read_difference(difference) for difference in first["differences"]]
    return replace(
        unit,
        text=file.text,
        data=file.data,
        differences=_sentences([*differences, *file.differences]),
        notices=tuple(dict.fromkeys([*notices, *file.notices])),
    )


def rendered_file(target: Target, name: str, hosts: Sequence[Data]) -> RenderedFile:
    """Return the file of hosts that mean the same. Raises PolicyErrors for problems of the whole file."""
    if target.render is not None:
        return target.render(unit_of(name, hosts))
    table = hosts[0]["table"]
    return RenderedFile(json.dumps(table, indent=2) + "\n", table)


def _sentences(differences: Iterable[TargetDifference]) -> tuple[str, ...]:
    return tuple(dict.fromkeys(difference_sentence(difference) for difference in differences))


def _differences(name: str, host: Data, other: Data) -> list[PolicyError]:
    """Return an error for each thing that two hosts of a unit do not have in common."""
    where = f"unit {name}"
    both = f"{host['host']} and {other['host']}"
    errors = [
        PolicyError(where, f"{both} have different {words}", FIX)
        for key, words in _COMMON
        if host.get(key) != other.get(key)
    ]
    entries, other_entries = _openings_by_entry(host), _openings_by_entry(other)
    differing = [
        entry for entry in sorted({*entries, *other_entries}) if entries.get(entry) != other_entries.get(entry)
    ]
    if differing:
        errors.append(PolicyError(where, f"{both} do not mean the same by {', '.join(differing)}", FIX))
    elif (host.get("closings"), host.get("never")) != (other.get("closings"), other.get("never")):
        errors.append(PolicyError(where, f"{both} do not mean the same by egress_never", FIX))
    if not differing and host.get("table") != other.get("table"):
        errors.append(PolicyError(where, f"{both} have different policies", FIX))
    return errors


def _openings_by_entry(host: Data) -> dict[str, list[Any]]:
    openings: dict[str, list[Any]] = {}
    for opening in host.get("openings", ()):
        openings.setdefault(str(opening["entry"]), []).append(opening)
    return openings
