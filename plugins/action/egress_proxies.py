# Copyright: (c) 2026, the tidegate developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Say which hosts of the inventory are the proxies of the task's host, without connecting to any."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ansible_collections.tidegate.nftables.plugins.plugin_utils.action.base import TidegateAction
from ansible_collections.tidegate.nftables.plugins.plugin_utils.inventory import proxies


class ActionModule(TidegateAction):
    """Runs on the controller only."""

    _requires_connection = False

    def act(self, arguments: Mapping[str, Any]) -> dict[str, Any]:  # noqa: ARG002
        """Return the hosts; never changed."""
        proxy = self.policy().proxy
        hosts = proxies.of_addresses(self.world(), proxy.addresses) if proxy else {}
        return {"hosts": sorted(set(filter(None, hosts.values())))}
