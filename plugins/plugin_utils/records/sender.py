# Copyright: (c) 2026, the tidegate developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Whose flow a record is about, in the words of ``tidegate denied``."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any


def sender(record: Mapping[str, Any]) -> str:
    """Return it as "agent.service (root)" where the unit is known, else the user or uid; "" where nobody knows."""
    user = record["user"] or ("" if record["uid"] is None else str(record["uid"]))
    return f"{record['unit']} ({user})" if record["unit"] else user
