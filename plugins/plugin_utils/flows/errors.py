# Copyright: (c) 2026, the tidegate developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The error of this room."""

from __future__ import annotations

from ansible_collections.tidegate.nftables.plugins.plugin_utils.errors import ControllerError


class FlowError(ControllerError):
    """A log that cannot be read, a wrong declaration or a missing tool; the message says how to fix it."""

    reason = "bad_flows"
