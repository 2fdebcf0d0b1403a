# Copyright: (c) 2026, the tidegate developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Raise for what an old nft accepts silently and gets wrong."""

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
_IMPLIES = {"ip": re.compile(r"\b(?:ip|icmp|igmp) "), "ip6": re.compile(r"\b(?:ip6|icmpv6) ")}
_REJECT = re.compile(r"\breject with icmp(?:v6)? ")


def check(version: str, spec: TableSpec, live: NftTable | None) -> None:
    """Raise for elements that this nft version writes wrongly, so that they never match (tried on 0.9.8)."""
    if not version.startswith("0.9."):
        return
    for set_spec in spec.sets:
        live_set = live.set(set_spec.name) if live else None
        declaration: Sequence[str] = set_spec.declaration or (live_set.declaration if live_set else ())
        declared = next((line[len("typeof ") :] for line in declaration if line.startswith("typeof ")), "")
        fields = [field.strip() for side in declared.split(" : ") for field in side.split(" . ")]
        wrong = [field for field in fields if _HOST_ORDER.match(field)]
        if set_spec.present and set_spec.elements and wrong:
            raise bad_spec(
                set_spec.where,
                f"nft {version} writes elements of 'typeof {wrong[0]}' in the wrong byte order, so that they never "
                f"match. Fix: put the values into the rule (`{wrong[0]} {{ … }}`), or use nft 1.0 or later.",
            )


def check_rules(version: str, spec: TableSpec, canon: NftTable | None) -> None:
    """Raise for a rule that this nft version lists without a part of it, so that a change would go unnoticed.

    canon: the listed rules. 0.9.8 lists ``meta protocol ip udp dport 67`` as ``udp dport 67``, and in netdev tables it
    omits the reason of ``reject`` (tried).
    """
    if not version.startswith("0.9.") or canon is None:
        return
    for chain in spec.chains:
        canonical_chain = canon.chain(chain.name)
        edited = (chain.edit.rule,) if chain.edit and chain.edit.rule else ()
        for rule_spec, canonical_rule in zip(
            (*(chain.rules or ()), *edited), canonical_chain.rules if canonical_chain else ()
        ):
            lost = _lost(tokens.unquoted(rule_spec.text), tokens.unquoted(canonical_rule.canon), spec.family)
            if lost:
                part, fix = lost
                raise bad_spec(
                    rule_spec.where,
                    f"nft {version} lists this rule as `{canonical_rule.canon}`, without `{part}`, so a later "
                    f"change of it would go unnoticed. Fix: {fix}, or use nft 1.0 or later.",
                )


def _lost(text: str, canon: str, family: str) -> tuple[str, str] | None:
    """Return the part of a rule that a listing lacks, and how to write the rule instead."""
    protocol = _PROTOCOL.search(text)
    if protocol and protocol.group(1) != family and not _PROTOCOL.search(canon):
        implied = _IMPLIES.get(protocol.group(1))
        if not (implied and implied.search(canon)):
            other = "meta nfproto ipv4 (or ipv6)" if family == "inet" else "ether type ip (or ip6)"
            return protocol.group(), f"write `{other}`"
    reject = _REJECT.search(text)
    if reject and family == "netdev" and not _REJECT.search(canon):
        return text[reject.start() :].strip(), "write `meta protocol ip reject`, or `drop`"
    return None
