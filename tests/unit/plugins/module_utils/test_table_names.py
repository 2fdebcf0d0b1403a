# Copyright: (c) 2026, the tidegate developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The names of the compiled table are written in one module, and the compiler writes those that readers look for."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from ansible_collections.tidegate.nftables.plugins.module_utils import table_names

PLUGINS = Path(__file__).parents[4] / "plugins"
NAMES = {
    value
    for name, value in vars(table_names).items()
    if isinstance(value, str) and name.endswith(("_CHAIN", "_COUNTER", "_SET", "_SETS", "_TEXT"))
} - {table_names.INVALID_COUNTER}
"""Chains, counters, sets and the table; `invalid` is also nft's word for a state of connections."""
# These are also variables of the policy or plain words of other things, so only files about the table are searched.
AMBIGUOUS = {
    table_names.NEVER_CHAIN,
    table_names.CONTAINERS_CHAIN,
    table_names.DENIED_COUNTER,
    table_names.FAILSAFE_COUNTER,
    table_names.INTERNET_SET,
    table_names.QUIET_COUNTER,
    table_names.CHATTER_COUNTER,
}
ABOUT_THE_TABLE = ("plugin_utils/targets/nftables", "plugin_utils/flows/ledger.py", "module_utils/guard/table")
# A pattern of names, which any table may have.
EXAMPLES = {("module_utils/nft/desired/parse.py", table_names.ALLOW_SETS)}
# Not by what it is made of: `f"{...}_nosocket"` and the like, prefixes of names that have a function.
PREFIXES = re.compile(
    r"(^|[@\s])(allow|inbound|floor|never|quiet|observed|external|temporary_allow)_$|_nosocket|_proto$"
)


def _documents(node: ast.Expr | ast.Assign) -> bool:
    """Return whether a statement is a docstring or the documentation of a module."""
    if isinstance(node, ast.Expr):
        return True
    name = node.targets[0]
    return isinstance(name, ast.Name) and name.id in ("DOCUMENTATION", "EXAMPLES", "RETURN")


def _texts(path: Path) -> Iterator[str]:
    """Yield every string in a file's code, without docstrings and the documentation of modules."""
    tree = ast.parse(path.read_text(encoding="utf-8"))
    documentation = {
        id(node.value) for node in ast.walk(tree) if isinstance(node, ast.Expr | ast.Assign) and _documents(node)
    }
    for node in ast.walk(tree):
        if isinstance(node, ast.Constant) and isinstance(node.value, str) and id(node) not in documentation:
            yield node.value


def _written(path: Path) -> set[str]:
    """Return the names that a file's code writes as literals, alone or inside rules."""
    where = str(path.relative_to(PLUGINS))
    names = NAMES if where.startswith(ABOUT_THE_TABLE) else NAMES - AMBIGUOUS
    return {
        name
        for text in _texts(path)
        for name in names
        if re.search(rf"(?<![\w.-]){re.escape(name)}(?![\w.*-])", text) and (where, name) not in EXAMPLES
    }


def test_no_other_file_writes_a_name_of_the_table() -> None:
    # The names of files of modules, in parts.py, are none.
    files = [path for path in PLUGINS.rglob("*.py") if path.name not in ("table_names.py", "parts.py")]
    assert len(files) > 200
    written = {str(path.relative_to(PLUGINS)): names for path in files if (names := _written(path))}
    assert written == {}


def test_no_other_file_composes_a_name_of_the_table() -> None:
    compiler = PLUGINS / "plugin_utils/targets"
    parts = [(path.name, text) for path in compiler.rglob("*.py") for text in _texts(path) if PREFIXES.search(text)]
    assert parts == []


def test_the_family_and_name_of_the_table_are_written_together_nowhere_else() -> None:
    pair = re.compile(r"""["']inet["'],\s*["']tidegate["']""")
    files = [path for path in PLUGINS.rglob("*.py") if path.name != "table_names.py"]
    assert [path.name for path in files if pair.search(path.read_text(encoding="utf-8"))] == []


@pytest.mark.parametrize("name", sorted(table_names.LEDGER_SETS))
def test_a_ledger_set_is_found_by_its_own_name(name: str) -> None:
    assert table_names.LEDGER_SETS[name].name == name


def test_chains_of_entries_are_told_from_others() -> None:
    entry_chains = ("egress_allow", "egress_allow_payments", "egress_containers_allow", "egress_containers_allow_a")
    others = ("egress_allow.every", "egress_containers", "egress_denied", "egress_allowed")
    assert [table_names.is_entry_chain(name) for name in (*entry_chains, *others)] == [True] * 4 + [False] * 4


def test_each_mode_has_its_rule_and_counter() -> None:
    assert {mode: table_names.MODE_RULES[table_names.mode_rule(mode)] for mode in table_names.MODE_CHAINS} == {
        "observe": "observe",
        "enforce": "enforce",
    }
    assert set(table_names.MODE_COUNTERS) == set(table_names.MODE_CHAINS)


# systemd 255 to 257 take no other name of a set in NFTSet=.
NFTSET_NAME = re.compile(r"[A-Za-z][A-Za-z0-9/\\_.]{0,30}")
UNITS = (
    ("nginx.service",),
    ("otel-collector.service",),
    ("otel_collector.service",),
    ("restic@.service",),
    ("nginx.service", "restic@.service"),
    ("nginx.service", "zz.service"),
    (f"{'a' * 200}.service",),
)


def test_each_list_of_units_has_a_set_of_its_own_that_systemd_takes() -> None:
    names = [table_names.units_set(units) for units in UNITS]
    assert names[0] == "units_nginx.service"
    assert names[1].startswith("units_otel_collect")
    assert len(set(names)) == len(UNITS)
    assert all(NFTSET_NAME.fullmatch(name) for name in names)
