# Copyright: (c) 2026, the tidegate developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The modules as Ansible runs them, also with the oldest Python of a managed host."""

from __future__ import annotations

import os
import shutil
import sys
from pathlib import Path
from typing import Any

import pytest

from ansible_collections.tidegate.nftables.tests.support.project import LOCAL, run_tasks


def _pythons() -> list[str]:
    """This Python, and 3.8 where the machine has it."""
    pyenv = sorted(Path(os.environ.get("PYENV_ROOT", Path.home() / ".pyenv")).glob("versions/3.8.*/bin/python"))
    # pyenv's own python3.8 on PATH may be a stand-in that only says which versions there are.
    old = next(map(str, pyenv), None) or shutil.which("python3.8")
    return [sys.executable, *([old] if old else [])]


@pytest.fixture(params=_pythons(), ids=["controller", "oldest"][: len(_pythons())])
def python(request: pytest.FixtureRequest) -> str:
    return str(request.param)


def play(where: Path, python: str, tasks: list[dict[str, Any]], **more: Any) -> list[dict[str, Any]]:
    """Run tasks in this namespace, failures included; return each task's result. /var/lib is the test's own."""
    (where / "lib").mkdir(exist_ok=True)
    own_lib = ("unshare", "--mount", "sh", "-c", 'mount --bind "$0" /var/lib && exec "$@"', str(where / "lib"))
    return run_tasks(
        where,
        [{"ignore_errors": True, **task} for task in tasks],
        variables={**LOCAL, "ansible_python_interpreter": python},
        prefix=own_lib,
        env={"TIDEGATE_RUN_DIR": str(where / "run")},
        **more,
    )


def task(module: str, check: bool = False, **arguments: Any) -> dict[str, Any]:
    return {f"tidegate.nftables.nft_{module}": arguments, "check_mode": check}


CHAIN = {"name": "c", "type": "filter", "hook": "output", "priority": 0, "policy": "accept"}
RULES = ["tcp dport { https, http } accept", {"rule": "drop", "users": ["no-such-user"]}]
SET = {"name": "s", "type": "ipv4_addr", "flags": ["interval"], "elements": ["10.0.0.0/8"]}


def test_what_runs_return(tmp_path: Path, python: str) -> None:
    tables = [{"name": "t", "sets": [SET], "chains": [{**CHAIN, "rules": RULES}]}]
    bad = [{"name": "t", "chains": [{**CHAIN, "rules": ["accept", "tcp dport nonsense"]}]}]
    saved = tmp_path / "saved.nft"
    results = play(
        tmp_path,
        python,
        [
            task("ruleset", check=True, tables=tables),
            task("ruleset", tables=tables),
            task("ruleset", tables=tables),
            task("ruleset", tables=bad),
            task("ruleset", tables=[{"name": "t", "chain": []}]),
            task("chain", table="nowhere", name="c"),
            task("element", table="t", set="s", elements=["10.9.9.9"], state="absent"),
            task("rule", table="t", chain="c", rule="udp dport 53 accept", comment="dns", position="first"),
            task(
                "set", table="t", name="u", typeof="ip daddr", auto_merge=True, flags=["interval"], elements=["1.1.1.1"]
            ),
            task("table", name="t", comment="words"),
            task("ruleset", tables=tables, persist=str(saved)),
            task("info", table="t", elements=True),
            task("info"),
        ],
    )
    checked, made, again, refused, unknown, missing, element, rule, named, table, saving, facts, names = results
    assert checked["changed"]
    assert {key: checked[key] for key in ("diff", "transaction", "changes")} == {
        key: made[key] for key in ("diff", "transaction", "changes")
    }
    assert made["diff"]["before"] == ""
    assert "tcp dport { 80, 443 } accept" in made["diff"]["after"]
    assert made["transaction"].startswith("add table inet t\n")
    assert made["missing_users"] == ["no-such-user"]
    assert {change["kind"] for change in made["changes"]} == {"table", "set", "element", "chain", "rule"}
    assert made["path"] == "full"
    assert (again["changed"], again["path"], again["transaction"], again["changes"]) == (False, "fast", "", [])
    assert again["nft_version"] == made["nft_version"]
    assert refused["failed"]
    assert (refused["reason"], refused["where"]) == ("rejected_by_nft", "tables[0].chains[0].rules[1]")
    assert refused["msg"].startswith("tables[0].chains[0].rules[1]: nft rejects")
    assert unknown["failed"]
    assert "tables.chain" in unknown["msg"]
    assert (missing["reason"], "create it with nft_table" in missing["msg"]) == ("bad_spec", True)
    assert not element["changed"]
    assert element["warnings"] == ["10.9.9.9 still matches set s: the set has 10.0.0.0/8, which contains it."]
    assert all(result["changed"] for result in (rule, named, table, saving))
    assert saved.read_text().count("table inet t") == 3
    chain = facts["table"]["chains"][0]
    assert [item["rule"] for item in chain["rules"]] == ["tcp dport { 80, 443 } accept"]
    assert facts["table"]["sets"][0]["elements"] == ["10.0.0.0/8"]
    assert names["tables"] == [{"family": "inet", "name": "t"}]


def test_defaults_for_all_modules_of_the_group(tmp_path: Path) -> None:
    results = play(
        tmp_path,
        sys.executable,
        [task("table", name="t"), task("chain", name="c", table="t"), task("info")],
        module_defaults={"group/tidegate.nftables.nftables": {"family": "ip6"}},
    )
    assert results[2]["tables"] == [{"family": "ip6", "name": "t"}]


def test_a_list_of_the_controller_is_shipped_once(tmp_path: Path, python: str) -> None:
    """Check mode ships nothing that stays, an unchanged run nothing at all; what a host has lost is shipped again."""
    name = "networks"
    kept = tmp_path / f"lib/tidegate/elements/inet.t.{name}.txt"
    (tmp_path / "files").mkdir()
    source = tmp_path / "files" / "list.txt"
    source.write_text("".join(f"10.0.{number}.0/28\n" for number in range(200)))
    large: dict[str, Any] = {"name": name, "type": "ipv4_addr", "flags": ["interval"], "elements_src": "list.txt"}
    tables = [{"name": "t", "sets": [large]}]
    alone = task("set", table="t", **large)
    checked, first, again, by_itself = play(
        tmp_path,
        python,
        [task("ruleset", check=True, tables=tables), *[task("ruleset", tables=tables)] * 2, alone],
    )
    assert (checked["changed"], first["changed"]) == (True, True), first.get("msg")
    assert checked["changes"] == first["changes"]
    assert (again["path"], again["changed"], by_itself["changed"]) == ("fast", False, False)
    assert kept.read_text() == source.read_text()
    assert kept.stat().st_mode & 0o777 == 0o600
    shipped = kept.stat().st_mtime_ns
    assert play(tmp_path, python, [alone])[0]["path"] == "fast"
    assert kept.stat().st_mtime_ns == shipped
    source.write_text(source.read_text().replace("10.0.7.0/28", "10.9.7.0/28"))
    (changed,) = play(tmp_path, python, [alone])
    assert (changed["path"], changed["changed"]) == ("elements", True)
    assert changed["transaction"].splitlines() == [
        f"delete element inet t {name} {{ 10.0.7.0/28 }}",
        f"add element inet t {name} {{ 10.9.7.0/28 }}",
    ]
    kept.write_text("10.0.0.0/8\n")
    assert not play(tmp_path, python, [alone])[0]["changed"]
    missing, twice = play(
        tmp_path,
        python,
        [
            task("set", table="t", **{**large, "elements_src": "no.txt"}),
            task("set", table="t", **large, elements=["10.0.0.1"]),
        ],
    )
    assert "no.txt" in missing["msg"]
    assert "Give one of" in twice["msg"]
