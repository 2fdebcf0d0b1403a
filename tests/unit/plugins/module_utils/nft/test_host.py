# Copyright: (c) 2026, the tidegate developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What concerns the host: users, notes, files, nft's answers, the Python of a managed host."""

from __future__ import annotations

import ast
import os
import shutil
import subprocess
import sys
import time
from pathlib import Path

import pytest

from ansible_collections.tidegate.nftables.plugins.module_utils.nft import command
from ansible_collections.tidegate.nftables.plugins.module_utils.nft.command import NftOutcome, failure
from ansible_collections.tidegate.nftables.plugins.module_utils.nft.desired import users
from ansible_collections.tidegate.nftables.plugins.module_utils.nft.desired.spec import (
    ChainSpec,
    ElementSpec,
    RuleSpec,
    SetSpec,
    TableSpec,
)
from ansible_collections.tidegate.nftables.plugins.module_utils.nft.errors import REASONS, EngineError
from ansible_collections.tidegate.nftables.plugins.module_utils.nft.live.listing import element
from ansible_collections.tidegate.nftables.plugins.module_utils.nft.live.model import (
    NftChain,
    NftRule,
    NftSet,
    NftTable,
)
from ansible_collections.tidegate.nftables.plugins.module_utils.nft.state import persist, proof
from ansible_collections.tidegate.nftables.plugins.module_utils.nft.state.run_directory import RunDirectory

ENGINE = Path(command.__file__).resolve().parent


def _table(*rules: RuleSpec) -> TableSpec:
    return TableSpec("inet", "t", chains=(ChainSpec("c", rules=rules),))


def test_users_become_a_condition_and_never_none() -> None:
    known = {"payd": 1003, "root": 0}
    spec = _table(
        RuleSpec("accept"),
        RuleSpec("a", ("payd",)),
        RuleSpec("b", ("payd", "ghost", "root")),
        RuleSpec("c", ("ghost", "spirit")),
    )
    found, missing = users.resolve(spec, known.get)
    assert [rule.text for rule in found.chains[0].rules or ()] == [
        "accept",
        "meta skuid 1003 a",
        "meta skuid { 0, 1003 } b",
    ]
    assert missing == ("ghost", "spirit")


def test_a_missing_user_can_be_an_error() -> None:
    with pytest.raises(EngineError, match="There is no user 'ghost'") as error:
        users.resolve(_table(RuleSpec("a", ("ghost",), "error", "rules[0]")), lambda _name: None)
    assert (error.value.reason, error.value.where) == ("bad_spec", "rules[0]")


@pytest.mark.parametrize(
    ("name", "uid"),
    [
        ("root", 0),
        ("0", 0),
        ("4294967294", 4294967294),
        ("4294967295", None),
        ("-1", None),
        ("no such user", None),
        ("a\x00b", None),
    ],
)
def test_lookup(name: str, uid: int | None) -> None:
    assert users.lookup(name) == uid


def test_notes_are_kept_and_forgotten(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    notes = RunDirectory(str(tmp_path / "run"))
    assert notes.read("a") == {}
    notes.write("a", {"x": 1})
    notes.write("b", {"x": 2})
    assert (notes.read("a"), notes.read("b")) == ({"x": 1}, {"x": 2})
    assert (tmp_path / "run").stat().st_mode & 0o777 == 0o700
    assert all(path.stat().st_mode & 0o077 == 0 for path in (tmp_path / "run").iterdir())
    monkeypatch.setattr("ansible_collections.tidegate.nftables.plugins.module_utils.nft.state.run_directory.KEPT", 2)
    for path in (tmp_path / "run").iterdir():
        os.utime(path, (1, 1))
    notes.write("c", {"x": 3})
    assert notes.read("c") == {"x": 3}
    assert len(list((tmp_path / "run").iterdir())) == 2


def test_notes_in_a_place_that_a_link_leads_to_are_not_believed(tmp_path: Path) -> None:
    RunDirectory(str(tmp_path / "real")).write("a", {"x": 1})
    (tmp_path / "link").symlink_to(tmp_path / "real")
    assert RunDirectory(str(tmp_path / "link")).read("a") == {}


def test_a_scratch_note_is_left_over_when_nobody_holds_it(tmp_path: Path) -> None:
    notes = RunDirectory(str(tmp_path))
    with notes.using("name", {"tables": ["inet x"]}):
        assert len(list(tmp_path.glob("scratch.*"))) == 1
        assert notes.left_over() == []
    assert list(tmp_path.iterdir()) == []
    (tmp_path / "scratch.name").write_text('{"tables": ["inet x"]}')
    assert notes.left_over() == [(tmp_path / "scratch.name", {"tables": ["inet x"]})]


def test_one_turn_at_a_time(tmp_path: Path) -> None:
    notes = RunDirectory(str(tmp_path))
    before = time.monotonic()
    with notes.turn("a"), notes.turn("b", 5):
        assert time.monotonic() - before < 1
        with notes.turn("a", 0.3):
            # Patience ends: the second goes on rather than stand still for ever.
            assert time.monotonic() - before >= 0.3
            assert len(list(tmp_path.glob("turn.*"))) == 2
    with notes.turn("a", 5):
        assert time.monotonic() - before < 3


def test_saved_text_is_whole_and_leaves_out_what_nobody_wrote_down() -> None:
    sets = (
        NftSet("set", "mine", ("type ipv4_addr",), (), (element("10.0.0.10"), element("10.0.0.9")), managed=True),
        NftSet("set", "theirs", ("type ipv4_addr",), (), (element("192.0.2.1"),)),
    )
    chain = NftChain("c", None, "words", (NftRule("accept", "sent", 5),))
    text = persist.text([NftTable("inet", "t", "about", sets=sets, chains=(chain,)), None])
    assert text is not None
    assert text.splitlines()[2:] == [
        "table inet t",
        "delete table inet t",
        "table inet t {",
        '\tcomment "about"',
        "",
        "\tset mine {",
        "\t\ttype ipv4_addr",
        "\t\telements = {",
        "\t\t\t10.0.0.9,",
        "\t\t\t10.0.0.10,",
        "\t\t}",
        "\t}",
        "",
        "\tset theirs {",
        "\t\ttype ipv4_addr",
        "\t}",
        "",
        "\tchain c {",
        '\t\tcomment "words"',
        "\t\taccept",
        "\t}",
        "}",
    ]
    assert persist.text([None]) is None


def test_a_file_is_put_in_place_only_at_a_good_end(tmp_path: Path) -> None:
    file = persist.PersistFile(str(tmp_path / "f"))
    assert file.action("text") == "add"
    with pytest.raises(KeyError), file.prepared("text"):
        raise KeyError
    assert list(tmp_path.iterdir()) == []
    with file.prepared("text"):
        assert not (tmp_path / "f").exists()
    assert (tmp_path / "f").read_text() == "text"
    assert (tmp_path / "f").stat().st_mode & 0o777 == 0o600
    assert file.action("text") == ""
    assert file.action("other") == "recreate"
    assert file.action(None) == "delete"
    with file.prepared(None):
        pass
    assert list(tmp_path.iterdir()) == []


def test_errors_of_nft_have_lines() -> None:
    said = (
        "In file included from <cmdline>:1:1-27:\n"
        "/tmp/x.nft:5:28-29: Error: No such file or directory\nadd rule inet S c ip saddr @b\n      ^^\n"
        "/tmp/x.nft:6:29-36: Error: Could not resolve service\n"
        "Error: No such file or directory\nlist table inet S\n"
    )
    assert NftOutcome(1, "", said).errors() == [
        (5, "No such file or directory"),
        (6, "Could not resolve service"),
        (0, "No such file or directory"),
    ]


@pytest.mark.parametrize(
    ("code", "said", "reason"),
    [
        (1, "x:1:1-2: Error: syntax error, unexpected foo", "rejected_by_nft"),
        (1, "x:1:1-2: Error: Could not process rule: Device or resource busy", "busy"),
        (1, "netlink: Error: Could not process rule: Message too long", "rejected_by_nft"),
        (3, "Unable to initialize Netlink socket: Protocol not supported", "no_nf_tables"),
        (-11, "", "nft_crashed"),
        (-99, "", "nft_crashed"),
        (1, "", "rejected_by_nft"),
    ],
)
def test_failures_have_a_reason(code: int, said: str, reason: str) -> None:
    error = failure(NftOutcome(code, "", said), "nft -f x", "here")
    assert error.reason == reason
    assert error.reason in REASONS


@pytest.mark.parametrize(("held", "reason"), [(False, "no_cap_net_admin"), (True, "busy")])
def test_not_permitted_means_no_capability_or_the_table_of_another(
    held: bool, reason: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(command, "has_net_admin", lambda: held)
    said = "Error: Could not process rule: Operation not permitted"
    assert failure(NftOutcome(1, "", said), "nft -f x").reason == reason


@pytest.mark.parametrize(
    ("spec", "provable"),
    [
        (_table(RuleSpec("accept")), True),
        (_table(RuleSpec('iifname "lo" accept')), True),
        (_table(RuleSpec("iif lo accept")), False),
        (_table(RuleSpec("socket cgroupv2 level 1 user.slice accept")), False),
        (TableSpec("inet", "t", sets=(SetSpec("set", "s", ("type mark", "timeout 1d")),)), True),
        (
            TableSpec(
                "inet", "t", sets=(SetSpec("set", "s", ("type mark", "timeout 1d"), elements=(ElementSpec("1"),)),)
            ),
            False,
        ),
        (
            TableSpec(
                "inet", "t", sets=(SetSpec("set", "s", ("type mark",), elements=(ElementSpec("1 timeout 5s"),)),)
            ),
            False,
        ),
        (TableSpec("inet", "t", sets=(SetSpec("set", "s", ("type mark",), elements=(ElementSpec("1"),)),)), True),
    ],
)
def test_what_a_generation_can_prove(spec: TableSpec, provable: bool) -> None:
    assert proof.provable([spec]) == provable


FILES = sorted(ENGINE.parent.rglob("*.py"))


@pytest.mark.parametrize("path", FILES, ids=lambda path: str(path.relative_to(ENGINE.parent)))
def test_is_written_in_the_oldest_python(path: Path) -> None:
    ast.parse(path.read_text("utf-8"), feature_version=(3, 8))


def _pythons() -> list[str]:
    pyenv = sorted(Path(os.environ.get("PYENV_ROOT", Path.home() / ".pyenv")).glob("versions/3.8.*/bin/python"))
    old = next(map(str, pyenv), None) or shutil.which("python3.8")
    return [sys.executable, *([old] if old else [])]


@pytest.mark.parametrize("python", _pythons(), ids=lambda path: Path(path).parent.parent.name)
def test_runs_where_only_python_is(python: str, tmp_path: Path) -> None:
    """Without Ansible and without any package; each run_module.py is Ansible's."""
    place = tmp_path / "ansible_collections" / "tidegate"
    place.mkdir(parents=True)
    (place / "nftables").symlink_to(ENGINE.parents[2])
    room = "ansible_collections.tidegate.nftables.plugins.module_utils"
    names = [".".join(path.relative_to(ENGINE.parent).with_suffix("").parts) for path in FILES]
    code = "".join(f"import {room}.{name}\n" for name in names if not name.endswith(("run_module", "__init__")))
    done = subprocess.run(
        [python, "-I", "-c", f"import sys\nsys.path.insert(0, {str(tmp_path)!r})\n{code}"],
        capture_output=True,
        text=True,
        check=False,
    )
    assert (done.returncode, done.stderr) == (0, "")
