# Copyright: (c) 2026, the tidegate developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The documentation says what is so."""

from __future__ import annotations

import re

import jmespath  # type: ignore[import-untyped]
import pytest
import yaml

from ansible_collections.tidegate.nftables.plugins.plugin_utils.feeds import declarations, parse
from ansible_collections.tidegate.nftables.plugins.plugin_utils.policy.errors import ErrorReport
from ansible_collections.tidegate.nftables.tests.support.paths import CHECKOUT

TEXT = (CHECKOUT / "docs" / "prefix_lists.md").read_text(encoding="utf-8")
ROWS = [[cell.strip() for cell in re.split(r"(?<!\\)\|", line)[1:-1]] for line in TEXT.splitlines() if line[:2] == "| "]
SHAPES = [
    ({"prefixes": [{"cidr": "192.0.2.0/24"}]}, 0, ["192.0.2.0/24"]),
    ({"git": ["192.0.2.0/24"], "hooks": ["192.0.2.1"]}, 1, ["192.0.2.0/24", "192.0.2.1"]),
    ({"values": [{"name": "Storage", "properties": {"addressPrefixes": ["192.0.2.1"]}}]}, 0, ["192.0.2.1"]),
    ({"prefixes": [{"ipv4Prefix": "192.0.2.1"}, {"ipv6Prefix": "::1"}]}, 0, ["192.0.2.1", "::1"]),
]


def test_the_example_is_understood() -> None:
    report = ErrorReport()
    example = yaml.safe_load(TEXT.split("```yaml")[1].split("```")[0])
    assert len(parse(report, example["egress_prefix_lists"])) == 6
    assert report.errors == []


def test_every_key_is_explained_with_the_sources_that_know_it() -> None:
    sources = {row[0].strip("`") for row in ROWS if len(row) == 2}
    assert sources >= {*declarations.KEYS, "aws"}
    explained = {row[0].strip("`"): set(re.findall(r"`(\w+)`", row[1])) for row in ROWS if len(row) == 3}
    known = {key for keys in declarations.KEYS.values() for key in keys} - {"aws"}
    assert set(explained) - {"key", "---"} == known
    for key in known - {"region", "shared"}:
        expected = {source for source, keys in declarations.KEYS.items() if key in keys}
        assert explained[key] - {"aws"} == expected, key


@pytest.mark.parametrize(("row", "shape"), list(enumerate(SHAPES)))
def test_the_queries_find_what_they_are_said_to_find(row: int, shape: tuple[object, int, list[str]]) -> None:
    document, which, expected = shape
    rows = [cells for cells in ROWS if len(cells) == 2 and cells[0].startswith("`{")]
    query = re.findall(r"`([^`]+)`", rows[row][1])[which].replace("\\|", "|")
    assert jmespath.search(query, document) == expected
