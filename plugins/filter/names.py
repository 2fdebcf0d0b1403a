# Copyright: (c) 2026, the tidegate developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Filters that write configuration of programs which resolve or match domain names."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import Any

from ansible.errors import AnsibleFilterError

from ansible_collections.tidegate.nftables.plugins.module_utils.domain_names import DomainNameError
from ansible_collections.tidegate.nftables.plugins.plugin_utils.policy.reading import names
from ansible_collections.tidegate.nftables.plugins.plugin_utils.policy.sets import addresses
from ansible_collections.tidegate.nftables.plugins.plugin_utils.targets.names import dnsmasq, squid


def to_squid_acl(value: Any, name: str) -> str:
    """Return the lines of Squid ACLs: NAME_to for addresses and networks, NAME_name and NAME_below for domain names."""
    if not value or not isinstance(value, Iterable) or isinstance(value, Mapping):
        raise AnsibleFilterError("to_squid_acl: at least one destination is needed; Squid rejects an empty ACL")
    texts = [value] if isinstance(value, str) else [str(destination) for destination in value]
    networks, domains = addresses.NOTHING, []
    for text in texts:
        try:
            networks |= addresses.parse(text)
        except addresses.AddressError:
            domains.append(text)
    lines = [line for acl in squid.name_acls(name, _patterns("to_squid_acl", domains)).values() for line in acl]
    return "\n".join([*squid.acl(f"{name}_to", "dst", networks), *lines])


def to_dnsmasq_nftset(value: Any) -> str:
    """Return dnsmasq lines that fill the sets of prefix lists. value: domain names by the name of their list."""
    if not isinstance(value, Mapping):
        raise AnsibleFilterError("to_dnsmasq_nftset: a mapping of list names to domain names is needed")
    lists = {
        str(name): _patterns("to_dnsmasq_nftset", [domains] if isinstance(domains, str) else domains)
        for name, domains in value.items()
    }
    return "\n".join(dnsmasq.nftset_lines(dict(sorted(lists.items()))))


def _patterns(filter_name: str, texts: Iterable[Any]) -> list[str]:
    try:
        return sorted({str(names.parse(text if isinstance(text, str) else "")) for text in texts})
    except DomainNameError as error:
        raise AnsibleFilterError(f"{filter_name}: a text is neither address nor name: it {error}") from error


class FilterModule:
    """The filters of this file."""

    def filters(self) -> dict[str, Callable[..., str]]:
        """Return the filters by name."""
        return {"to_squid_acl": to_squid_acl, "to_dnsmasq_nftset": to_dnsmasq_nftset}
