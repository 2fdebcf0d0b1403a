# Copyright: (c) 2026, the tidegate developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What the engine does without nft: changes of nothing but elements, and the second run of a play of small tasks."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from ansible_collections.tidegate.nftables.plugins.module_utils.nft.command import Nft, NftOutcome

from .conftest import BINARIES, Lab


class Loads(Nft):
    """Keeps what nft is told to load, and of that what it refuses."""

    def __init__(self, path: str) -> None:
        super().__init__(path)
        self.loaded: list[str] = []
        self.refused: list[str] = []

    def load(self, script: str, *, check: bool = False) -> NftOutcome:
        self.loaded.append(script)
        outcome = super().load(script, check=check)
        self.refused += [script] if outcome.code else []
        return outcome


@pytest.fixture
def loads(lab: Lab) -> Loads:
    lab.nft = Loads(lab.path)
    return lab.nft


def two_sets(first: list[Any], second: list[Any], *rules: str, **more: Any) -> dict[str, Any]:
    return {
        "name": "t",
        "sets": [
            {"name": "a", "type": "ipv4_addr", "flags": ["interval"], "elements": first, **more},
            {"name": "b", "type": "ipv6_addr", "elements": second},
        ],
        "chains": [{"name": "c", "rules": ["ip daddr @a accept", *rules]}],
    }


def test_elements_of_two_sets_are_one_transaction_of_netlink(lab: Lab, loads: Loads) -> None:
    lab.run(two_sets(["10.0.0.0/8"], ["2001:db8::1"]))
    loads.loaded.clear()
    done = lab.predicted(two_sets(["10.0.0.0/9", "192.0.2.1"], ["2001:db8::1", "2001:db8::2"]))
    assert not loads.loaded
    assert "delete element inet t a { 10.0.0.0/8 }\n" in done.transaction
    assert "add element inet t a { 10.0.0.0/9, 192.0.2.1 }\n" in done.transaction
    assert "add element inet t b { 2001:db8::2 }\n" in done.transaction


@pytest.mark.parametrize(
    "table",
    [
        two_sets(["10.0.0.0/9"], ["2001:db8::1"], "drop"),
        two_sets([{"value": "10.0.0.0/9", "comment": "half"}], ["2001:db8::1"]),
        two_sets(["10.0.0.0/8"], ["2001:db8::1"], comment="made anew"),
    ],
    ids=["with a rule", "with a comment", "with a declaration"],
)
def test_more_than_keys_of_elements_is_one_transaction_of_nft(lab: Lab, loads: Loads, table: dict[str, Any]) -> None:
    """nft 0.9.8 refuses it first as a whole, and it is sent once more, by emptying and filling.

    It does not see a deletion when it looks for overlaps in the same transaction.
    """
    lab.run(two_sets(["10.0.0.0/8"], ["2001:db8::1"]))
    loads.loaded.clear()
    done = lab.run(table)
    assert done.changed
    assert loads.loaded[-1] == done.transaction
    assert loads.refused == loads.loaded[:-1]
    assert len(loads.refused) <= (lab.version < (1, 0))


def test_no_interval_goes_that_was_not_named(lab: Lab) -> None:
    """The kernel deletes a concatenated interval by its start alone."""
    declared = {"name": "s", "type": "ipv4_addr . inet_service", "flags": ["interval"]}
    table = {"name": "t", "sets": [{**declared, "elements": ["10.0.0.0/8 . 443", "172.16.0.0/12 . 443"]}]}
    lab.run(table)
    result = lab.single("element", set="s", elements=["10.0.0.0/16 . 443"], state="absent")
    assert not result.changed
    lab.single_predicted("element", set="s", elements=["172.16.0.0/12 . 443"], state="absent")
    assert [element.key for element in lab.elements("s")] == ["10.0.0.0/8 . 443"]


PLAY: list[tuple[str, dict[str, Any]]] = [
    ("table", {"name": "t"}),
    ("set", {"name": "s", "type": "ipv4_addr", "elements": ["192.0.2.1"]}),
    ("chain", {"name": "c", "rules": ["ip daddr @s accept"]}),
    ("chain", {"name": "others"}),
    ("rule", {"chain": "others", "rule": "tcp dport 22 accept", "comment": "ssh"}),
    ("set", {"name": "theirs", "type": "inet_service"}),
    ("element", {"set": "theirs", "elements": ["443"]}),
]


def play(lab: Lab) -> list[tuple[bool, str]]:
    results = [lab.single(kind, **arguments) for kind, arguments in PLAY]
    return [(result.changed, result.path) for result in results]


def test_the_second_run_of_a_play_starts_no_nft(lab: Lab) -> None:
    assert all(changed for changed, _path in play(lab))
    assert play(lab) == [(False, "fast")] * len(PLAY)
    lab.load("add table ip elsewhere")
    assert [changed for changed, _path in play(lab)] == [False] * len(PLAY)
    assert play(lab) == [(False, "fast")] * len(PLAY)


MEDDLING = {
    "flush chain inet t c": 2,
    "flush set inet t s": 1,
    "delete element inet t theirs { 443 }": 6,
    "flush chain inet t others": 4,
}


@pytest.mark.parametrize("what", MEDDLING)
def test_what_somebody_did_between_two_tasks_is_found(lab: Lab, what: str) -> None:
    play(lab)
    play(lab)
    lab.load(what)
    assert [at for at, (changed, _path) in enumerate(play(lab)) if changed] == [MEDDLING[what]]


def test_a_task_that_changes_what_another_one_owns_takes_its_proof_away(lab: Lab) -> None:
    play(lab)
    lab.single("element", set="s", elements=["192.0.2.2"])
    assert [at for at, (changed, _path) in enumerate(play(lab)) if changed] == [1]
    lab.run({"name": "t", "sets": [{"name": "s", "type": "ipv4_addr", "elements": ["192.0.2.1"]}], "chains": []})
    assert [at for at, (changed, _path) in enumerate(play(lab)) if changed] == [2, 3, 4, 5, 6]


def test_check_mode_leaves_the_proofs_of_others(lab: Lab) -> None:
    play(lab)
    assert lab.single("chain", check=True, name="new").changed
    assert play(lab) == [(False, "fast")] * len(PLAY)


ROOTLESS = """
import sys
from pathlib import Path
from ansible_collections.tidegate.nftables.plugins.module_utils.netlink import sets
from ansible_collections.tidegate.nftables.plugins.module_utils.nft.errors import EngineError
from ansible_collections.tidegate.nftables.tests.integration.nft.conftest import Lab
lab, file = Lab(sys.argv[1], Path(sys.argv[2]) / "run"), Path(sys.argv[2]) / "list.txt"
def table(*rules):
    large = {"name": "s", "type": "ipv4_addr", "flags": ["interval"], "elements_file": str(file)}
    return {"name": "t", "sets": [large], "chains": [{"name": "c", "rules": ["ip daddr @s accept", *rules]}]}
def write(first, count):
    numbers = range(first, first + count)
    file.write_text("".join(f"{1 + (n >> 19)}.{n >> 11 & 255}.{n >> 3 & 255}.{(n & 7) * 32}/28\\n" for n in numbers))
count = int(sys.argv[3])
write(0, count)
assert lab.run(table(), check=True).changed
assert lab.run(table()).changed
info = sets.get_set("inet", "t", "s")
assert info.count in (None, count)
assert "ip daddr @s accept" in lab.nft.run("list", "chain", "inet", "t", "c").out
assert not lab.run(table()).changed
assert lab.run(table()).path == "fast"
write(10, count)
assert lab.run(table()).path == "elements"
write(count * 2, count)
try:
    lab.run(table())
except EngineError as error:
    print(error)
assert sets.get_set("inet", "t", "s").count == info.count
"""


def test_in_a_user_namespace_a_new_set_is_filled_in_pieces_and_one_in_use_is_not(tmp_path: Path) -> None:
    largest = 2 * int(Path("/proc/sys/net/core/wmem_max").read_text(encoding="ascii"))
    command = ["unshare", "--user", "--map-root-user", "--net", sys.executable, "-c", ROOTLESS]
    arguments = [str(BINARIES["1.1.3"]), str(tmp_path), str(largest // 38)]
    done = subprocess.run([*command, *arguments], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert "do not fit into one transaction here" in done.stdout
    assert "net.core.wmem_max" in done.stdout
    assert "Nothing was changed" in done.stdout


class Listings(Nft):
    """Refuses to list, and counts how often nft is started for more than its version."""

    def run(self, *arguments: str, stdin: str = "") -> NftOutcome:
        assert arguments == ("--version",), arguments
        return super().run(*arguments, stdin=stdin)


KINDS_OF_SETS = {
    "intervals": ("type ipv4_addr; flags interval;", "10.{}.{}.0/28"),
    "intervals of IPv6": ("type ipv6_addr; flags interval;", "2001:db8:{:x}:{:x}::/64"),
    "addresses": ("type ipv4_addr;", "10.{}.{}.1"),
    "addresses of IPv6": ("type ipv6_addr;", "2001:db8:{:x}:{:x}::1"),
    "bans": ("type ipv4_addr; flags timeout; timeout 1h;", "10.{}.{}.1"),
}


@pytest.fixture(params=KINDS_OF_SETS)
def large(lab: Lab, request: pytest.FixtureRequest) -> str:
    """A table with a set s of 2,000; returns the form of its elements."""
    declared, form = KINDS_OF_SETS[request.param]
    texts = ", ".join(form.format(number // 200, number % 200) for number in range(2000))
    lab.load(f"table inet t {{\n set s {{ {declared} elements = {{ {texts} }} }}\n}}\n")
    return form


def test_elements_that_are_named_are_looked_up_and_nothing_is_listed(lab: Lab, large: str) -> None:
    there, other, new = (large.format(*place) for place in ((1, 1), (2, 2), (200, 1)))
    watched_nft = lab.nft
    lab.nft = Listings(lab.path)
    assert not lab.single("element", set="s", elements=[there]).changed
    assert not lab.single("element", set="s", elements=[new], state="absent").changed
    checked = lab.single("element", set="s", elements=[there, new], check=True)
    done = lab.single("element", set="s", elements=[there, new])
    assert checked.as_dict() == done.as_dict()
    assert (done.changed, done.path, done.transaction) == (True, "elements", f"add element inet t s {{ {new} }}\n")
    assert new in done.after
    assert new not in done.before
    assert not lab.single("element", set="s", elements=[new]).changed
    assert lab.single("element", set="s", elements=[there], state="absent", check=True).changed
    gone = lab.single("element", set="s", elements=[there, other], state="absent")
    assert [dict(change.place)["count"] for change in gone.changes] == [2]
    assert not lab.single("element", set="s", elements=[there, other], state="absent").changed
    lab.nft = watched_nft
    keys = {element.key for element in lab.elements("s")}
    assert len(keys) == 1999
    assert new in keys
    assert keys.isdisjoint((there, other))


def test_a_comment_is_part_of_what_is_asked_for(lab: Lab) -> None:
    lab.load("table inet t {\n set s { type ipv4_addr; flags interval; elements = { 10.0.0.0/8, 192.0.2.1 } }\n}\n")
    watched_nft = lab.nft
    lab.nft = Listings(lab.path)
    commented = [{"value": "10.0.0.0/8", "comment": "ours"}, {"value": "192.0.3.7", "comment": "and theirs"}]
    done = lab.single("element", set="s", elements=commented)
    assert [(change.action, dict(change.place)["count"]) for change in done.changes] == [("delete", 1), ("add", 2)]
    assert not lab.single("element", set="s", elements=commented).changed
    lab.nft = watched_nft
    assert 'comment "ours"' in lab.listing()
    assert 'comment "and theirs"' in lab.listing()


def test_what_holds_more_than_was_named_stays_and_is_told(lab: Lab) -> None:
    lab.load("table inet t {\n set s { type ipv4_addr; flags interval; elements = { 10.0.0.0/8 } }\n}\n")
    lab.nft = Listings(lab.path)
    done = lab.single("element", set="s", elements=["10.1.2.0/24"], state="absent")
    assert (done.changed, len(done.warnings)) == (False, 1)
    assert "10.1.2.0/24 still matches set s: the set has 10.0.0.0/8" in done.warnings[0]
    assert not lab.single("element", set="s", elements=["8.0.0.0/6"], state="absent").warnings
