# Copyright: (c) 2026, the tidegate developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The words of a tier's entries, as the inventory and the variables of its hosts have them."""

from __future__ import annotations

from collections.abc import Mapping

from ansible_collections.tidegate.nftables.plugins.plugin_utils.inventory import vocabulary
from ansible_collections.tidegate.nftables.plugins.plugin_utils.inventory.fleet import drafted_policies
from ansible_collections.tidegate.nftables.plugins.plugin_utils.inventory.world import InventoryWorld
from ansible_collections.tidegate.nftables.plugins.plugin_utils.suggest import proof
from ansible_collections.tidegate.nftables.plugins.plugin_utils.suggest.words import Bundle, Vocabulary

from .base import TidegateAction


class TierWords:
    """Vocabularies by host. build: the policy of a host with variables in addition."""

    def __init__(self, action: TidegateAction, world: InventoryWorld) -> None:
        self.build = drafted_policies(action, action.variables)
        self._action, self._world = action, world
        self._owners = vocabulary.hosts_by_address(world)

    def of_everybody(self) -> Vocabulary:
        """Return what needs no variables: hosts, groups, and the names that were asked for."""
        return Vocabulary(hosts=self._owners, groups=self._world.groups, names=True)

    def of_host(self, host: str, *, names: bool) -> Vocabulary:
        """Return the words that entries of a host may use. names: whether these are domain names, too."""
        variables: Mapping[str, object] = self._action.variables["hostvars"][host]
        bundles = vocabulary.bundles(variables, self._action.template)
        return Vocabulary(
            hosts=self._owners,
            groups=self._world.groups,
            bundles={name: Bundle(names=each, services=spoken) for name, (each, spoken) in bundles.items()},
            lists=proof.list_contents(vocabulary.declared_lists(variables), host, self.build),
            names=names,
        )
