# Copyright: (c) 2026, the tidegate developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Every reason word that a failure can carry comes with a message and has a row in docs/errors.md, and no other has."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from ansible_collections.tidegate.nftables.plugins.module_utils.guard.host import errors as guard_errors
from ansible_collections.tidegate.nftables.plugins.module_utils.nft import errors as engine_errors
from ansible_collections.tidegate.nftables.plugins.module_utils.proxy import service as proxy_service
from ansible_collections.tidegate.nftables.tests.support.paths import CHECKOUT

PAGE = (CHECKOUT / "docs" / "errors.md").read_text(encoding="utf-8")
WORD = re.compile(r"[a-z]+(_[a-z]+)*")
HOST_ERRORS = ("EngineError", "GuardError", "TidegateError")
"""Errors whose first argument is the reason and whose second is the message."""


def words_of(node: ast.expr) -> Iterator[str]:
    """Yield the reasons that an expression can be: a constant, or either branch of a condition."""
    if isinstance(node, ast.Constant) and isinstance(node.value, str):
        yield node.value
    elif isinstance(node, ast.IfExp):
        yield from words_of(node.body)
        yield from words_of(node.orelse)


def raised(tree: ast.AST) -> Iterator[tuple[str, bool]]:
    """Yield each reason that an error is made with, and whether a message follows it."""
    parents = {child: node for node in ast.walk(tree) for child in ast.iter_child_nodes(node)}
    for node in ast.walk(tree):
        if isinstance(node, ast.Call) and node.args and _is_error(node, parents):
            yield from ((word, len(node.args) > 1) for word in words_of(node.args[0]))


def _is_error(call: ast.Call, parents: dict[ast.AST, ast.AST]) -> bool:
    if isinstance(call.func, ast.Name):
        return call.func.id in HOST_ERRORS
    # Writing each call as text would take most of the time.
    is_super = getattr(call.func, "attr", "") == "__init__" and ast.unparse(call.func) == "super().__init__"
    node: ast.AST | None = call
    while is_super and node is not None and not isinstance(node, ast.ClassDef):
        node = parents.get(node)
    return isinstance(node, ast.ClassDef) and any(ast.unparse(base) in HOST_ERRORS for base in node.bases)


def of_class(tree: ast.AST) -> Iterator[str]:
    """Yield the reasons that classes of errors have as an attribute."""
    for node in ast.walk(tree):
        if isinstance(node, ast.ClassDef):
            for line in node.body:
                targets = line.targets if isinstance(line, ast.Assign) else [getattr(line, "target", None)]
                names = [target.id for target in targets if isinstance(target, ast.Name)]
                if names == ["reason"] and isinstance(line, (ast.Assign, ast.AnnAssign)) and line.value is not None:
                    yield from words_of(line.value)


def of_results(tree: ast.AST) -> Iterator[str]:
    """Yield the reasons of results that are written as mappings, beside a message."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Dict):
            pairs = zip(node.keys, node.values, strict=True)
            items = {key.value: value for key, value in pairs if isinstance(key, ast.Constant)}
            if {"reason", "msg"} <= items.keys():
                yield from words_of(items["reason"])


TEXTS = {path.relative_to(CHECKOUT): path.read_text(encoding="utf-8") for path in (CHECKOUT / "plugins").rglob("*.py")}
TREES = {
    path: ast.parse(text) for path, text in TEXTS.items() if any(word in text for word in ("reason", *HOST_ERRORS))
}
REASONS_BY_FILE = {path: list(raised(tree)) for path, tree in TREES.items()}
IN_FILES = {path: reasons for path, reasons in REASONS_BY_FILE.items() if reasons}
RAISED = {word: path for path, reasons in IN_FILES.items() for word, _message in reasons}
OTHERS = {word for tree in TREES.values() for scan in (of_class, of_results) for word in scan(tree)}
USED = {*RAISED, *filter(WORD.fullmatch, OTHERS)}
ROWS = {
    match[1]: [cell.strip() for cell in match[2].split(" | ")]
    for match in re.finditer(r"^\| `(\w+)` \| (.*) \|$", PAGE, re.MULTILINE)
}


def test_the_page_has_a_row_for_every_reason_and_for_no_other() -> None:
    assert set(ROWS) == USED


@pytest.mark.parametrize("word", sorted(ROWS))
def test_a_row_names_where_it_comes_from_the_cause_and_the_fix(word: str) -> None:
    assert len(ROWS[word]) == 3
    assert all(ROWS[word])


@pytest.mark.parametrize("path", IN_FILES, ids=str)
def test_a_reason_comes_with_a_message(path: Path) -> None:
    assert [word for word, has_message in IN_FILES[path] if not has_message] == []


def test_the_lists_of_reasons_are_those_that_are_raised() -> None:
    reasons = {*engine_errors.REASONS, *guard_errors.REASONS, *proxy_service.REASONS}
    translated = {word for path, tree in TREES.items() if "netlink" in path.parts for word in of_class(tree)}
    assert set(RAISED) <= reasons
    assert reasons <= {*RAISED, *translated}


def test_the_scan_finds_reasons_in_each_form() -> None:
    tree = ast.parse(
        'class A(EngineError):\n    def __init__(self):\n        super().__init__("one", "text")\n'
        'class B(ControllerError):\n    reason = "two"\n'
        'raise GuardError("three" if x else "four", "text")\nraise GuardError("five")\n'
        'result = {"reason": "six", "msg": "text"}\n'
    )
    assert sorted(raised(tree)) == [("five", False), ("four", True), ("one", True), ("three", True)]
    assert (list(of_class(tree)), list(of_results(tree))) == (["two"], ["six"])
