# Copyright: (c) 2026, the tidegate developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Filters that write configuration of programs which know domain names."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import Any

from ansible.errors import AnsibleFilterError

from ansible_collections.tidegate.nftables.plugins.plugin_utils.policy.reading.destinations import is_name
from ansible_collections.tidegate.nftables.plugins.plugin_utils.policy.sets import addresses
from ansible_collections.tidegate.nftables.plugins.plugin_utils.targets.names import dnsmasq, squid


def to_squid_acl(value: Any, name: str) -> str:
    """Lines of a Squid ACL: NAME_to for addresses and networks, NAME_name for domain names."""
    if not value or not isinstance(value, Iterable) or isinstance(value, Mapping):
        raise AnsibleFilterError("to_squid_acl: needs at least one destination; an ACL of none is an error in squid")
    texts = [value] if isinstance(value, str) else [str(one) for one in value]
    names = _names("to_squid_acl", (text for text in texts if is_name(text)))
    try:
        found = addresses.union(addresses.parse(text) for text in texts if not is_name(text))
    except addresses.AddressError as error:
        raise AnsibleFilterError(f"to_squid_acl: {error}, and no domain name either") from error
    return "\n".join([*squid.acl(f"{name}_to", "dst", found), *squid.names_acl(f"{name}_name", names)])


def to_dnsmasq_nftset(value: Any) -> str:
    """Lines for dnsmasq that fill the sets of lists: a mapping of list name to domain names."""
    if not isinstance(value, Mapping):
        raise AnsibleFilterError("to_dnsmasq_nftset: needs a mapping of list name to domain names")
    lists = {
        str(name): _names("to_dnsmasq_nftset", [given] if isinstance(given, str) else given)
        for name, given in value.items()
    }
    return "\n".join(dnsmasq.lines(dict(sorted(lists.items()))))


def _names(who: str, texts: Iterable[Any]) -> list[str]:
    found = list(texts)
    wrong = [text for text in found if not isinstance(text, str) or not is_name(text)]
    if wrong:
        raise AnsibleFilterError(f'{who}: "{wrong[0]}" is no domain name; write whole names such as api.example.com')
    return sorted({text.rstrip(".").lower() for text in found})


class FilterModule:
    """The door."""

    def filters(self) -> dict[str, Callable[..., str]]:
        """The filters by name."""
        return {"to_squid_acl": to_squid_acl, "to_dnsmasq_nftset": to_dnsmasq_nftset}
