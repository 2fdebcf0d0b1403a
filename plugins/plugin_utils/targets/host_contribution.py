# Copyright: (c) 2026, the tidegate developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The part of one host in its unit: its policy as far as the target can render it, as plain data."""

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
from ansible_collections.tidegate.nftables.plugins.plugin_utils.policy.model import Approximation
from ansible_collections.tidegate.nftables.plugins.plugin_utils.policy.reading import values
from ansible_collections.tidegate.nftables.plugins.plugin_utils.policy.resolved import ResolvedPolicy
from ansible_collections.tidegate.nftables.plugins.plugin_utils.policy.sets.addresses import AddressSet

from . import registry, serialise
from .fitting import approximate
from .fitting.fit import Fit
from .model import FittedPolicy, Target
from .policy_fit import fitted

UNIT = "egress_unit"
TIER = "egress_tier"
VARIABLES = (UNIT, approximate.VARIABLE, TIER)
"""Variables that every target reads."""
# A unit is part of file names and of names in clouds, so it has no separators.
_UNIT = re.compile(r"[A-Za-z0-9][A-Za-z0-9_-]{0,40}")
Data = dict[str, Any]


def contribution(
    resolved: ResolvedPolicy,
    target: Target,
    variables: Mapping[str, Any],
    sources: AddressSet,
    origins: Origins | None = None,
) -> Data:
    """Return the host's part. variables: the host's, templated. sources: its own addresses.

    Raises PolicyErrors with everything that the target cannot render and every error of its settings.
    """
    report = ErrorReport(origins or {})
    # In mode absent the policy has no tier, but its unit is still named after it.
    unit = _unit(report, variables, resolved.tier or str(variables.get(TIER) or ""))
    part: Data = {"host": resolved.host, "unit": unit, "target": target.name, "mode": resolved.mode}
    at, written = variable(approximate.VARIABLE), variables.get(approximate.VARIABLE)
    defaults = approximate.read_approximate(report, at, written, tuple(registry.TARGETS))
    if resolved.mode == "absent":
        report.raise_errors()
        return part
    if target.compile_policy is not None:
        report.raise_errors()
        return {**part, "table": target.compile_policy(resolved), "differences": [], "notices": []}
    settings: Data = {}
    if target.read_settings is not None:
        settings = target.read_settings(report, variable(target.variable), variables.get(target.variable))
    fitted = _fitted(report, resolved, target, defaults.get(target.name, ""), settings)
    report.raise_errors()
    return {
        **part,
        "settings": settings,
        "floor": list(resolved.floor),
        "sources": sources.cidrs(),
        "never": fitted.never.cidrs(),
        "protected": fitted.protected.cidrs(),
        "openings": [serialise.opening_data(opening) for opening in fitted.openings],
        "closings": [serialise.closing_data(closing) for closing in fitted.closings],
        "differences": [serialise.difference_data(difference) for difference in fitted.differences],
        "notices": list(fitted.notices),
    }


def _fitted(
    report: ErrorReport,
    resolved: ResolvedPolicy,
    target: Target,
    default: Approximation,
    settings: Mapping[str, Any],
) -> FittedPolicy:
    families = tuple(settings.get("families") or target.can.families)
    references = tuple(settings.get("references") or ())
    try:
        return fitted(
            Fit(
                target=target.name,
                can=target.can,
                resolved=resolved,
                default=default,
                references=references,
                families=families,
            )
        )
    except PolicyErrors as errors:
        report.extend(errors=errors.errors)
        return FittedPolicy()


def _unit(report: ErrorReport, variables: Mapping[str, Any], tier: str) -> str:
    value = variables.get(UNIT)
    if value is None:
        return tier
    text = values.text(report, variable(UNIT), value) or ""
    if text and not _UNIT.fullmatch(text):
        fix = "use at most 41 letters, digits, - and _, the first a letter or digit"
        report.error(variable(UNIT), f"{values.show(text)} is not a name for a unit", fix)
    return text
