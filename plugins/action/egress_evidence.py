# Copyright: (c) 2026, the tidegate developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Report whether a host has been observed long enough to enforce its policy, with the evidence."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict
from typing import Any

from ansible_collections.tidegate.nftables.plugins.plugin_utils.action import evidence
from ansible_collections.tidegate.nftables.plugins.plugin_utils.action.base import TidegateAction
from ansible_collections.tidegate.nftables.plugins.plugin_utils.action.module_result import ModuleFailed
from ansible_collections.tidegate.nftables.plugins.plugin_utils.confirm import connection, guard
from ansible_collections.tidegate.nftables.plugins.plugin_utils.enforce.suggestion import suggested


class ActionModule(TidegateAction):
    """Read what the host observed and compare it with its policy."""

    ARGUMENTS = evidence.ARGUMENTS

    def act(self, arguments: Mapping[str, Any]) -> dict[str, Any]:
        """Return the evidence; never changed, and not failed for a host that is not ready."""
        resolved = self.policy()
        root = resolved.root or connection.own_root(self.connection)
        observed = self._observed({"phase": "observed", "root": root})
        judged = evidence.of_host(self, resolved, observed, arguments)
        self.say_lines([f"{self.host}: {judged.sentence}"], color=None if judged.ready else "yellow")
        entries = suggested(judged.unexplained, resolved.tier)
        if entries:
            self.say_lines([f"{self.host}: this would allow the unexplained rejections:", *entries])
        yaml = "".join(f"{line}\n" for line in entries)
        return {"since": observed.get("since"), **asdict(judged), "yaml": yaml}

    def _observed(self, request: Mapping[str, Any]) -> dict[str, Any]:
        """Return what the guard observed; a host without nft has observed nothing."""
        try:
            observed: dict[str, Any] = guard.need(self, request, needed=("observed",))["observed"]
        except ModuleFailed as error:
            if error.result.get("reason") != "nft_missing":
                raise
            return {"confirmed": False, "observes": False}
        return observed
