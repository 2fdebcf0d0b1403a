# Copyright: (c) 2026, the tidegate developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Make a host the proxy of those that name it: their policies become the configuration of its Squid."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ansible_collections.tidegate.nftables.plugins.plugin_utils import policy
from ansible_collections.tidegate.nftables.plugins.plugin_utils.action.base import TidegateAction
from ansible_collections.tidegate.nftables.plugins.plugin_utils.action.module_result import ModuleFailed
from ansible_collections.tidegate.nftables.plugins.plugin_utils.confirm import missing_packages
from ansible_collections.tidegate.nftables.plugins.plugin_utils.inventory.fleet import FleetHost, fleet_hosts
from ansible_collections.tidegate.nftables.plugins.plugin_utils.inventory.host_policy import Preview
from ansible_collections.tidegate.nftables.plugins.plugin_utils.policy.errors import PolicyError, PolicyErrors
from ansible_collections.tidegate.nftables.plugins.plugin_utils.targets.names import proxy

MODULE = "egress_squid"
_MISSING = "squid_missing"


class ActionModule(TidegateAction):
    """Runs a module on the proxy; the policies are built here."""

    def act(self, _arguments: Mapping[str, Any]) -> dict[str, Any]:
        """Return the clients and the files that changed. Raise PolicyErrors with the errors of all clients."""
        clients, port = self._clients()
        request: dict[str, Any] = {"state": "absent"}
        if clients:
            contact = self.template(self.variables.get("egress_contact"))
            request = {
                "configuration": proxy.configuration(proxy.Place(self.host, port), clients),
                "pages": proxy.pages(str(contact or "")),
                "port": port,
                "workers": proxy.WORKERS,
            }
        return {**self._with_squid(request), "clients": [client.host for client in clients]}

    def _with_squid(self, request: Mapping[str, Any]) -> dict[str, Any]:
        """Run the module, and once more where the host had no Squid that reads TLS."""
        try:
            return self.need_module(MODULE, request, needed=("files",))
        except ModuleFailed as error:
            if error.result.get("reason") != _MISSING:
                raise
        if self.check_mode:
            # Which files a Squid needs that is not there is not known.
            return {"changed": True, "files": []}
        missing_packages.install(self, _MISSING, [*missing_packages.NEEDED[_MISSING].packages])
        return {**self.need_module(MODULE, request, needed=("files",)), "changed": True}

    def _clients(self) -> tuple[list[proxy.Client], int]:
        """Return the hosts that name this one, and the port on which they all ask it."""
        world = self.world()
        own = set(world.address_set(self.host).each())
        hosts = list(fleet_hosts(self, self.variables, world.hosts("all"), Preview(), processes=1))
        errors = [error for host in hosts for error in host.errors]
        if errors:
            raise PolicyErrors(tuple(dict.fromkeys(errors)))
        served = [(host, host.resolved, host.resolved.proxy) for host in hosts if host.resolved and host.resolved.proxy]
        asking = [each for each in served if own & set(each[2].addresses)]
        ports = {server.port: host for host, _resolved, server in asking}
        if len(ports) > 1:
            first, second = sorted(host.name for host in ports.values())[:2]
            cause = f"{first} and {second} ask the proxy {self.host} on different ports"
            raise PolicyErrors((PolicyError("egress_proxy_port", cause, "set it in group_vars/all"),))
        return [_client(host, resolved) for host, resolved, _server in asking], next(iter(ports), 0)


def _client(host: FleetHost, resolved: policy.ResolvedPolicy) -> proxy.Client:
    if not host.own:
        cause = f"{host.name} has no addresses, and a proxy knows its clients by nothing else"
        raise PolicyErrors((PolicyError("egress_addresses", cause, "set egress_addresses"),))
    return proxy.Client(host.name, resolved, host.own)
