# Copyright: (c) 2026, the tidegate developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Build a host's policy on the controller and return it as data, without connecting to the host."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ansible_collections.tidegate.nftables.plugins.plugin_utils import policy
from ansible_collections.tidegate.nftables.plugins.plugin_utils.action.base import TidegateAction
from ansible_collections.tidegate.nftables.plugins.plugin_utils.inventory.host_policy import Preview
from ansible_collections.tidegate.nftables.plugins.plugin_utils.plan.serialise import plain


class ActionModule(TidegateAction):
    """Runs on the controller only; errors of a policy are part of the answer and fail nothing."""

    _requires_connection = False

    def act(self, arguments: Mapping[str, Any]) -> dict[str, Any]:  # noqa: ARG002
        """Return the policy, or its errors."""
        answer: dict[str, Any] = {"managed": True, "policy": None, "errors": []}
        if self.variables.get("egress_tier") is None:
            return {**answer, "managed": False}
        try:
            return {**answer, "policy": plain(self.policy(preview=Preview()))}
        except policy.PolicyErrors as errors:
            return {**answer, "errors": [str(error) for error in errors.errors]}
