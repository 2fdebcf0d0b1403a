# Copyright: (c) 2026, the tidegate developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Filters that write configuration of programs which resolve or match domain names."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import Any

from ansible.errors import AnsibleFilterError

from ansible_collections.tidegate.nftables.plugins.plugin_utils.policy.reading.destinations import is_name
from ansible_collections.tidegate.nftables.plugins.plugin_utils.policy.sets import addresses
from ansible_collections.tidegate.nftables.plugins.plugin_utils.targets.names import dnsmasq, squid


def to_squid_acl(value: Any, name: str) -> str:
    """Return the lines of a Squid ACL: NAME_to for addresses and networks, NAME_name for domain names."""
    if not value or not isinstance(value, Iterable) or isinstance(value, Mapping):
        raise AnsibleFilterError("to_squid_acl: at least one destination is needed; Squid rejects an empty ACL")
    texts = [value] if isinstance(value, str) else [str(destination) for destination in value]
    names = _names("to_squid_acl", (text for text in texts if is_name(text)))
    try:
        networks = addresses.union(addresses.parse(text) for text in texts if not is_name(text))
    except addresses.AddressError as error:
        raise AnsibleFilterError(f"to_squid_acl: {error}, and it is not a domain name either") from error
    return "\n".join([*squid.acl(f"{name}_to", "dst", networks), *squid.names_acl(f"{name}_name", names)])


def to_dnsmasq_nftset(value: Any) -> str:
    """Return dnsmasq lines that fill the sets of prefix lists. value: domain names by the name of their list."""
    if not isinstance(value, Mapping):
        raise AnsibleFilterError("to_dnsmasq_nftset: a mapping of list names to domain names is needed")
    lists = {
        str(name): _names("to_dnsmasq_nftset", [domains] if isinstance(domains, str) else domains)
        for name, domains in value.items()
    }
    return "\n".join(dnsmasq.nftset_lines(dict(sorted(lists.items()))))


def _names(filter_name: str, texts: Iterable[Any]) -> list[str]:
    domains = list(texts)
    wrong = [text for text in domains if not isinstance(text, str) or not is_name(text)]
    if wrong:
        raise AnsibleFilterError(
            f'{filter_name}: "{wrong[0]}" is not a domain name; write full names such as api.example.com'
        )
    return sorted({text.rstrip(".").lower() for text in domains})


class FilterModule:
    """The filters of this file."""

    def filters(self) -> dict[str, Callable[..., str]]:
        """Return the filters by name."""
        return {"to_squid_acl": to_squid_acl, "to_dnsmasq_nftset": to_dnsmasq_nftset}
