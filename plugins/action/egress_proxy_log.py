# Copyright: (c) 2026, the tidegate developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Read what a proxy, to which the task is delegated, rejected of the task's host."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ansible_collections.tidegate.nftables.plugins.plugin_utils.action.base import TidegateAction
from ansible_collections.tidegate.nftables.plugins.plugin_utils.confirm import connection

MODULE = "egress_proxy_log"


class ActionModule(TidegateAction):
    """The module with the addresses that the inventory has of the host."""

    ARGUMENTS = {
        "clients": {"type": "list", "elements": "str", "default": []},
        "root": {"type": "str", "default": ""},
    }

    def act(self, arguments: Mapping[str, Any]) -> dict[str, Any]:
        """Return what the proxy's logs have; never changed."""
        clients = arguments["clients"] or [str(each) for each in self.world().address_set(self.host).each()]
        root = arguments["root"] or self.template(self.variables.get("egress_root"))
        request = {"clients": clients, "root": root or connection.own_root(self.connection)}
        return self.need_module(MODULE, request, needed=("since", "complete", "requests"))
