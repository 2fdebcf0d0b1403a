# Copyright: (c) 2026, the tidegate developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Refuse what an old nft takes without a word and gets wrong."""

from __future__ import annotations

import re
from typing import Sequence

from ansible_collections.tidegate.nftables.plugins.module_utils.nft.desired import tokens
from ansible_collections.tidegate.nftables.plugins.module_utils.nft.desired.spec import TableSpec
from ansible_collections.tidegate.nftables.plugins.module_utils.nft.errors import bad_spec
from ansible_collections.tidegate.nftables.plugins.module_utils.nft.live.model import NftTable

_HOST_ORDER = re.compile(r"^(?:ct zone|ct bytes|ct packets|meta cpu|meta length|meta cgroup|rt mtu)$")
"""Numbers that the kernel keeps in the machine's byte order; ``add element`` of 0.9.8 writes them in the other."""

_PROTOCOL = re.compile(r"\bmeta protocol (?:!= )?(\S+)")
_SAYS_AS_MUCH = {"ip": re.compile(r"\b(?:ip|icmp|igmp) "), "ip6": re.compile(r"\b(?:ip6|icmpv6) ")}
_REJECT = re.compile(r"\breject with icmp(?:v6)? ")


def check(version: str, spec: TableSpec, live: NftTable | None) -> None:
    """Raise when elements are asked for that this nft would write wrong, so that they never match (tried on 0.9.8)."""
    if not version.startswith("0.9."):
        return
    for wanted in spec.sets:
        there = live.set(wanted.name) if live else None
        declaration: Sequence[str] = wanted.declaration or (there.declaration if there else ())
        declared = next((line[len("typeof ") :] for line in declaration if line.startswith("typeof ")), "")
        fields = [field.strip() for side in declared.split(" : ") for field in side.split(" . ")]
        wrong = [field for field in fields if _HOST_ORDER.match(field)]
        if wanted.present and wanted.elements and wrong:
            raise bad_spec(
                wanted.where,
                f"nft {version} writes elements of 'typeof {wrong[0]}' in the wrong byte order, so that they never "
                f"match. Put the values into the rule (`{wrong[0]} {{ … }}`), or use nft 1.0 or later.",
            )


def check_rules(version: str, spec: TableSpec, canon: NftTable | None) -> None:
    """Raise on a rule that this nft lists as another one, so that a change of it would not be seen (tried on 0.9.8).

    canon: what it listed. ``meta protocol ip udp dport 67`` becomes ``udp dport 67``; netdev loses why it rejects.
    """
    if not version.startswith("0.9.") or canon is None:
        return
    for chain in spec.chains:
        listed = canon.chain(chain.name)
        edited = (chain.edit.rule,) if chain.edit and chain.edit.rule else ()
        for asked, found in zip((*(chain.rules or ()), *edited), listed.rules if listed else ()):
            lost = _lost(tokens.unquoted(asked.text), tokens.unquoted(found.canon), spec.family)
            if lost:
                said, mend = lost
                raise bad_spec(
                    asked.where,
                    f"nft {version} lists this rule as `{found.canon}`, without `{said}`, so a later change of that "
                    f"could not be seen. {mend}, or use nft 1.0 or later.",
                )


def _lost(asked: str, found: str, family: str) -> tuple[str, str] | None:
    """Return what a listing does not say of a rule, and how to write the rule."""
    protocol = _PROTOCOL.search(asked)
    if protocol and protocol.group(1) != family and not _PROTOCOL.search(found):
        implied = _SAYS_AS_MUCH.get(protocol.group(1))
        if not (implied and implied.search(found)):
            other = "meta nfproto ipv4 (or ipv6)" if family == "inet" else "ether type ip (or ip6)"
            return protocol.group(), f"Write `{other}`"
    reject = _REJECT.search(asked)
    if reject and family == "netdev" and not _REJECT.search(found):
        return asked[reject.start() :].strip(), "Write `meta protocol ip reject`, or `drop`"
    return None
