# Copyright: (c) 2026, the tidegate developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The inventory as the policy sees it: the hosts that a pattern names, their addresses and tiers."""

from __future__ import annotations

import ipaddress
from collections.abc import Callable, Mapping
from functools import cached_property
from pathlib import Path
from typing import Any

from ansible.errors import AnsibleError
from ansible.inventory.manager import InventoryManager
from ansible.parsing.dataloader import DataLoader

from ansible_collections.tidegate.nftables.plugins.plugin_utils import policy
from ansible_collections.tidegate.nftables.plugins.plugin_utils.feeds import PrefixListResult
from ansible_collections.tidegate.nftables.plugins.plugin_utils.policy.sets import addresses, host_address
from ansible_collections.tidegate.nftables.plugins.plugin_utils.policy.sets.addresses import AddressError, AddressSet

from .literal_variables import LiteralVariables
from .operator import ADDRESS, FIX, OperatorHostVars, fact_error
from .variables import FACTS_ARE_NOT_READ


def is_address(text: object) -> bool:
    """Return whether a text is an IPv4 or IPv6 address without a prefix."""
    try:
        ipaddress.ip_address(str(text))
    except ValueError:
        return False
    return True


class InventoryWorld:
    """The inventory of a running task, never limited by ``--limit`` or ``serial``.

    task_vars: the variables of the task, with Ansible's own ``groups`` and ``hostvars``. prefix_list: the function that
    resolves a prefix list by its name and raises PolicyErrors. run_dir: the directory that all workers of a run share,
    where variables of other hosts are kept; None to read them each time. What hosts say about themselves (facts) is not
    read: an address or a tier that is a fact is an error.
    """

    def __init__(
        self,
        loader: DataLoader,
        task_vars: Mapping[str, Any],
        prefix_list: Callable[[str], PrefixListResult] | None = None,
        run_dir: str | None = None,
    ) -> None:
        self.host: str = str(task_vars["inventory_hostname"])
        self._loader = loader
        self._groups: Mapping[str, list[str]] = task_vars["groups"]
        self._prefix_list = prefix_list
        self._hostvars = OperatorHostVars(task_vars["hostvars"])
        folder = Path(run_dir) if run_dir else None
        self._literal = LiteralVariables(self._hostvars.without, folder, str(loader.get_basedir()))

    @cached_property
    def _manager(self) -> InventoryManager:
        live = getattr(self._hostvars.without, "_inventory", None)
        if isinstance(live, InventoryManager):
            return live
        # A copy made from `groups`, as the core's inventory_hostnames lookup makes it: it knows no --limit.
        manager = InventoryManager(self._loader, parse=False)
        for group, hosts in self._groups.items():
            manager.add_group(group)
            for host in hosts:
                manager.add_host(host, group=group)
        return manager

    def hosts(self, pattern: str) -> list[str]:
        """Return the names of the inventory's hosts that an Ansible host pattern matches; [] when none does."""
        if not pattern.strip(" :,"):
            return []  # Ansible reads an empty pattern as all; a policy must not.
        try:
            hosts = self._manager.get_hosts(pattern, ignore_limits=True, ignore_restrictions=True)
            return [str(host.name) for host in hosts]
        except AnsibleError:
            return []

    def _variables(self, host: str) -> Mapping[str, Any]:
        """Return what the operator wrote for a host."""
        return self._literal.of(host) if self._hostvars.is_ansible else self._hostvars.of(host)

    def addresses(self, host: str) -> list[str]:
        """Return a host's addresses: ``egress_addresses``, else ``ansible_host``, else its name, where that is one.

        Raise AddressError for an address that is a fact, for a template that fails (also because it reads facts) and
        for a value that is neither a text nor a list.
        """
        variables, facts = self._variables(host), self._hostvars.facts(host)
        if "egress_addresses" in facts:
            raise _from_facts(host, "egress_addresses")
        try:
            declared = variables.get("egress_addresses")
            if not declared and ADDRESS in facts:
                raise _from_facts(host, ADDRESS)
            address = None if declared else variables.get(ADDRESS)
        except AnsibleError as error:
            raise AddressError(f"cannot be templated: {error}", FACTS_ARE_NOT_READ) from error
        if declared:
            if not isinstance(declared, str | list | tuple):
                raise AddressError(f"{declared!r} is not a list of addresses")
            return [str(address) for address in ([declared] if isinstance(declared, str) else declared)]
        for candidate in (address, host):
            if is_address(candidate):
                return [str(candidate)]
        return []

    def need_addresses(self, host: str) -> list[str]:
        """Return a host's addresses as ``addresses`` does, each checked; raise PolicyErrors that name the host."""
        try:
            texts = self.addresses(host)
            for text in texts:
                host_address.parse(text)
        except AddressError as error:
            where = f"egress_addresses of the host {host}"
            raise policy.PolicyErrors((policy.PolicyError(where, error.cause, error.fix),)) from error
        return texts

    def address_set(self, host: str) -> AddressSet:
        """Return a host's addresses as a set; raise PolicyErrors that name the host."""
        return addresses.union(addresses.parse(text) for text in self.need_addresses(host))

    def prefix_list(self, name: str) -> PrefixListResult:
        """Return the networks of a declared prefix list; raise PolicyErrors when it cannot be resolved."""
        if self._prefix_list is None:
            raise policy.PolicyErrors(
                (policy.PolicyError(f"prefix_list:{name}", "prefix lists are not resolved here"),)
            )
        return self._prefix_list(name)

    @property
    def groups(self) -> Mapping[str, list[str]]:
        """The inventory's groups, each with its hosts."""
        return self._groups

    @cached_property
    def tiers(self) -> Mapping[str, list[str]]:
        """The inventory's hosts by their ``egress_tier``; a tier that a thin role sets in a play is not included.

        Reads every host's variables once. Raise PolicyErrors that name each host whose tier cannot be templated.
        """
        by_tier: dict[str, list[str]] = {}
        errors = []
        for host in sorted({host for hosts in self._groups.values() for host in hosts}):
            if "egress_tier" in self._hostvars.facts(host):
                errors.append(fact_error(host, "egress_tier"))
                continue
            try:
                tier = str(self._variables(host).get("egress_tier") or "")
                cause = f"{tier!r} cannot be templated" if "{{" in tier else ""
            except AnsibleError as error:
                tier, cause = "", f"cannot be templated: {error}"
            if cause:
                errors.append(policy.PolicyError(f"egress_tier of the host {host}", cause, f"define it for {host}"))
            elif tier:
                by_tier.setdefault(tier, []).append(host)
        if errors:
            raise policy.PolicyErrors(tuple(errors))
        return by_tier


def _from_facts(host: str, name: str) -> AddressError:
    return AddressError(f"{name} comes from facts of the host {host}, and a policy is the operator's word alone", FIX)
