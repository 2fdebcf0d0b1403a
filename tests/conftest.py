# Copyright: (c) 2026, the tidegate developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Refuse to test anything but this checkout: an installed copy of the collection may come first on the path."""

from __future__ import annotations

from pathlib import Path

import ansible_collections.tidegate.nftables as collection

CHECKOUT = Path(__file__).resolve().parents[1]
IMPORTED = Path(next(iter(collection.__path__))).resolve()

if IMPORTED != CHECKOUT:
    message = f"ansible_collections.tidegate.nftables is {IMPORTED}, not this checkout: run `make venv`"
    raise RuntimeError(message)
