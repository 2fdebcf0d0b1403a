# Copyright: (c) 2026, the tidegate developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""egress_approximate: the approximation of entries without one of their own, for each target."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from ansible_collections.tidegate.nftables.plugins.plugin_utils.policy.errors import ErrorReport, Place
from ansible_collections.tidegate.nftables.plugins.plugin_utils.policy.model import Approximation
from ansible_collections.tidegate.nftables.plugins.plugin_utils.policy.reading import values
from ansible_collections.tidegate.nftables.plugins.plugin_utils.policy.reading.entries import APPROXIMATE

VARIABLE = "egress_approximate"


def read_approximate(report: ErrorReport, place: Place, value: Any, targets: Sequence[str]) -> dict[str, Approximation]:
    """Return egress_approximate: wider or narrower by the name of a target."""
    if value is None:
        return {}
    words = values.mapping(report, place, value, targets) or {}
    choices = {name: values.choice(report, place.key(name), word, APPROXIMATE) for name, word in words.items()}
    return {name: choice for name, choice in choices.items() if choice is not None}
