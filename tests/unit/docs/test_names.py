# Copyright: (c) 2026, the tidegate developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""docs/names.md is true: each of its examples is a policy."""

from __future__ import annotations

import re

import pytest
import yaml

from ansible_collections.tidegate.nftables.tests.support.paths import CHECKOUT
from ansible_collections.tidegate.nftables.tests.unit.plugins.plugin_utils.policy.support import errors

PAGE = (CHECKOUT / "docs" / "names.md").read_text(encoding="utf-8")


@pytest.mark.parametrize("example", re.findall(r"^```yaml\n(.*?)^```$", PAGE, re.MULTILINE | re.DOTALL))
def test_an_example_is_a_policy_without_errors(example: str) -> None:
    content = yaml.safe_load(example)
    # A playbook: tests/integration/proxy/test_suggestions.py proves what it does.
    assert content[0]["hosts"] if isinstance(content, list) else errors(**content) == []
