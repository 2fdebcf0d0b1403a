# Copyright: (c) 2026, the tidegate developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a table holds, for the tests of the modules that own one object of a table."""

from __future__ import annotations

from .conftest import Lab


def keys(lab: Lab, name: str) -> list[str]:
    return sorted(element.canon for element in lab.elements(name))


def rules(lab: Lab, name: str = "base") -> list[str]:
    return [rule.text for rule in lab.rules(name)]
