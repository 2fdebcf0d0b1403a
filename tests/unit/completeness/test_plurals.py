# Copyright: (c) 2026, the tidegate developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""No sentence says 1 hosts: a number before a plural is written by a function, or is never one."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from ansible_collections.tidegate.nftables.tests.support.paths import CHECKOUT

NOUNS = (
    "addresses", "changes", "chains", "connections", "days", "destinations", "edits", "elements", "entries", "errors",
    "fields", "files", "flows", "groups", "hosts", "hours", "lines", "lists", "minutes", "names", "networks", "notices",
    "packets", "policies", "ports", "probes", "records", "rejections", "rules", "seconds", "services", "sets", "tables",
    "tests", "texts", "times", "users",
)  # fmt: skip
PLURAL = re.compile(rf" (?:more |other )?(?:{'|'.join(NOUNS)})\b")
NOT_ONE = {
    "tracked['max']": "connections: what is tracked at most",
    "whole // 86400": "days: from two on",
    "'lines have' if more > 1 else 'line has'": "no number",
    "loss.total": "destinations: the guard begins with ten",
    "len(indexes)": "rules: where there are several",
    "version": "a verb",
    "opening.entry": "a verb",
    "len(delta.add) + len(delta.delete)": "elements: more than a batch holds",
    "end - start + 1": "ports: of a range",
    "family": "no number",
    "settings['rules']": "rules: a quota, too large beside it",
    "self.groups": "groups: only where there are several",
    "len(self.errors)": "errors: one has no number",
    "len(names) - _SHOWN + 1": "entries: beyond what is shown at least two",
    "len(need.addresses)": "addresses: a content network has more than eight",
    "count": "groups and fields: of each at least two",
    "len(chains)": "chains: only where it is not one",
    "len(tables)": "tables: only where it is not one",
    "len(raws)": "elements: only where it is not one",
}
"""What stands before a plural, constants apart, and why that is never one."""


def numbered(path: Path) -> Iterator[str]:
    """Yield each text that stands after a value and begins with a plural, of a file's f-strings."""
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.JoinedStr):
            for left, right in zip(node.values, node.values[1:], strict=False):
                text = str(right.value) if isinstance(right, ast.Constant) else ""
                if (
                    isinstance(left, ast.FormattedValue)
                    and (match := PLURAL.match(text))
                    and not is_constant(left.value)
                ):
                    yield f"{path.relative_to(CHECKOUT / 'plugins')}: {{{ast.unparse(left.value)}}}{match[0]}"


def is_constant(value: ast.expr) -> bool:
    return isinstance(value, ast.Name) and value.id.isupper()


@pytest.mark.parametrize("room", ["action", "module_utils", "modules", "plugin_utils"])
def test_a_number_agrees_with_its_noun(room: str) -> None:
    texts = [text for path in sorted((CHECKOUT / "plugins" / room).rglob("*.py")) for text in numbered(path)]
    assert [text for text in texts if text.partition("{")[2].rpartition("}")[0] not in NOT_ONE] == []
