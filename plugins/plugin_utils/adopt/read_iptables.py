# Copyright: (c) 2026, the tidegate developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Rules out of the text of iptables-save(8), ip6tables-save(8), ufw's user.rules and firewalld's direct.xml."""

from __future__ import annotations

import re
import shlex
from collections.abc import Callable, Iterator, Mapping
from xml.etree import ElementTree as ET

from ansible_collections.tidegate.nftables.plugins.plugin_utils.policy.sets import addresses, services
from ansible_collections.tidegate.nftables.plugins.plugin_utils.policy.sets.services import ServiceSet

from . import words
from .model import FAMILIES, Base, Match, Rule, Table
from .words import PORTED, Unsaid

TABLES = ("raw", "mangle", "filter", "security")
"""Tables that can refuse what a host sends; nat rewrites destinations."""

HOOKS = ("OUTPUT", "POSTROUTING")

_VERDICTS = {
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


def read(where: str, family: str, text: str, only: tuple[str, ...] = ()) -> list[Table]:
    """Return the tables of a text. only: their names, () for all that can refuse."""
    found = []
    for name, lines in _tables(text):
        if name in (only or TABLES) and name in TABLES:
            found.append(_table(f"{where}, table {name}", family, lines))
    return found


def ufw(where: str, family: str, text: str, policy: str) -> list[Table]:
    """Return ufw's own chain for what goes out, with the policy of /etc/default/ufw."""
    chain = "ufw-user-output" if family == "ip" else "ufw6-user-output"
    lines = [line for name, found in _tables(text) if name == "filter" for line in found]
    made = _table(where, family, lines)
    return [Table(where, family, made.chains, (Base(chain, _VERDICTS.get(policy, "drop")),))]


def direct(where: str, text: str) -> list[Table]:
    """Return the rules that firewalld gives to iptables as they are (firewalld.direct(5)), by family."""
    found: dict[str, list[str]] = {"ip": [], "ip6": []}
    try:
        rules = sorted(ET.fromstring(text).iter("rule"), key=lambda rule: int(rule.get("priority", "0")))  # noqa: S314
    except (ET.ParseError, ValueError) as error:
        return [Table(where, "inet", {}, (), (f"is no XML: {error}",))]
    for rule in rules:
        family = {"ipv4": "ip", "ipv6": "ip6"}.get(rule.get("ipv", ""))
        if family and rule.get("table") == "filter":
            found[family].append(f"-A {rule.get('chain')} {rule.text or ''}")
    return [_table(where, family, [":OUTPUT ACCEPT", *lines]) for family, lines in found.items() if lines]


def _tables(text: str) -> Iterator[tuple[str, list[str]]]:
    name, lines = "", list[str]()
    for line in [*text.split("\n"), "*"]:
        if line.startswith("*"):
            if name:
                yield name, lines
            name, lines = line[1:].strip(), []
        elif line.startswith((":", "-A ", "-I ", "[")):
            lines.append(line)


def _table(where: str, family: str, lines: list[str]) -> Table:
    chains: dict[str, list[Rule]] = {}
    bases = []
    for line in lines:
        if line.startswith(":"):
            name, policy = line[1:].split()[:2]
            chains[name] = []
            if name in HOOKS:
                bases.append(Base(name, _VERDICTS.get(policy, "drop")))
    for line in lines:
        if not line.startswith(":"):
            text = re.sub(r"^\[\d+:\d+\] ", "", line)
            chain, rule = _rule(where, family, text, frozenset(chains))
            # ufw's own logging is the one thing that is put in at the front.
            place = 0 if text.startswith("-I ") else len(chains.setdefault(chain, []))
            chains[chain].insert(place, rule)
    return Table(where, family, {name: tuple(rules) for name, rules in chains.items()}, tuple(bases))


def _rule(where: str, family: str, text: str, chains: frozenset[str]) -> tuple[str, Rule]:
    try:
        tokens = shlex.split(text)
    except ValueError:
        return text.split()[1], Rule(f"{where}: {text}", Match(FAMILIES[family]).doubt("unreadable quotes"), "drop")
    match: Match | None = Match(FAMILIES[family])
    verdict, target = "", ""
    for option, arguments, negated in _options(tokens[2:]):
        if option in ("-j", "-g", "--jump", "--goto"):
            verdict, target = _verdict(option, arguments[0] if arguments else "", chains)
        elif match is not None:
            match = _matched(match, family, option, arguments, negated=negated)
    if verdict == "unknown":
        verdict, match = "drop", match.doubt(f"target {target}") if match is not None else None
    return tokens[1], Rule(f"{where}: {text}", match, verdict, target)


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


def _verdict(option: str, target: str, chains: frozenset[str]) -> tuple[str, str]:
    if target in chains:
        return ("goto" if option in ("-g", "--goto") else "jump"), target
    if target in _PASSING:
        return "", ""
    return _VERDICTS.get(target, "unknown"), target


def _matched(match: Match, family: str, option: str, arguments: list[str], *, negated: bool) -> Match | None:
    """Return the match with one more option, None when no new flow that leaves the host fits it."""
    if option in _SILENT:
        return match
    try:
        reader = _READERS[option]
        found = reader(match, family, arguments[0] if arguments else "", negated)
    except (KeyError, Unsaid) as error:
        sign = "! " if negated else ""
        why = str(error) if isinstance(error, Unsaid) else " ".join([option, *arguments])
        return match.doubt(sign + why)
    return None if found is None else match & found


def _destination(_match: Match, family: str, text: str, negated: bool) -> Match:
    found = addresses.union(words.where_to(part) for part in text.split(","))
    return Match(FAMILIES[family] - found if negated else found)


def _protocol(_match: Match, _family: str, text: str, negated: bool) -> Match:
    found = services.ANY if text == "all" else words.spoken(text)
    return Match(services=services.ANY - found if negated else found)


def _ports(match: Match, _family: str, text: str, negated: bool) -> Match:
    """Ports of the protocols that the rule named before, which iptables demands."""
    named = tuple(name for name in PORTED if match.services & words.spoken(name))
    if len(named) == len(PORTED):
        raise Unsaid(f"ports {text} of no protocol")
    found = services.NONE
    for part in text.split(","):
        first, _colon, last = part.partition(":")
        if not (first or "0").isdigit() or not (last or "0").isdigit():
            raise Unsaid(f"port {part}")
        begin = int(first or 0)
        found |= words.ports(named, begin, int(last or (65535 if _colon else begin)))
    whole = words.ports(named, 0, 65535)
    return Match(services=whole - found if negated else found)


def _icmp(number: int) -> Callable[[Match, str, str, bool], Match]:
    def read_type(_match: Match, _family: str, text: str, negated: bool) -> Match:
        found: ServiceSet = words.icmp(number, text) if text != "any" else services.of_protocol(number)
        return Match(services=services.of_protocol(number) - found if negated else found)

    return read_type


def _state(_match: Match, _family: str, text: str, negated: bool) -> Match | None:
    return words.state(frozenset(text.lower().split(",")), negated=negated)


def _owner(_match: Match, _family: str, text: str, negated: bool) -> Match:
    if negated or not re.fullmatch(r"[A-Za-z_][\w.-]*|\d+", text):
        raise Unsaid(f"owner {text}")
    return Match(users=frozenset({text}))


def _out(_match: Match, _family: str, text: str, negated: bool) -> Match | None:
    if text == "lo":
        return Match() if negated else None
    raise Unsaid(f"interface {text}")


def _in(_match: Match, _family: str, text: str, _negated: bool) -> Match:
    raise Unsaid(f"interface {text}")


def _syn(_match: Match, _family: str, _text: str, negated: bool) -> Match | None:
    return None if negated else Match()


def _routed(_match: Match, _family: str, text: str, negated: bool) -> None:
    """Routing headers of type 0, which nobody answers to since RFC 5095, are in no flow that an entry is about."""
    if text != "0" or negated:
        raise Unsaid(f"routing header {text}")


_READERS: Mapping[str, Callable[[Match, str, str, bool], Match | None]] = {
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
