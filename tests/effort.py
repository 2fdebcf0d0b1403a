# Copyright: (c) 2026, the tidegate developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""How long tests may take that get better the longer they run: short in `make test`, long with TIDEGATE_LONG=1."""

from __future__ import annotations

import os

LONG = os.environ.get("TIDEGATE_LONG", "") not in ("", "0")
"""Whether the long variants are asked for; docs/development.md says how long they take."""

SEED = int(os.environ.get("TIDEGATE_SEED", "1"))
"""Another number makes other random rules and rulesets."""


def times(short: int, long: int) -> int:
    """How often to do something."""
    return long if LONG else short
