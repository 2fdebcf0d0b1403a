# Copyright: (c) 2026, the tidegate developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Print what every host of the play reached, and fail when it differs from the policies."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ansible_collections.tidegate.nftables.plugins.plugin_utils.action.base import TidegateAction
from ansible_collections.tidegate.nftables.plugins.plugin_utils.errors import ControllerError
from ansible_collections.tidegate.nftables.plugins.plugin_utils.prove.report import report


class NotProven(ControllerError):
    """A host has no proof, or its proof differs from its policy."""

    reason = "not_proven"


class ActionModule(TidegateAction):
    """Runs on the controller only; reads what egress_prove returned for each host of the play."""

    _requires_connection = False
    ARGUMENTS = {"proofs": {"type": "str", "required": True}}

    def act(self, arguments: Mapping[str, Any]) -> dict[str, Any]:
        """Print the table and return its lines."""
        proofs = self.registered(arguments["proofs"])
        for host, proof in proofs.items():
            if not isinstance(proof, Mapping) or "cells" not in proof:
                raise NotProven(f"No packets were sent from {host}, so nothing is proven.")
        printed = report(proofs)
        for line in printed.lines:
            self.say_lines([line])
        if printed.complaint:
            raise NotProven(printed.complaint)
        return {"lines": printed.lines}
