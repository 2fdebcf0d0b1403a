# Copyright: (c) 2026, the tidegate developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Runs one packet through a table spec, rule by rule, as the kernel does: for the few words that our tables use.

It shares no code with the compiler. An unknown word is an error, so that a new kind of rule cannot go untested.
"""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Sequence
from dataclasses import dataclass, field
from fnmatch import fnmatchcase
from typing import Any

NUMBERS = {
    "tcp": 6,
    "udp": 17,
    "dccp": 33,
    "sctp": 132,
    "udplite": 136,
    "icmp": 1,
    "icmpv6": 58,
    "igmp": 2,
    "esp": 50,
    "ah": 51,
}
PORTED = ("tcp", "udp", "dccp", "sctp", "udplite")
_TOKEN = re.compile(r'"[^"]*"|\{[^}]*\}|\([^)]*\)|\S+')


@dataclass(frozen=True)
class Packet:
    """The first packet of a flow.

    port: for ICMP the message type. user: the socket's owner; None without a socket.
    cgroup: where the socket is, such as `system.slice/nginx.service`; the sets of units have such paths as elements.
    now: seconds since 1970. bridge: the interface of the container that sends it, "" for the host itself.
    """

    address: str
    protocol: int
    port: int | None = None
    user: str | None = None
    source_port: int | None = None
    now: int = 0
    incoming: bool = False
    bridge: str = ""
    cgroup: str = ""

    @property
    def version(self) -> int:
        return ipaddress.ip_address(self.address).version


@dataclass
class Outcome:
    """What becomes of a packet.

    verdict: accept, drop or reject. entry: the comment of the rule that accepts.
    counters, written: the named counters and ledger sets that the packet met, in order.
    """

    verdict: str = ""
    entry: str = ""
    counters: list[str] = field(default_factory=list)
    written: list[str] = field(default_factory=list)


def run(spec: dict[str, Any], packet: Packet, chain: str = "egress_output") -> Outcome:
    """Return what becomes of a packet in a base chain."""
    outcome = Outcome()
    machine = _Machine(spec, packet, outcome)
    base = machine.chains[chain]
    outcome.verdict = machine.through(base["rules"]) or base["policy"]
    return outcome


class _Machine:
    def __init__(self, spec: dict[str, Any], packet: Packet, outcome: Outcome) -> None:
        self.chains = {chain["name"]: chain for chain in spec["chains"]}
        self.sets = {named_set["name"]: named_set for named_set in spec["sets"]}
        self.packet = packet
        self.outcome = outcome

    def through(self, rules: Sequence[str | dict[str, Any]]) -> str:
        """Return the verdict of a chain; "" when the packet reaches its end or returns."""
        for rule in rules:
            if isinstance(rule, dict):
                if self.packet.user not in rule["users"]:
                    continue
                rule = rule["rule"]
            verdict = self._rule(_TOKEN.findall(str(rule)))
            if verdict == "return":
                return ""
            if verdict.startswith("goto "):
                return self.through(self.chains[verdict[5:]]["rules"])
            if verdict:
                return verdict
        return ""

    def _rule(self, tokens: list[str]) -> str:
        comment = tokens[-1].strip('"') if len(tokens) > 1 and tokens[-2] == "comment" else ""
        while tokens:
            word = tokens.pop(0)
            if word in ("accept", "drop", "return"):
                self.outcome.entry = comment if word == "accept" else ""
                return word
            if word == "reject":
                return word
            if word in ("jump", "goto"):
                target = tokens.pop(0)
                if word == "goto":
                    return f"goto {target}"
                return self.through(self.chains[target]["rules"])
            if not self._statement(word, tokens):
                return ""
        return ""

    def _statement(self, word: str, tokens: list[str]) -> bool:
        """Tell whether the rule goes on after this match or statement."""
        packet = self.packet
        if word == "counter":
            if tokens and tokens[0] == "name":
                tokens.pop(0)
                self.outcome.counters.append(tokens.pop(0).strip('"'))
            return True
        if word in ("add", "update"):
            name, key = tokens.pop(0).lstrip("@"), tokens.pop(0)
            if "skuid" in key and packet.user is None:
                return False
            if name.startswith("names_"):
                # A new connection to an address of a name renews it; it is there already.
                assert key.strip("{ }").partition(" timeout ")[0] == self.sets[name]["typeof"]
                return True
            if "statements" in self.sets[name]:
                # The first packet that it meets: no limit is used up.
                assert self.sets[name]["statements"].startswith("limit rate over ")
                return False
            assert ("th dport" in key) == (packet.protocol in (6, 17, 33, 132))
            key, _socket, level = key.strip("{ }").partition("socket cgroupv2 level ")
            assert key + ("socket cgroupv2 level 0" if level else "") == self.sets[name]["typeof"]
            if level:
                # A note beside the ledger, of no line of its own.
                return int(level) <= len(packet.cgroup.split("/"))
            self.outcome.written.append(name)
            return True
        what = f"{word} {tokens.pop(0)}"
        if tokens[:1] == ["."]:
            # Several fields together: only of sets that operators or packets fill, so empty in every policy.
            at = next(index for index, token in enumerate(tokens) if token.startswith("@"))
            assert not self.sets[tokens[at][1:]].get("elements")
            is_inverted = tokens[at - 1] == "!="
            has_user = self.packet.user is not None or "skuid" not in tokens[:at]
            del tokens[: at + 1]
            return is_inverted and has_user
        return self._match(what, tokens)

    def _match(self, what: str, tokens: list[str]) -> bool:
        packet = self.packet
        if what[:3] in ("oif", "iif"):
            return self._interface(what, tokens)
        operand = tokens.pop(0)
        if what == "socket cgroupv2":
            assert operand == "level"
            level, named_set = int(tokens.pop(0)), self.sets[tokens.pop(0)[1:]]
            path = packet.cgroup.split("/")
            return level <= len(path) and "/".join(path[:level]) in named_set.get("elements", ())
        if what == "ct state":
            return "new" in operand
        if what == "ct direction":
            return operand == "original"
        if what == "tcp flags":
            # The first packet of a flow: SYN and nothing else.
            assert (operand, tokens[:3]) == ("&", ["(fin | syn | rst | ack)", "==", "ack"])
            del tokens[:3]
            return False
        if what == "meta time":
            assert operand == "<"
            return packet.now < int(tokens.pop(0))
        if what == "fib daddr":
            # Behind `oifname "lo"`, where everything that is asked about here is for the host itself.
            assert (operand, tokens.pop(0)) == ("type", "{ local, broadcast, multicast, anycast }")
            return True
        if what == "meta nfproto":
            return operand == f"ipv{packet.version}"
        if what in ("ip daddr", "ip6 daddr", "ip saddr", "ip6 saddr"):
            return packet.version == (6 if what.startswith("ip6") else 4) and self._holds_address(operand)
        return self._match_number(what, operand, tokens)

    def _interface(self, what: str, tokens: list[str]) -> bool:
        packet = self.packet
        if what == "oif !=":
            assert tokens.pop(0) == "0"
            return not packet.incoming
        if what == "oif 0":
            return packet.incoming
        side, name = what.split(" ", 1)
        if side == "oifname":
            return name == '"lo"' and ipaddress.ip_address(packet.address).is_loopback
        return fnmatchcase(packet.bridge, name.strip('"'))

    def _match_number(self, what: str, operand: str, tokens: list[str]) -> bool:
        packet, (word, detail) = self.packet, what.split()
        if what == "meta l4proto":
            if operand == "!=":
                return not _holds_number(tokens.pop(0), packet.protocol)
            return _holds_number(operand, packet.protocol)
        if what == "meta skuid":
            # Users have names here, and so uids below those of user namespaces.
            return packet.user is not None and operand.startswith("0-")
        if detail == "type":
            return packet.protocol == NUMBERS[word] and packet.port is not None and _holds_number(operand, packet.port)
        assert word == "th" or word in PORTED, what
        port = {"dport": packet.port, "sport": packet.source_port}[detail]
        return (word == "th" or packet.protocol == NUMBERS[word]) and port is not None and _holds_number(operand, port)

    def _holds_address(self, operand: str) -> bool:
        elements = self.sets[operand[1:]].get("elements", ()) if operand[0] == "@" else operand.strip("{ }").split(", ")
        return any(_covers(element, self.packet.address) for element in elements)


def _covers(element: str, address: str) -> bool:
    value = ipaddress.ip_address(address)
    if "-" in element:
        first, last = (ipaddress.ip_address(part) for part in element.split("-"))
        return int(first) <= int(value) <= int(last)
    return value in ipaddress.ip_network(element)


def _holds_number(operand: str, number: int) -> bool:
    for element in operand.strip("{ }").split(", "):
        if element in NUMBERS:
            if NUMBERS[element] == number:
                return True
            continue
        first, _dash, last = element.partition("-")
        if int(first) <= number <= int(last or first):
            return True
    return False
