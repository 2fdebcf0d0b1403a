# Copyright: (c) 2026, the tidegate developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Units out of what their hosts contribute: one security group, network policy or file each.

All hosts of a unit must mean the same, or one of them would get what is another's; what differs is an error by entry.
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
# What hosts of one unit may not differ in, beside entries: key of the data, and how it is called.
_SAME = (
    ("target", "egress_target"),
    ("mode", "egress_mode"),
    ("settings", "settings"),
    ("floor", "egress_floor_without"),
)
CURE = "give them different egress_unit, such as egress_unit: app-{{ region }}, or the same policy"


@dataclass(frozen=True)
class RenderedUnit:
    """One unit, rendered. text: the file, None in mode absent. hosts: whose it is. file: its name."""

    name: str
    mode: str
    hosts: tuple[str, ...]
    file: str
    text: str | None
    data: Any = None
    differences: tuple[str, ...] = ()
    notices: tuple[str, ...] = ()


def render_units(documents: Iterable[Data]) -> list[RenderedUnit]:
    """Every unit, by name. Raises PolicyErrors with all that is wrong in any of them."""
    groups: dict[str, list[Data]] = {}
    for one in documents:
        groups.setdefault(str(one["unit"]), []).append(one)
    errors = _alike(groups)
    found: list[RenderedUnit] = []
    for name, parts in sorted(groups.items()):
        differing = [error for other in parts[1:] for error in _differ(name, parts[0], other)]
        if differing:
            errors += differing
            continue
        try:
            found.append(_build(name, parts))
        except PolicyErrors as raised:
            errors += [replace(error, where=f"unit {name}, {error.where}") for error in raised.errors]
    if errors:
        raise PolicyErrors(tuple(dict.fromkeys(errors)))
    return found


def _alike(names: Iterable[str]) -> list[PolicyError]:
    """Units whose names are the same where capitals and underscores do not count."""
    seen: dict[str, str] = {}
    found = []
    for name in names:
        other = seen.setdefault(name.lower().replace("_", "-"), name)
        if other != name:
            found.append(PolicyError(f"unit {name}", f"is the same name as {other} elsewhere", "rename egress_unit"))
    return found


def unit_of(name: str, parts: Sequence[Data]) -> Unit:
    """The unit of hosts that mean the same."""
    first = parts[0]
    return Unit(
        name,
        tuple(serialise.read_opening(one) for one in first["openings"]),
        tuple(serialise.read_closing(one) for one in first["closings"]),
        addresses.union(serialise.read_addresses(part["sources"]) for part in parts),
        tuple(str(part) for part in first["floor"]),
        first["settings"],
        serialise.read_addresses(first["never"]),
    )


def _build(name: str, parts: Sequence[Data]) -> RenderedUnit:
    first = parts[0]
    target = registry.target(str(first["target"]))
    mode, hosts, file = (
        str(first["mode"]),
        tuple(str(part["host"]) for part in parts),
        f"tidegate-{name}{target.suffix}",
    )
    if mode == "absent":
        return RenderedUnit(name, mode, hosts, file, None)
    notices = [str(one) for one in first["notices"]]
    if mode == "observe" and not target.can.observe:
        notices.append(f"{target.name} cannot observe: this is what enforcing does")
    rendered = _rendered(target, name, parts)
    told = [serialise.read_difference(one) for one in first["differences"]] + list(rendered.differences)
    return RenderedUnit(
        name, mode, hosts, file, rendered.text, rendered.data, _sentences(told), tuple(dict.fromkeys(notices))
    )


def _rendered(target: Target, name: str, parts: Sequence[Data]) -> RenderedFile:
    if target.render is not None:
        return target.render(unit_of(name, parts))
    data = parts[0]["whole"]
    return RenderedFile(json.dumps(data, indent=2) + "\n", data)


def _sentences(differences: Iterable[TargetDifference]) -> tuple[str, ...]:
    return tuple(dict.fromkeys(difference_sentence(difference) for difference in differences))


def _differ(name: str, one: Data, other: Data) -> list[PolicyError]:
    """What two hosts of a unit do not have in common."""
    where = f"unit {name}"
    both = f"{one['host']} and {other['host']}"
    found = [
        PolicyError(where, f"{both} have different {called}", CURE)
        for key, called in _SAME
        if one.get(key) != other.get(key)
    ]
    mine, theirs = _by_entry(one), _by_entry(other)
    names = [entry for entry in sorted({*mine, *theirs}) if mine.get(entry) != theirs.get(entry)]
    if names:
        found.append(PolicyError(where, f"{both} do not mean the same by {', '.join(names)}", CURE))
    elif (one.get("closings"), one.get("never")) != (other.get("closings"), other.get("never")):
        found.append(PolicyError(where, f"{both} do not mean the same by egress_never", CURE))
    if not names and one.get("whole") != other.get("whole"):
        found.append(PolicyError(where, f"{both} have different policies", CURE))
    return found


def _by_entry(one: Data) -> dict[str, list[Any]]:
    found: dict[str, list[Any]] = {}
    for opening in one.get("openings", ()):
        found.setdefault(str(opening["entry"]), []).append(opening)
    return found
