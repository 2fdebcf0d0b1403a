# Copyright: (c) 2026, the tidegate developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Look at a host before the first change: other firewalls, what would not survive, what the host needs.

Reads only. What cannot be read is reported and stops nothing. Standard library only, Python 3.8+.
"""
