# Copyright: (c) 2026, the tidegate developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The tests that docs/rollout.md teaches can be kept: they hold for the README's policy with real addresses, too."""

from __future__ import annotations

import re
from typing import Any

import pytest
import yaml

from ansible_collections.tidegate.nftables.tests.support.paths import CHECKOUT
from ansible_collections.tidegate.nftables.tests.unit.plugins.plugin_utils.policy.support import entry, errors

REAL = {"203.0.113.": "192.52.193.", "2001:db8::": "2600:1f00::"}
"""Addresses of documentation, which the word internet leaves out, and some that are routed."""


def shown(page: str, *, real: bool) -> dict[str, Any]:
    """Return the variables in the files of group_vars that a page shows first."""
    block = re.search(r"^```yaml\n(# group_vars.*?)^```", (CHECKOUT / page).read_text(), re.DOTALL | re.MULTILINE)
    assert block
    text = block[1].partition("# site.yml")[0]
    for documented, routed in REAL.items() if real else ():
        text = text.replace(documented, routed)
    return dict(yaml.safe_load(text))


@pytest.mark.parametrize("real", [False, True])
def test_the_tests_hold_and_fail_when_more_is_opened(real: bool) -> None:
    variables = {**shown("README.md", real=real), **shown("docs/rollout.md", real=real)}
    assert errors(**variables) == []
    more = {"egress_allow_more": [entry(name="more", to=["192.52.194.0/24"], services=["https"])]}
    (failed,) = errors(**variables, **more)
    assert "egress_tests_app[nothing-else]: fails: everybody reaches 192.52.194.0 with tcp/443" in failed
