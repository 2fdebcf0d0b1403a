# Copyright: (c) 2026, the tidegate developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Sets whose elements are a file: changed by their difference, without listing, and never wrongly called unchanged."""

from __future__ import annotations

from pathlib import Path
from typing import Any, NoReturn

import pytest

from ansible_collections.tidegate.nftables.plugins.module_utils.netlink import sets as netlink
from ansible_collections.tidegate.nftables.plugins.module_utils.nft.engine import RunResult
from ansible_collections.tidegate.nftables.plugins.module_utils.nft.errors import EngineError
from ansible_collections.tidegate.nftables.plugins.module_utils.nft.netlink_path import file_sets

from .conftest import Lab
from .test_fast_path import Counting

KINDS: dict[str, tuple[dict[str, Any], str]] = {
    "intervals": ({"type": "ipv4_addr", "flags": ["interval"]}, "10.{}.{}.0/28"),
    "intervals of IPv6": ({"type": "ipv6_addr", "flags": ["interval"]}, "2001:db8:{:x}:{:x}::/64"),
    "addresses": ({"type": "ipv4_addr"}, "10.{}.{}.1"),
    "addresses of IPv6": ({"type": "ipv6_addr"}, "2001:db8:{:x}:{:x}::1"),
}
KINDS_FOR_NFT: dict[str, tuple[dict[str, Any], str]] = {
    "concatenated intervals": (
        {"type": "ipv4_addr . inet_proto . inet_service", "flags": ["interval"]},
        "10.{}.{}.0/28 . tcp . 443",
    ),
    "concatenations": ({"type": "ipv6_addr . inet_service"}, "2001:db8:{:x}:{:x}::1 . 443"),
    "concatenations of typeof": ({"typeof": "ip daddr . udp dport"}, "10.{}.{}.1 . 53"),
    "ethernet addresses": ({"type": "ether_addr"}, "02:00:00:00:{:02x}:{:02x}"),
    "ethernet addresses of typeof": ({"typeof": "ether saddr"}, "02:00:00:00:{:02x}:{:02x}"),
}


class FileSet:
    """A set of table t with a file."""

    def __init__(self, lab: Lab, file: Path, declared: dict[str, Any], form: str) -> None:
        self.lab, self.file, self.declared, self.form = lab, file, declared, form
        lab.load("add table inet t")

    def write(self, *numbers: int) -> None:
        self.file.write_text("".join(f"{self.text(number)}\n" for number in numbers))

    def text(self, number: int) -> str:
        return self.form.format(number // 200, number % 200)

    def run(self, *, check: bool = False) -> RunResult:
        return self.lab.single("set", check=check, name="s", **self.declared, elements_file=str(self.file))

    def predicted(self) -> RunResult:
        """A run of which check mode said beforehand what it does, and whose elements are the file's."""
        before = self.lab.listing()
        checked = self.run(check=True)
        assert self.lab.listing() == before
        done = self.run()
        assert checked.as_dict() == done.as_dict()
        self.right()
        return done

    def right(self) -> None:
        """The kernel has what a list in the arguments would have made of it."""
        elements = self.file.read_text().splitlines()
        again = self.lab.single("set", check=True, name="s", **self.declared, elements=elements)
        assert not again.changed, again.transaction
        assert len(self.lab.elements("s")) == len(set(elements))


@pytest.fixture(params=KINDS)
def fed_set(lab: Lab, tmp_path: Path, request: pytest.FixtureRequest) -> FileSet:
    return FileSet(lab, tmp_path / "list.txt", *KINDS[request.param])


@pytest.fixture
def networks(lab: Lab, tmp_path: Path) -> FileSet:
    return FileSet(lab, tmp_path / "list.txt", *KINDS["intervals"])


def counts(result: RunResult) -> dict[str, int]:
    return {change.action: dict(change.place)["count"] for change in result.changes if change.kind == "element"}


def test_a_file_and_its_changes(fed_set: FileSet) -> None:
    fed_set.write(*range(300))
    assert counts(fed_set.predicted()) == {"add": 300}
    assert fed_set.run().path == "fast"
    fed_set.write(*range(290), 400, 401)
    done = fed_set.predicted()
    assert (done.path, counts(done)) == ("elements", {"add": 2, "delete": 10})
    assert f"delete element inet t s {{ {fed_set.text(290)}," in done.transaction.replace("\n\t", " ")
    assert fed_set.text(401) in done.after
    assert fed_set.text(400) not in done.before
    assert fed_set.run().path == "fast"
    fed_set.write(*range(1000, 3000))
    assert counts(fed_set.predicted()) == {"add": 2000, "delete": 292}
    fed_set.write(3)
    assert counts(fed_set.predicted()) == {"add": 1, "delete": 2000}
    fed_set.file.write_text("# nothing at all\n")
    assert counts(fed_set.run()) == {"delete": 1}
    assert fed_set.lab.elements("s") == ()
    fed_set.write(*range(5))
    assert counts(fed_set.predicted()) == {"add": 5}


@pytest.mark.parametrize("kind", KINDS_FOR_NFT)
def test_a_file_of_other_keys_goes_through_nft(lab: Lab, tmp_path: Path, kind: str) -> None:
    file_set = FileSet(lab, tmp_path / "list.txt", *KINDS_FOR_NFT[kind])
    file_set.write(*range(50))
    assert counts(file_set.predicted()) == {"add": 50}
    assert file_set.run().path == "fast"
    file_set.write(*range(40), 60, 61)
    done = file_set.predicted()
    assert (done.path, counts(done)) == ("full", {"add": 2, "delete": 10})
    assert file_set.run().path == "fast"
    lab.load("add table ip of_another_program")
    again = file_set.run()
    assert (again.changed, again.path) == (False, "full")
    file_set.file.write_text("# none\n")
    assert counts(file_set.run()) == {"delete": 42}
    assert lab.elements("s") == ()


def test_without_notes_a_change_is_the_same(fed_set: FileSet) -> None:
    fed_set.write(*range(300))
    fed_set.run()
    fed_set.lab.forget()
    again = fed_set.run()
    assert (again.path, again.changed) == ("full", False)
    fed_set.write(*range(5, 305))
    fed_set.lab.forget()
    done = fed_set.predicted()
    assert (done.path, counts(done)) == ("full", {"add": 5, "delete": 5})


def test_other_words_are_no_change(networks: FileSet) -> None:
    networks.write(1, 2, 3)
    networks.run()
    for content in (
        "10.0.3.0/28\n\n10.0.2.0/28\n10.0.1.0/28",
        "# a remark\n10.0.1.0/28 # another\n  10.0.2.0/28\t\n10.0.3.0/28\n",
        "10.0.1.0-10.0.1.15\n10.0.2.7/28\n10.0.3.0/28\n10.0.3.0/28\n10.0.3.1/28\n",
    ):
        networks.file.write_text(content)
        again = networks.run()
        assert (again.changed, again.path, again.transaction) == (False, "elements", "")
        assert networks.run().path == "fast"
    networks.file.write_text("10.0.3.1/28\n10.0.2.0/28\n")
    assert counts(networks.run()) == {"delete": 1}
    assert [element.key for element in networks.lab.elements("s")] == ["10.0.2.0/28", "10.0.3.0/28"]


def test_a_change_starts_no_nft(lab: Lab, tmp_path: Path) -> None:
    lab.nft = Counting(lab.path)
    networks = FileSet(lab, tmp_path / "list.txt", *KINDS["intervals"])
    networks.write(*range(50))
    networks.run()
    Counting.starts = 0
    networks.write(*range(1, 51))
    assert networks.run().changed
    assert Counting.starts == 0


@pytest.mark.parametrize(
    "meddling",
    [
        "add element inet t s { 172.16.0.0/28 }",
        "delete element inet t s { 10.0.7.0/28 }",
        "delete element inet t s { 10.0.7.0/28 }\nadd element inet t s { 172.16.0.0/28 }",
        "delete element inet t s { 10.0.7.0/28 }\nadd element inet t s { 10.0.7.0/29 }",
        'delete element inet t s { 10.0.7.0/28 }\nadd element inet t s { 10.0.7.0/28 comment "mine" }',
        "flush set inet t s",
    ],
)
def test_what_somebody_else_did_is_put_right(networks: FileSet, meddling: str) -> None:
    networks.write(*range(300))
    networks.run()
    for line in meddling.splitlines():
        networks.lab.load(line)
    done = networks.predicted()
    assert (done.changed, done.path) == (True, "elements")
    assert networks.run().path == "fast"


@pytest.mark.parametrize("kind", KINDS)
def test_after_a_foreign_commit_the_kernel_is_asked_and_not_nft(lab: Lab, tmp_path: Path, kind: str) -> None:
    lab.nft = Counting(lab.path)
    file_set = FileSet(lab, tmp_path / "list.txt", *KINDS[kind])
    file_set.write(*range(300))
    file_set.run()
    lab.load("add table ip elsewhere\nadd chain inet t c\nadd rule inet t c accept")
    Counting.starts = 0
    again = file_set.run()
    assert (again.changed, again.path, Counting.starts) == (False, "elements", 0)
    assert file_set.run().path == "fast"
    lab.load("delete table ip elsewhere")
    file_set.write(*range(1, 301))
    assert counts(file_set.predicted()) == {"add": 1, "delete": 1}


def test_a_set_that_others_declared_anew_under_the_same_handle_is_not_taken_for_ours(networks: FileSet) -> None:
    """The kernel changes the size of a set in place."""
    networks.declared = {**networks.declared, "size": 3000}
    networks.write(*range(300))
    networks.run()
    lab = networks.lab
    lab.load("add set inet t s { type ipv4_addr; flags interval; size 4000; }")
    resized = "size 4000" in lab.listing("set", "inet", "t", "s")
    done = networks.predicted()
    assert (done.changed, done.path) == (resized, "full" if resized else "elements")
    assert "size 4000" not in lab.listing("set", "inet", "t", "s")


def test_a_set_made_again_by_others_is_not_taken_for_ours(networks: FileSet) -> None:
    networks.write(*range(300))
    networks.run()
    networks.lab.load("delete set inet t s\nadd set inet t s { type ipv4_addr; flags interval; }")
    assert counts(networks.predicted()) == {"add": 300}


@pytest.mark.parametrize("spoil", ["nothing", "other", "cut"])
def test_spoiled_notes_are_not_believed(networks: FileSet, spoil: str) -> None:
    networks.write(*range(300))
    networks.run()
    (kept,) = networks.lab.run_dir.glob("elements.*")
    content = kept.read_bytes()
    kept.write_bytes({"nothing": b"", "other": b"x" * 99, "cut": content[:-5]}[spoil])
    networks.write(*range(2, 302))
    done = networks.predicted()
    assert (done.path, counts(done)) == ("full", {"add": 2, "delete": 2})


def refuse(*_arguments: object) -> NoReturn:
    raise AssertionError("the set was read")


class TestTooLargeToRead:
    """The decisions about a million elements, made about fewer."""

    @pytest.fixture(autouse=True)
    def small(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(file_sets, "DUMP_MOST", 10)
        monkeypatch.setattr(netlink, "dump_elements", refuse)

    @pytest.fixture(params=["intervals", "addresses of IPv6"])
    def large(self, lab: Lab, tmp_path: Path, request: pytest.FixtureRequest) -> FileSet:
        file_set = FileSet(lab, tmp_path / "list.txt", *KINDS[request.param])
        file_set.write(*range(300))
        file_set.run()
        return file_set

    def test_lost_notes_prove_nothing_and_the_kernel_does(self, large: FileSet) -> None:
        large.lab.forget()
        again = large.run()
        assert (again.changed, again.path) == (False, "full")
        assert large.run().path == "fast"

    def test_after_a_foreign_commit_the_kernel_proves_it_without_nft(self, large: FileSet) -> None:
        large.lab.load("add table ip elsewhere")
        again = large.run()
        assert (again.changed, again.path) == (False, "elements")

    def test_foreign_commits_elsewhere_and_a_change(self, large: FileSet) -> None:
        large.lab.load("add table ip elsewhere")
        large.write(*range(7, 303))
        assert counts(large.predicted()) == {"add": 3, "delete": 7}

    @pytest.mark.parametrize("also_delete", [True, False])
    def test_somebody_changed_it(self, large: FileSet, *, also_delete: bool) -> None:
        first = f"delete element inet t s {{ {large.text(5)} }}\n" if also_delete else ""
        large.lab.load(f"{first}add element inet t s {{ {large.text(999)} }}")
        done = large.predicted()
        assert counts(done) == {"add": 300}
        assert done.transaction.startswith("flush set inet t s\n")
        assert large.run().path == "fast"


def test_what_only_nft_can_read_is_left_to_it(lab: Lab, tmp_path: Path) -> None:
    services = FileSet(lab, tmp_path / "list.txt", {"type": "inet_service"}, "{}{}")
    services.file.write_text("ssh\n443\n")
    assert services.run().path == "full"
    assert [element.key for element in lab.elements("s")] == ["22", "443"]
    assert services.run().path == "fast"
    services.file.write_text('443\n53 comment "names"\n')
    assert services.run().changed
    assert [element.canon for element in lab.elements("s")] == ['53 comment "names"', "443"]


def test_overlaps_name_both_lines(networks: FileSet) -> None:
    networks.file.write_text("10.0.0.0/8\n# between\n10.1.0.0/16\n")
    for _attempt in range(2):
        with pytest.raises(EngineError, match=rf"elements_file {networks.file}:3: 10\.1\.0\.0/16 overlaps .*:1\)"):
            networks.run()
    networks.declared = {**networks.declared, "auto_merge": True}
    networks.run()
    assert [element.key for element in networks.lab.elements("s")] == ["10.0.0.0/8"]


def test_merged_sets(networks: FileSet) -> None:
    networks.declared = {**networks.declared, "auto_merge": True}
    networks.file.write_text("10.0.0.0/25\n10.0.0.128/25\n10.9.0.0/16\n10.9.1.1\n")
    networks.run()
    networks.file.write_text("10.0.0.0/25\n10.9.0.0/16\n")
    done = networks.run()
    assert (done.path, counts(done)) == ("elements", {"add": 1, "delete": 1})
    assert [element.key for element in networks.lab.elements("s")] == ["10.0.0.0/25", "10.9.0.0/16"]
    assert networks.run().path == "fast"


def ruleset(file: Path, *rules: str, kind: str = "ipv4_addr", **more: Any) -> dict[str, Any]:
    return {
        "name": "t",
        "sets": [
            {"name": "s", "type": kind, "flags": ["interval"], "elements_file": str(file), **more},
            {"name": "few", "type": "ipv4_addr", "elements": ["192.0.2.1"]},
        ],
        "chains": [{"name": "c", "rules": ["ip daddr @s accept", *rules]}],
    }


def test_a_whole_table_and_a_file(lab: Lab, tmp_path: Path) -> None:
    file = tmp_path / "list.txt"
    file.write_text("".join(f"10.0.{number}.0/28\n" for number in range(200)))
    assert lab.predicted(ruleset(file, "drop")).changed
    lab.run(ruleset(file, "drop"))
    (first, _last) = lab.rules("c")
    file.write_text("".join(f"10.0.{number}.0/28\n" for number in range(1, 202)))
    lab.predicted(ruleset(file, "counter drop"))
    assert len(lab.elements("s")) == 201
    assert lab.rules("c")[0].handle == first.handle
    file.write_text("".join(f"10.0.{number}.0/28\n" for number in range(2, 202)))
    assert counts(lab.run(ruleset(file, "counter drop"), check=True)) == {"delete": 1}
    lab.run(ruleset(file, "counter drop"))
    file.write_text("".join(f"10.0.{number}.0/28\n" for number in range(3, 202)))
    done = lab.run(ruleset(file, "counter drop"))
    assert (done.path, counts(done)) == ("elements", {"delete": 1})
    assert lab.elements("few")[0].key == "192.0.2.1"


def test_what_others_did_beside_a_file_is_seen(lab: Lab, tmp_path: Path) -> None:
    file = tmp_path / "list.txt"
    file.write_text("192.0.2.1\n192.0.2.2\n")
    table = ruleset(file)
    del table["sets"][1]
    lab.run(table)
    lab.load("add rule inet t c drop")
    assert lab.predicted(table).changed
    assert [rule.canon for rule in lab.rules("c")] == ["ip daddr @s accept"]
    del table["chains"]
    lab.run(table)
    lab.load("add chain inet t c")
    assert lab.predicted(table).changed
    assert lab.table().chains == ()


def test_a_set_made_anew_is_filled_anew(lab: Lab, tmp_path: Path) -> None:
    file = tmp_path / "list.txt"
    file.write_text("10.0.0.0/28\n10.0.1.0/28\n")
    lab.run(ruleset(file))
    lab.predicted(ruleset(file, comment="made anew"))
    assert len(lab.elements("s")) == 2
    lab.predicted(ruleset(file, auto_merge=True))
    assert [element.key for element in lab.elements("s")] == ["10.0.0.0/28", "10.0.1.0/28"]


def test_a_saved_file_holds_the_elements(lab: Lab, tmp_path: Path) -> None:
    file, saved = tmp_path / "list.txt", tmp_path / "saved.nft"
    file.write_text("10.0.0.0/28\n10.0.1.0/28\n")
    lab.run(ruleset(file), save=saved)
    assert "10.0.1.0/28" in saved.read_text()
    file.write_text("10.0.0.0/28\n10.0.2.0/28\n")
    lab.run(ruleset(file), save=saved)
    assert "10.0.1.0/28" not in saved.read_text()
    assert "10.0.2.0/28" in saved.read_text()


def test_a_file_counts_for_how_much_may_go(lab: Lab, tmp_path: Path) -> None:
    file = tmp_path / "list.txt"
    file.write_text("".join(f"10.0.{number}.0/28\n" for number in range(40)))
    table = {**ruleset(file), "max_removed": {"percent": 25}}
    lab.run(table)
    file.write_text("".join(f"10.0.{number}.0/28\n" for number in range(20)))
    with pytest.raises(EngineError) as error:
        lab.run(table)
    assert error.value.reason == "too_much_removed"


def test_what_cannot_be_a_file(lab: Lab, tmp_path: Path) -> None:
    lab.load("add table inet t")
    file = tmp_path / "list.txt"
    with pytest.raises(EngineError, match=rf"elements_file: {file} cannot be read: No such file"):
        lab.single("set", name="s", type="ipv4_addr", elements_file=str(file))
    with pytest.raises(
        EngineError, match=r"tables\[0\]\.sets\[0\]\.elements_file: 'list\.txt' is not an absolute path"
    ):
        lab.run(ruleset(Path("list.txt")))
    file.write_bytes(b"\xff\xfe")
    with pytest.raises(EngineError, match="cannot be read"):
        lab.single("set", name="s", type="ipv4_addr", elements_file=str(file))
    file.write_text("10.0.0.1\nlocalhost\n")
    with pytest.raises(EngineError, match=rf"{file}:2: 'localhost' is not an IPv4 address"):
        lab.single("set", name="s", type="ipv4_addr", elements_file=str(file))
    assert "set s" not in lab.listing()


@pytest.mark.parametrize("question", ["get_recipe", "get_set", "get_elements", "dump_elements", "change_elements"])
@pytest.mark.parametrize("times", [1, 99])
def test_lost_answers_are_no_traceback_and_leave_nothing_behind(
    networks: FileSet, question: str, times: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    networks.write(*range(50))
    networks.run()
    networks.lab.forget()
    networks.write(*range(5, 55))
    really = getattr(netlink, question)
    calls = []

    def lost(*arguments: Any, **more: Any) -> Any:
        calls.append(question)
        if len(calls) <= times:
            raise netlink.BufferOverrun("answers were lost")
        return really(*arguments, **more)

    monkeypatch.setattr(netlink, question, lost)
    try:
        networks.run()
        message = ""
    except EngineError as error:
        message = str(error)
    assert times == 99 or not message
    assert not message or "answers were lost" in message
    assert calls
    monkeypatch.undo()
    assert "_tidegate_" not in networks.lab.listing("tables")
    networks.run()
    networks.right()
