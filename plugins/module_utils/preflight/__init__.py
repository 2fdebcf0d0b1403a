# Copyright: (c) 2026, the tidegate developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A look at a host before the first change: what else filters there, what would not survive, what the host needs.

Reads only, and bears what it cannot read: that is told instead. Standard library only, Python 3.8+.
"""
