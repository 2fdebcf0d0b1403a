# Copyright: (c) 2026, the tidegate developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A chain that nft cannot change in place is made anew with the rules of others; the alarm about a loss is true."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from ansible_collections.tidegate.nftables.plugins.module_utils.netlink.commits import CommitListener
from ansible_collections.tidegate.nftables.plugins.module_utils.nft.command import Nft, NftOutcome

from .conftest import Lab

CHAIN = """
table inet t {
    chain c { type filter hook output priority 0; policy accept;
        tcp dport 22 counter packets 3 bytes 300 accept comment "theirs"
    }
}
"""
ANEW: dict[str, dict[str, Any]] = {
    "priority": {"priority": "10"},
    "comment": {"priority": "0", "comment": "words"},
    "hook": {"priority": "0", "hook": "forward"},
    "comment of the table": {},
}
PROCESSES = 6
"""Version, listing, reading the task, reading the rules of others, transaction, verification."""


class Watched(Nft):
    """Counts its processes, and lets somebody else write at some of them."""

    write: Callable[[tuple[str, ...], str], None] = staticmethod(lambda _arguments, _script: None)
    after: Callable[[tuple[str, ...]], None] = staticmethod(lambda _arguments: None)
    processes = 0

    def run(self, *arguments: str, stdin: str = "") -> NftOutcome:
        self.processes += 1
        self.write(arguments, stdin)
        outcome = super().run(*arguments, stdin=stdin)
        self.after(arguments)
        return outcome


@pytest.fixture
def nft(lab: Lab) -> Watched:
    lab.load(CHAIN)
    watched = Watched(lab.path)
    lab.nft = watched
    return watched


def change(lab: Lab, what: str = "priority") -> tuple[str, ...]:
    """Make the chain or its table anew; return the warnings."""
    if what == "comment of the table":
        result = lab.single("table", name="t", comment="words")
    else:
        result = lab.single("chain", name="c", **{"type": "filter", "hook": "output", **ANEW[what]})
    assert {record.action for record in result.changes} == {"recreate"}
    return result.warnings


def others(lab: Lab, *ports: int) -> Callable[[], None]:
    """Return what adds a rule for the next port with each call, for as long as there are ports."""
    other, left = Nft(lab.path), list(ports)

    def write() -> None:
        if left:
            assert other.load(f"add rule inet t c tcp dport {left.pop(0)} accept\n").code == 0

    return write


def ports(lab: Lab) -> list[str]:
    return [rule.canon.split()[2] for rule in lab.rules("c")]


@pytest.mark.parametrize("what", ANEW)
def test_nobody_is_there_and_nothing_is_said_or_done_twice(lab: Lab, nft: Watched, what: str) -> None:
    assert change(lab, what) == ()
    assert nft.processes <= PROCESSES
    assert lab.rules("c")[0].text == 'tcp dport 22 counter packets 3 bytes 300 accept comment "theirs"'


def test_who_writes_into_the_chain_just_before_the_transaction_is_named(lab: Lab, nft: Watched) -> None:
    write = others(lab, 80)
    nft.write = lambda arguments, _script: write() if arguments[0] == "-f" else None
    (warning,) = change(lab)
    assert "wrote while c was created anew" in warning
    assert "may be missing" in warning
    assert ports(lab) == ["22"]


@pytest.mark.parametrize("what", ANEW)
def test_who_writes_elsewhere_meanwhile_is_no_alarm(lab: Lab, nft: Watched, what: str) -> None:
    other = Nft(lab.path)
    lab.load(
        "table ip elsewhere { chain c { }\n}\n" + ("" if what.startswith("comment of") else "add chain inet t d\n")
    )
    scripts = ["add rule ip elsewhere c accept\n"]
    # A chain of the same table stays as it is when another one is made anew.
    scripts += [] if what.startswith("comment of") else ["add rule inet t d accept\n"]
    written: list[str] = []

    def write(arguments: tuple[str, ...], _script: str) -> None:
        if arguments[0] == "-f" and "-c" not in arguments:
            for script in scripts:
                assert other.load(script).code == 0
                written.append(script)
            scripts.clear()

    nft.write = write
    assert change(lab, what) == ()
    assert written, "nobody wrote, so nothing was tried"
    assert ports(lab) == ["22"]


def test_an_alarm_is_raised_where_commits_were_too_long_to_be_heard(
    lab: Lab, nft: Watched, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(CommitListener, "commits", lambda _self: None)
    write = others(lab, 80)
    nft.write = lambda arguments, _script: write() if arguments[0] == "-f" else None
    assert "may be missing" in change(lab)[0]


def test_who_writes_while_the_run_plans_loses_nothing(lab: Lab, nft: Watched) -> None:
    """The plan is made again from what is there then, until nobody writes."""
    write = others(lab, 80, 81, 82)
    nft.after = lambda arguments: write() if "-i" in arguments or "list" in arguments else None
    assert change(lab) == ()
    assert ports(lab) == ["22", "80", "81", "82"]


def test_who_writes_after_the_transaction_is_no_alarm(lab: Lab, nft: Watched) -> None:
    write = others(lab, 80)
    sent: list[bool] = []
    nft.write = lambda arguments, _script: write() if sent else sent.append(True) if arguments[0] == "-f" else None
    assert change(lab) == ()
    assert ports(lab) == ["22", "80"]
