# Copyright: (c) 2026, the tidegate developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""One HTML file about a fleet: what it was refused, who talks to what, what changed. It loads nothing from anywhere."""

from __future__ import annotations
