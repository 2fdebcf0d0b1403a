# Copyright: (c) 2026, the tidegate developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The one error of this room."""

from __future__ import annotations


class FlowError(Exception):
    """A log that cannot be read, a wrong declaration, a tool that is missing; the message says the mend."""
