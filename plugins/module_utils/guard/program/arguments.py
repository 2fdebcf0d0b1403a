# Copyright: (c) 2026, the tidegate developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The words of the command `tidegate`: one table, of which its parser, its man page and its completion are made."""

from __future__ import annotations

import argparse
import difflib
import re
from typing import Any, Mapping, NamedTuple, NoReturn

from ansible_collections.tidegate.nftables.plugins.module_utils.guard.host import systemd_units

VERSION = "0.1.0"
"""Of the collection."""


class Word(NamedTuple):
    """An argument. name: with dashes for an option. about: for people. more: for argparse."""

    name: str
    about: str
    more: Mapping[str, Any] = {}


class Command(NamedTuple):
    """A command. about: "" for one that only systemd runs; help, man page and completion do not show it."""

    about: str
    words: tuple[Word, ...] = ()


_JSON = Word("--json", "print JSON, for programs", {"action": "store_true"})
_MINUTES = (Word("minutes", "how long", {"type": int}),)
COMMANDS: Mapping[str, Command] = {
    "status": Command("which policy is loaded, who confirmed it, what is pending, events", (_JSON,)),
    "denied": Command(
        "rejected flows, the most frequent first",
        (
            Word("lines", "how many lines (20)", {"nargs": "?", "type": int, "default": 20}),
            Word("--since", "only flows of the last time, such as 30m, 2h or 7d (1d)", {"default": "1d"}),
            Word("--user", "only flows of this user", {"default": ""}),
            Word("--unit", "only flows of this systemd unit, where the ledger notes units", {"default": ""}),
            Word("--yaml", "print the entries that would allow what no variable explains", {"action": "store_true"}),
            _JSON,
        ),
    ),
    "why": Command(
        "what the policy says about a connection from this host, and why",
        (
            Word("destination", "an address or a name"),
            Word("service", "a port, tcp/443 or a name such as https"),
            Word("by", 'whose connection it is, as denied prints it: "by www-data"', {"nargs": "*"}),
            Word("--user", "whose connection it is (root)", {"default": ""}),
            Word("--unit", "the systemd unit whose connection it is, such as nginx.service", {"default": ""}),
            Word(
                "--protocol",
                "of a port without one (tcp)",
                {"default": "tcp", "choices": ["tcp", "udp", "sctp", "dccp"]},
            ),
            _JSON,
        ),
    ),
    "restore": Command("load the confirmed policy, whatever is loaded now"),
    "confirm": Command("confirm the pending change", (Word("token", "the change", {"nargs": "?", "default": ""}),)),
    "rollback": Command(
        "roll back the pending change, or return to an earlier policy",
        (Word("to", "number, name or time as status shows them", {"nargs": "?", "default": ""}),),
    ),
    "open": Command("allow all outbound traffic for some minutes", _MINUTES),
    "close": Command("allow only the floor for some minutes", _MINUTES),
    "boot": Command(""),
    "watch": Command(""),
    "answer": Command(""),
    systemd_units.SETTLE: Command(""),
    systemd_units.SETTLE_UNITS: Command(""),
}
SHOWN = {name: command for name, command in COMMANDS.items() if command.about}
"""The commands for people."""


class _Parser(argparse.ArgumentParser):
    """A parser that guesses what a mistyped command means, and names the commands where none is given."""

    def error(self, message: str) -> NoReturn:
        typed = re.search(r"argument COMMAND: invalid choice: '(.*?)' \(", message)
        if typed:
            near = difflib.get_close_matches(typed[1], SHOWN, n=1)
            guess = f" Did you mean {near[0]}?" if near else ""
            message = f'invalid choice: "{typed[1]}" is no command.{guess} Commands: {", ".join(SHOWN)}.'
        if "required: COMMAND" in message:
            message = f"a command is missing. Commands: {', '.join(SHOWN)}. `tidegate -h` describes them."
        super().error(message)


def parser() -> argparse.ArgumentParser:
    """Return the parser. A wrong argument ends the program with status 2."""
    made = _Parser(prog="tidegate", description="The egress policy of this host. Needs root.")
    made.add_argument("--version", action="version", version=f"tidegate {VERSION}")
    commands = made.add_subparsers(dest="command", metavar="COMMAND", required=True)
    for name, command in COMMANDS.items():
        # Without a help text the command is not listed.
        shown: Any = {"help": command.about, "description": command.about} if command.about else {}
        words = commands.add_parser(name, **shown)
        for word in command.words:
            words.add_argument(word.name, help=word.about, **word.more)
    return made
