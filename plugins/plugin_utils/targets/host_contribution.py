# Copyright: (c) 2026, the tidegate developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What one host contributes to the unit it belongs to: its policy in what the target can say, as plain data."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from ansible_collections.tidegate.nftables.plugins.plugin_utils.policy.errors import (
    ErrorReport,
    Origins,
    PolicyErrors,
    variable,
)
from ansible_collections.tidegate.nftables.plugins.plugin_utils.policy.reading import values
from ansible_collections.tidegate.nftables.plugins.plugin_utils.policy.resolved import ResolvedPolicy
from ansible_collections.tidegate.nftables.plugins.plugin_utils.policy.sets.addresses import AddressSet

from . import registry, serialise
from .model import FittedPolicy, Target
from .policy_fit import PolicyFit, read_approximate

UNIT = "egress_unit"
APPROXIMATE = "egress_approximate"
TIER = "egress_tier"
VARIABLES = (UNIT, APPROXIMATE, TIER)
"""The variables that are read for every target."""
# A unit is a part of names in clouds and of files, so no separators.
_UNIT = re.compile(r"[A-Za-z0-9][A-Za-z0-9_-]{0,40}")
Data = dict[str, Any]


def contribution(
    resolved: ResolvedPolicy,
    target: Target,
    variables: Mapping[str, Any],
    sources: AddressSet,
    origins: Origins | None = None,
) -> Data:
    """The host's part. variables: the host's, templated. sources: its own addresses.

    Raises PolicyErrors with all that the target cannot say and all that its settings have wrong.
    """
    report = ErrorReport(origins or {})
    # In mode absent a policy has no tier any more, but its unit still had one.
    unit = _unit(report, variables, resolved.tier or str(variables.get(TIER) or ""))
    found: Data = {"host": resolved.host, "unit": unit, "target": target.name, "mode": resolved.mode}
    defaults = read_approximate(report, variable(APPROXIMATE), variables.get(APPROXIMATE), tuple(registry.TARGETS))
    if resolved.mode == "absent":
        report.raise_errors()
        return found
    if target.whole is not None:
        report.raise_errors()
        return {**found, "whole": target.whole(resolved), "differences": [], "notices": []}
    given: Data = {}
    if target.read is not None:
        given = target.read(report, variable(target.variable), variables.get(target.variable))
    fitted = _fitted(report, resolved, target, defaults.get(target.name, ""), given)
    report.raise_errors()
    return {
        **found,
        "settings": given,
        "floor": list(resolved.floor),
        "sources": sources.cidrs(),
        "never": fitted.never.cidrs(),
        "openings": [serialise.opening_data(one) for one in fitted.openings],
        "closings": [serialise.closing_data(one) for one in fitted.closings],
        "differences": [serialise.difference_data(one) for one in fitted.differences],
        "notices": list(fitted.notices),
    }


def _fitted(
    report: ErrorReport, resolved: ResolvedPolicy, target: Target, default: str, given: Mapping[str, Any]
) -> FittedPolicy:
    families = tuple(given.get("families") or target.can.families)
    references = tuple(given.get("references") or ())
    try:
        return PolicyFit(target.name, target.can, resolved, default, references, families).fit()
    except PolicyErrors as errors:
        report.extend(errors=errors.errors)
        return FittedPolicy()


def _unit(report: ErrorReport, variables: Mapping[str, Any], tier: str) -> str:
    given = variables.get(UNIT)
    if given is None:
        return tier
    text = values.text(report, variable(UNIT), given) or ""
    if text and not _UNIT.fullmatch(text):
        cure = "use letters, digits, - and _, at most 41, beginning with a letter or digit"
        report.error(variable(UNIT), f"{values.show(text)} is no name for a unit", cure)
    return text
