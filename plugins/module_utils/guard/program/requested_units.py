# Copyright: (c) 2026, the tidegate developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The systemd units of a requested policy: whether this host can tell them apart, and which it does not know."""

from __future__ import annotations

from typing import Any, Mapping, Sequence

from ansible_collections.tidegate.nftables.plugins.module_utils import unit_names
from ansible_collections.tidegate.nftables.plugins.module_utils.guard.host import clock
from ansible_collections.tidegate.nftables.plugins.module_utils.guard.host.errors import UNCHANGED, GuardError
from ansible_collections.tidegate.nftables.plugins.module_utils.guard.host.paths import Paths
from ansible_collections.tidegate.nftables.plugins.module_utils.guard.table.unit_sets import Units
from ansible_collections.tidegate.nftables.plugins.module_utils.nft.command import Nft
from ansible_collections.tidegate.nftables.plugins.module_utils.nft.errors import EngineError
from ansible_collections.tidegate.nftables.plugins.module_utils.table_names import UNIT_LEDGER_SETS, is_units_set
from ansible_collections.tidegate.nftables.plugins.module_utils.units import cgroups

_FIRST_NFT = (1, 0)
"""The first nft that reads a match of a cgroup with the set that it looks into; 0.9.8 crashes on it."""


def of_module(paths: Paths, values: Mapping[str, Any] | None) -> Units:
    """Return the units by set. Raise TidegateError for what is no such document, or on a host that cannot do it."""
    if not values:
        return {}
    units: dict[str, list[str]] = {}
    for name, names in values.items():
        if not is_units_set(name) or not isinstance(names, list) or not names:
            raise GuardError("bad_request", f"units: {name} has no list of units. {UNCHANGED}")
        units[name] = [_checked(name, str(unit)) for unit in names]
    if not clock.systemd_runs(paths):
        raise GuardError("bad_request", f"units: this host does not run systemd, so it has no units. {UNCHANGED}")
    if not cgroups.is_pure():
        raise GuardError(
            "no_cgroup_v2",
            f"Entries with units need a pure cgroup v2 tree, and {cgroups.MOUNT} on this host is cgroup v1 or hybrid. "
            f"{UNCHANGED} Fix: boot with systemd.unified_cgroup_hierarchy=1, the default since Debian 11 and RHEL 9, "
            "or name users in place of units on this host.",
        )
    _need_nft("Entries with units need", "name users in place of units")
    return units


def need_ledger(tables: Sequence[Mapping[str, Any]]) -> None:
    """Raise EngineError (nft_too_old) for a ledger that notes units where nft cannot read it."""
    if any(each.get("name") in UNIT_LEDGER_SETS for table in tables for each in table.get("sets") or ()):
        _need_nft("egress_ledger_units needs", "set it to false")


def _need_nft(what: str, fix: str) -> None:
    version = Nft().version()
    if tuple(int(number) for number in version.split(".")[:2]) < _FIRST_NFT:
        raise EngineError(
            "nft_too_old", f"{what} nft 1.0 or later, and this host has {version}. {UNCHANGED} Fix: {fix} on this host."
        )


def _checked(name: str, unit: str) -> str:
    try:
        unit_names.check(unit)
    except unit_names.UnitNameError as error:
        raise GuardError("bad_request", f'units.{name}: "{unit}" {error.cause}. {UNCHANGED}') from error
    return unit
