# Copyright: (c) 2026, the tidegate developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The names in the compiled table: the compiler writes them, hosts and the controller read the table by them."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Sequence
from typing import NamedTuple

TABLE = ("inet", "tidegate")
"""Family and name."""
TABLE_TEXT = " ".join(TABLE)
"""The table as nft's commands name it."""

OUTPUT_CHAIN = "egress_output"
INBOUND_CHAIN = "egress_inbound"
FORWARD_CHAIN = "egress_forward"
SOURCES_CHAIN = "egress_container_sources"
"""The chains with a hook; all but the first only where the policy is about them."""
FLOOR_CHAIN = "egress_floor"
NEVER_CHAIN = "egress_never"
ALLOW_CHAIN = "egress_allow"
CLOSED_SOCKETS_CHAIN = "egress_closed_sockets"
"""What entries for some sockets open to packets of their connections that have no socket any more."""
CONTAINERS_CHAIN = "egress_containers"
CONTAINERS_ALLOW_CHAIN = "egress_containers_allow"
CONTAINERS_NEVER_CHAIN = "egress_containers_never"
"""NEVER_CHAIN without exceptions; only where one is for units, which the kernel does not match in forwarded packets."""
DENIED_CHAIN = "egress_denied"
"""The chain for every packet that no entry allows. Its last rule is `mode_rule`."""
OBSERVED_CHAIN = "egress_observed"
ENFORCED_CHAIN = "egress_enforced"
OBSERVED_LEDGER_CHAIN = "egress_observed_ledger"
ENFORCED_LEDGER_CHAIN = "egress_enforced_ledger"
OBSERVED_SHARE_CHAIN = "egress_observed_share"
ENFORCED_SHARE_CHAIN = "egress_enforced_share"
OBSERVED_OVERFLOW_CHAIN = "egress_observed_overflow"
ENFORCED_OVERFLOW_CHAIN = "egress_enforced_overflow"
OBSERVED_LOG_CHAIN = "egress_observed_log"
ENFORCED_LOG_CHAIN = "egress_enforced_log"
"""Only where packets are logged."""
REJECT_CHAIN = "egress_reject"
ALLOWED_CHAIN = "egress_allowed"
"""Where rules of entries send what they accept when the ledger also has what is allowed. It accepts everything."""

MODE_CHAINS = {"observe": OBSERVED_CHAIN, "enforce": ENFORCED_CHAIN}
"""Where each mode sends what no entry allows."""
MODE_RULES = {f"goto {chain}": mode for mode, chain in MODE_CHAINS.items()}
"""The mode by the rule of DENIED_CHAIN that makes it; the only rule that differs between the modes."""

DENIED_COUNTER = "denied"
WOULD_DENY_COUNTER = "would_deny"
MODE_COUNTERS = {"observe": WOULD_DENY_COUNTER, "enforce": DENIED_COUNTER}
"""The counter of what no entry allows in each mode. What comes in has one of its own, `inbound_counter`."""
CHATTER_COUNTER = "chatter"
INVALID_COUNTER = "invalid"
LEDGER_FULL_COUNTER = "ledger_full"
QUIET_COUNTER = "quiet"
"""The other counters of mode enforce; `would_deny` gives those of mode observe."""
ALLOWED_FULL_COUNTER = "allowed_ledger_full"
"""First packets of allowed connections that the ledger has no line of."""
FAILSAFE_COUNTER = "failsafe"
"""The only counter of the fail-safe table."""

RESOLVER_USER = "tidegate-dns"
"""The user of the host's own resolver of names: where there is one, nobody else sends DNS."""

FIRST_SUB_UID = 65536
UID_BLOCK = 65536
"""Uids from the first on, as user namespaces have them, are one user of the ledger for each block.

The start of the block stands for it in `share_set` and `overflow_set`, so one user of many uids has one share.
"""

CONNECTION_MARK = 0x1000
"""The bit of the conntrack mark of a connection that an entry for some sockets accepted, where each packet is compared.

No bit at either end: nft 0.9.8 lists a mask that is a prefix as one, and reads it back wrongly.
"""

LOOPBACK = 'oifname "lo" fib daddr type { local, broadcast, multicast, anycast }'
"""What stays on the host: what leaves by lo may go elsewhere, with a rewritten destination or bound to lo."""
REPLIES = "ct state established,related"
OLDER = "ct state new tcp flags & (fin | syn | rst | ack) == ack"
"""What looks new but for its flags, as a connection does that is older than connection tracking."""

OLDER_SET = "older_connections"
"""The protocols whose connections may be older than connection tracking, for a time: TCP, or none."""
RESOLVERS = "resolvers"
"""In rules of the fail-safe table, `@resolvers4` and `@resolvers6` stand for the name servers that the host knows."""
RESOLVER_ADDRESS = "127.0.53.1"
"""Where the host's own resolver listens. systemd-resolved has 127.0.0.53 and 127.0.0.54, others 127.0.0.1."""
NAMES_SIZE = 65535
"""The most addresses that the names of one entry have at a time, of each IP version."""
INTERNET_SET = "internet"
TEMPORARY_ALLOW_SET = "temporary_allow"
TEMPORARY_ALLOW_UNIT_SET = "temporary_allow_unit"
"""Each is a pair of sets, `of_version` gives both names."""
ALLOW_SETS = "allow_*"
"""The sets of entries, as a pattern."""
UNITS_SETS = "units_*"
"""The sets of cgroups of systemd units, which the host fills, as a pattern."""
UNITS_SET_KEY = "socket cgroupv2 level 0"
"""What their elements are; nft lists every level as 0 here, and a set declared by its type would crash an older nft."""
_UNITS_SET_MAX = 31
"""Characters of a set's name in `NFTSet=` (systemd 255 to 257), which also takes no dash."""

TEMPORARY_ALLOW_LEVELS = (1, 2, 3, 4)
"""Levels of the cgroups of units to which something is allowed for a time."""

PORTED_PROTOCOLS = ("tcp", "udp", "dccp", "sctp")
"""Protocols whose header begins with two ports: ledger sets keep their port, temporary_allow sets take no others."""

LOOPBACK_COMMENT = "loopback"
REPLIES_COMMENT = "replies"
UNTRACKED_COMMENT = "untracked"
OLDER_COMMENT = "older connections"
OLDER_ANSIBLE_COMMENT = "older connections of ansible"
ANSIBLE_COMMENT = "ansible"
BETWEEN_CONTAINERS_COMMENT = "between containers"
TEMPORARY_ALLOW_COMMENT = "allowed temporarily"
"""Comments of rules that no entry makes; an entry's rules have its name, those of the floor the floor's part."""

_FILLED_SET = re.compile(r"(names|external)_[^.]+[46]")
_NOT_IN_UNITS_SET = re.compile(r"[^A-Za-z0-9_.]")
_ENTRY_CHAIN = re.compile(rf"({ALLOW_CHAIN}|{CONTAINERS_ALLOW_CHAIN})(_.+)?")


class LedgerSet(NamedTuple):
    """One set of the ledger.

    observed: of packets that mode observe let out. user: the keys end with a uid. port: the keys have a destination
    port, else the protocol has none. version: of IP. allowed: of packets that an entry accepted.
    """

    observed: bool
    user: bool
    port: bool
    version: int
    allowed: bool = False

    @property
    def name(self) -> str:
        """Its name in the table."""
        counter = "allowed" if self.allowed else WOULD_DENY_COUNTER if self.observed else DENIED_COUNTER
        return f"{counter}{'' if self.user else '_nosocket'}{'' if self.port else '_proto'}{self.version}"


LEDGER_SIZE = 8192
"""Elements of one ledger set: 32 users with all of their share, 4 MB of the kernel's memory in all sets together."""

LEDGER_TIMEOUT_DAYS = 1
"""Days after its last packet that nf_tables forgets a line of the ledger, or of what was allowed."""

LEDGER_SETS = {
    ledger.name: ledger
    for observed in (True, False)
    for version in (4, 6)
    for user in (True, False)
    for port in (True, False)
    for ledger in (LedgerSet(observed, user, port, version),)
}
"""Every set of the denied ledger by its name, in the table's order."""

ALLOWED_SETS = {
    ledger.name: ledger
    for version in (4, 6)
    for user in (True, False)
    for port in (True, False)
    for ledger in (LedgerSet(user=user, port=port, version=version, observed=False, allowed=True),)
}
"""Every set of what entries allowed by its name; in a table only where the ledger also has what is allowed."""


def unit_ledger_set(counter: str, version: int) -> str:
    """Return the set of which units wrote lines with a user and a port into the ledger beside a counter."""
    return f"{counter}_unit{version}"


UNIT_LEDGER_SETS = {
    unit_ledger_set(MODE_COUNTERS["observe" if ledger.observed else "enforce"], ledger.version): ledger
    for ledger in LEDGER_SETS.values()
    if ledger.user and ledger.port
}
"""By its name the ledger set whose lines it is about; a key is that of the line and a cgroup's id."""

UNIT_LEDGER_LEVELS = (3, 2)
"""Levels of the cgroup of a line: of services and scopes in a slice, and in a slice of a slice, as instances are."""


def share_set(counter: str) -> str:
    """Return the set of users that wrote lines into the ledger beside a counter of MODE_COUNTERS."""
    return f"{counter}_share"


def overflow_set(counter: str, *, user: bool) -> str:
    """Return the set of users whose packets found no room in the ledger; without a user, of protocols."""
    return f"{counter}_overflow{'' if user else '_nosocket'}"


def of_version(name: str, version: int) -> str:
    """Return the name of the set or map for one version of IP, such as `floor_dns4`."""
    return f"{name}{version}"


def would_deny(counter: str) -> str:
    """Return the counter of mode observe that stands beside one of mode enforce, such as `would_deny_quiet`."""
    return f"{WOULD_DENY_COUNTER}_{counter}"


def inbound_counter(counter: str) -> str:
    """Return the counter of what comes in, beside `denied` or `would_deny`; of containers, with a source not theirs."""
    return f"{counter}_inbound"


def mode_rule(mode: str) -> str:
    """Return the last rule of DENIED_CHAIN in this mode."""
    return f"goto {MODE_CHAINS[mode]}"


def is_filled(name: str) -> bool:
    """Return whether others fill a set at any time, so that nothing may depend on what it holds now."""
    return _FILLED_SET.fullmatch(name) is not None


def is_entry_chain(name: str) -> bool:
    """Return whether the rules of a chain are those of entries, so that their comments are names of entries."""
    return _ENTRY_CHAIN.fullmatch(name) is not None


def entry_chain(allow_chain: str, entry: str) -> str:
    """Return the chain of one entry where entries are found by address. allow_chain: the chain that leads to it."""
    return f"{allow_chain}_{entry}"


def network_chain(allow_chain: str, network: str) -> str:
    """Return the chain of several entries, for packets to a network such as `10.0.0.0/8` or `2001:db8::/32`.

    A dot cannot be in an entry's name, so it is never the chain of an entry; a colon cannot be in that of a chain.
    """
    return f"{allow_chain}.{network.replace(':', '_')}"


def entry_set(kind: str, entry: str, part: str = "") -> str:
    """Return the pair of sets with an entry's destinations, or with those of one part of it.

    kind: the entry's, of which `inbound` and `floor` have names of their own. A dot cannot be in an entry's name, so a
    part never has the name of another entry.
    """
    name = f"{kind if kind in ('inbound', 'floor') else 'allow'}_{entry}"
    return f"{name}.{part}" if part else name


def never_set(number: int) -> str:
    """Return the pair of sets of one element of `egress_never`, counted from 1."""
    return f"never_{number}"


def never_chain(number: int) -> str:
    """Return the chain of one element of `egress_never` with excepted users, counted from 1."""
    return f"{NEVER_CHAIN}_{number}"


def never_comment(number: int) -> str:
    """Return the comment of the rules of one element of `egress_never`, counted from 1."""
    return f"never {number}"


def quiet_set(number: int) -> str:
    """Return the pair of sets of one element of `egress_deny_quietly`, counted from 1."""
    return f"quiet_{number}"


def observed_set(word: str) -> str:
    """Return the pair of sets of a word whose destinations are only observed, in every mode."""
    return f"observed_{word}"


def names_set(entry: str, part: str = "") -> str:
    """Return the pair of sets with the addresses that an entry's domain names lead to; part "within": their bound."""
    return f"names_{entry}.{part}" if part else f"names_{entry}"


def of_names_set(name: str) -> tuple[str, int] | None:
    """Return the entry and the IP version of a set that its domain names fill, None for any other set."""
    begin = names_set("")
    if not name.startswith(begin) or "." in name or name[-1:] not in ("4", "6"):
        return None
    return name[len(begin) : -1], int(name[-1])


def external_set(prefix_list: str) -> str:
    """Return the pair of sets of a prefix list that others fill."""
    return f"external_{prefix_list}"


def is_units_set(name: str) -> bool:
    """Return whether a set holds cgroups of systemd units."""
    return name.startswith(UNITS_SETS[:-1])


def units_set(units: Sequence[str]) -> str:
    """Return the set with the cgroups of these units. units: in order, at least one.

    The name of a single unit where it can be part of a set's name, else as much of the first as there is room for
    beside a digest of all. No unit's name ends with a digest, so no two lists have the same set.
    """
    prefix = UNITS_SETS[:-1]
    first = _NOT_IN_UNITS_SET.sub("_", units[0])
    if len(units) == 1 and first == units[0] and len(prefix) + len(first) <= _UNITS_SET_MAX:
        return f"{prefix}{first}"
    digest = hashlib.sha256("\n".join(units).encode()).hexdigest()[:12]
    return f"{prefix}{first[: _UNITS_SET_MAX - len(prefix) - len(digest) - 1]}.{digest}"
