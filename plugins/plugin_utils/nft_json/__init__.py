# Copyright: (c) 2026, the tidegate developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""nft's JSON of a table (libnftables-json(5)) as typed objects, for every reader on the controller. Pure.

What has no type here is kept under its name: UnknownExpression, UnknownValue, OtherStatement. Whoever walks a table
decides what an unknown means; nothing is left out silently.
"""

from __future__ import annotations
