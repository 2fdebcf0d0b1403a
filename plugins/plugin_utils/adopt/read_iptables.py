# Copyright: (c) 2026, the tidegate developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Rules out of the text of iptables-save(8), ip6tables-save(8), ufw's user.rules and firewalld's direct.xml."""

from __future__ import annotations

import re
import shlex
from collections.abc import Callable, Iterator, Mapping
from typing import Literal
from xml.etree import ElementTree as ET

from ansible_collections.tidegate.nftables.plugins.plugin_utils.nft_json.algebra import FAMILIES
from ansible_collections.tidegate.nftables.plugins.plugin_utils.nft_json.model import NotModelled
from ansible_collections.tidegate.nftables.plugins.plugin_utils.policy.sets import addresses, services

from . import conditions
from .conditions import PORTED
from .model import BaseChain, FirewallRule, FirewallTable, FlowSet, RuleVerdict

TABLES = ("raw", "mangle", "filter", "security")
"""Tables that can reject what a host sends; nat rewrites destinations."""

HOOKS = ("OUTPUT", "POSTROUTING")

_VERDICTS: Mapping[str, RuleVerdict] = {
    "ACCEPT": "accept",
    "DROP": "drop",
    "REJECT": "drop",
    "RETURN": "return",
    "QUEUE": "drop",
    "NFQUEUE": "drop",
}
_PASSING = (
    "AUDIT", "CHECKSUM", "CLASSIFY", "CONNMARK", "CONNSECMARK", "CT", "DSCP", "HL", "HMARK", "IDLETIMER", "LED", "LOG",
    "MARK", "NFLOG", "NOTRACK", "RATEEST", "SECMARK", "SET", "TCPMSS", "TCPOPTSTRIP", "TEE", "TOS", "TRACE", "TTL",
    "ULOG",
)  # fmt: skip
"""Targets after which the next rule is asked (iptables-extensions(8))."""

_SILENT = ("-m", "--match", "--comment", "--reject-with", "--log-prefix", "--log-level", "-c", "--set-counters")


def read(where: str, family: str, text: str, only: tuple[str, ...] = ()) -> list[FirewallTable]:
    """Return the tables of a text that can reject what a host sends. only: their names, () for all of them."""
    names = [name for name in TABLES if not only or name in only]
    return [_table(f"{where}, table {name}", family, lines) for name, lines in _tables_of(text) if name in names]


def ufw(where: str, family: str, text: str, policy: str) -> list[FirewallTable]:
    """Return ufw's own chain for what goes out, with the policy of /etc/default/ufw."""
    chain = "ufw-user-output" if family == "ip" else "ufw6-user-output"
    filter_lines = [line for name, lines in _tables_of(text) if name == "filter" for line in lines]
    table = _table(where, family, filter_lines)
    return [FirewallTable(where, family, table.chains, (BaseChain(chain, _VERDICTS.get(policy, "drop")),))]


def direct(where: str, text: str) -> list[FirewallTable]:
    """Return the rules that firewalld gives to iptables as they are (firewalld.direct(5)), by family."""
    by_family: dict[str, list[str]] = {"ip": [], "ip6": []}
    try:
        rules = sorted(ET.fromstring(text).iter("rule"), key=lambda rule: int(rule.get("priority", "0")))  # noqa: S314
    except (ET.ParseError, ValueError) as error:
        return [FirewallTable(where, "inet", {}, (), (f"{where}: is no XML of direct rules: {error}",))]
    for rule in rules:
        family = {"ipv4": "ip", "ipv6": "ip6"}.get(rule.get("ipv", ""))
        if family and rule.get("table") == "filter":
            by_family[family].append(f"-A {rule.get('chain')} {rule.text or ''}")
    return [_table(where, family, [":OUTPUT ACCEPT", *lines]) for family, lines in by_family.items() if lines]


def _tables_of(text: str) -> Iterator[tuple[str, list[str]]]:
    """Yield (name, its lines) of each table."""
    name, lines = "", list[str]()
    for line in [*text.split("\n"), "*"]:
        if line.startswith("*"):
            if name:
                yield name, lines
            name, lines = line[1:].strip(), []
        elif line.startswith((":", "-A ", "-I ", "[")):
            lines.append(line)


def _table(where: str, family: str, lines: list[str]) -> FirewallTable:
    if family not in FAMILIES:
        raise ValueError(f"family {family}")
    chains: dict[str, list[FirewallRule]] = {}
    bases = []
    for line in lines:
        if line.startswith(":"):
            name, policy = [*line[1:].split(), "", ""][:2]
            chains[name] = []
            if name in HOOKS:
                bases.append(BaseChain(name, _VERDICTS.get(policy, "drop")))
    for line in lines:
        if not line.startswith(":"):
            text = re.sub(r"^\[\d+:\d+\] ", "", line)
            chain, rule = _rule(where, family, text, frozenset(chains))
            rules = chains.setdefault(chain, [])
            # Of all programs only ufw inserts at the front, its logging.
            rules.insert(0 if text.startswith("-I ") else len(rules), rule)
    return FirewallTable(where, family, {name: tuple(rules) for name, rules in chains.items()}, tuple(bases))


def _rule(where: str, family: str, text: str, chains: frozenset[str]) -> tuple[str, FirewallRule]:
    flows: FlowSet | None = FlowSet(FAMILIES[family])
    title = f"{where}: {text}"
    try:
        tokens = shlex.split(text)
    except ValueError:
        return [*text.split(), "", ""][1], FirewallRule(title, flows and flows.doubt("unreadable quotes"), "drop")
    verdict: RuleVerdict | Literal["unknown"] = ""
    target = ""
    for option, arguments, negated in _options(tokens[2:]):
        if option in ("-j", "-g", "--jump", "--goto"):
            verdict, target = _verdict(option, arguments[0] if arguments else "", chains)
        elif flows is not None:
            flows = _limited(flows, family, option, arguments, negated=negated)
    if verdict == "unknown":
        return [*tokens, "", ""][1], FirewallRule(title, flows and flows.doubt(f"target {target}"), "drop", target)
    return [*tokens, "", ""][1], FirewallRule(title, flows, verdict, target)


def _options(tokens: list[str]) -> Iterator[tuple[str, list[str], bool]]:
    """Yield (option, its arguments, is it negated) in order."""
    at, negated = 0, False
    while at < len(tokens):
        if tokens[at] == "!":
            at, negated = at + 1, True
            continue
        option, at = tokens[at], at + 1
        arguments = []
        while at < len(tokens) and tokens[at] != "!" and not re.match(r"--?[a-zA-Z]", tokens[at]):
            arguments.append(tokens[at])
            at += 1
        yield option, arguments, negated
        negated = False


def _verdict(option: str, target: str, chains: frozenset[str]) -> tuple[RuleVerdict | Literal["unknown"], str]:
    if target in chains:
        return ("goto" if option in ("-g", "--goto") else "jump"), target
    if target in _PASSING:
        return "", ""
    return _VERDICTS.get(target, "unknown"), target


def _limited(flows: FlowSet, family: str, option: str, arguments: list[str], *, negated: bool) -> FlowSet | None:
    """Return the flows that fit one more option, None when no new flow that leaves the host fits it."""
    if option in _SILENT:
        return flows
    try:
        fitting = _READERS[option](flows, family, arguments[0] if arguments else "", negated)
    except (KeyError, NotModelled) as error:
        sign = "! " if negated else ""
        return flows.doubt(sign + (str(error) if isinstance(error, NotModelled) else " ".join([option, *arguments])))
    return None if fitting is None else flows & fitting


def _destination(_flows: FlowSet, family: str, text: str, negated: bool) -> FlowSet:
    destinations = addresses.union(conditions.destination(part) for part in text.split(","))
    return FlowSet(FAMILIES[family] - destinations if negated else destinations)


def _protocol(_flows: FlowSet, _family: str, text: str, negated: bool) -> FlowSet:
    protocol = services.ANY if text == "all" else conditions.of_protocol(text)
    return FlowSet(services=services.ANY - protocol if negated else protocol)


def _ports(flows: FlowSet, _family: str, text: str, negated: bool) -> FlowSet:
    """Return ports of the protocols that the rule named before, which iptables demands."""
    protocols = tuple(name for name in PORTED if flows.services & conditions.of_protocol(name))
    if len(protocols) == len(PORTED):
        raise NotModelled(f"ports {text} of no protocol")
    ports = services.NONE
    for part in text.split(","):
        first, colon, last = part.partition(":")
        if not (first or "0").isdecimal() or not (last or "0").isdecimal():
            raise NotModelled(f"port {part}")
        begin = int(first or 0)
        ports |= conditions.of_ports(protocols, begin, int(last or (services.PORTS - 1 if colon else begin)))
    every_port = conditions.of_ports(protocols, *services.WHOLE[0])
    return FlowSet(services=every_port - ports if negated else ports)


def _icmp(number: int) -> Callable[[FlowSet, str, str, bool], FlowSet]:
    def read_type(_flows: FlowSet, _family: str, text: str, negated: bool) -> FlowSet:
        types = conditions.of_icmp_type(number, text) if text != "any" else services.of_protocol(number)
        return FlowSet(services=services.of_protocol(number) - types if negated else types)

    return read_type


def _state(_flows: FlowSet, _family: str, text: str, negated: bool) -> FlowSet | None:
    return conditions.new_flows(frozenset(text.lower().split(",")), negated=negated)


def _owner(_flows: FlowSet, _family: str, text: str, negated: bool) -> FlowSet:
    if negated or not re.fullmatch(r"[A-Za-z_][\w.-]*|\d+", text):
        raise NotModelled(f"owner {text}")
    return FlowSet(users=frozenset({text}))


def _out(_flows: FlowSet, _family: str, text: str, negated: bool) -> FlowSet | None:
    if text == "lo":
        return FlowSet() if negated else None
    raise NotModelled(f"interface {text}")


def _in(_flows: FlowSet, _family: str, text: str, _negated: bool) -> FlowSet:
    raise NotModelled(f"interface {text}")


def _syn(_flows: FlowSet, _family: str, _text: str, negated: bool) -> FlowSet | None:
    return None if negated else FlowSet()


def _routed(_flows: FlowSet, _family: str, text: str, negated: bool) -> None:
    """Routing headers of type 0, which nobody answers to since RFC 5095, are in no flow that an entry is about."""
    if text != "0" or negated:
        raise NotModelled(f"routing header {text}")


_READERS: Mapping[str, Callable[[FlowSet, str, str, bool], FlowSet | None]] = {
    "-d": _destination,
    "--destination": _destination,
    "--dst-range": _destination,
    "-p": _protocol,
    "--protocol": _protocol,
    "--dport": _ports,
    "--destination-port": _ports,
    "--dports": _ports,
    "--destination-ports": _ports,
    "--icmp-type": _icmp(services.ICMP),
    "--icmpv6-type": _icmp(services.ICMPV6),
    "--ctstate": _state,
    "--state": _state,
    "--uid-owner": _owner,
    "-o": _out,
    "--out-interface": _out,
    "-i": _in,
    "--syn": _syn,
    "--rt-type": _routed,
}
"""How each option limits a rule. Any other is a doubt."""
