# Copyright: (c) 2026, the tidegate developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a playbook takes with -e stands in its head, and the policy knows every egress_ variable of it."""

from __future__ import annotations

import fnmatch
import re
from pathlib import Path

import pytest
import yaml

from ansible_collections.tidegate.nftables.tests.support.paths import CHECKOUT

PLAYBOOKS = sorted(path for path in (CHECKOUT / "playbooks").glob("*.yml") if path.stem not in ("lab", "demo"))
INVENTORY_VARIABLES = {"egress_mode", "egress_tier", "egress_aws", "egress_addresses"}
"""Variables of the inventory that playbooks read."""
_NAME = re.compile(r"(?<![\w.])(?:egress|allow_once|rollback|emergency|adopt)(?:_[a-z]+)*(?![\w:])")


def split(path: Path) -> tuple[str, str]:
    """The comment at the head of a playbook after the licence, and everything below it."""
    licence, _mark, text = path.read_text().partition("---\n")
    assert "GNU General Public License" in licence
    head, _newline, body = text.partition("\n- name:")
    return head, body


def parameters(body: str) -> set[str]:
    """Every variable in an expression of a playbook that neither the inventory nor an earlier task sets."""
    registered = set(re.findall(r"register: (\w+)", body))
    expressions = [*re.findall(r"{{(.*?)}}", body, re.DOTALL), *re.findall(r"(?:when|that|failed_when):(.*)", body)]
    expressions += re.findall(r"^ +- (.* (?:is|==|in|\|) .*)$", body, re.MULTILINE)
    names = {name for text in expressions for name in _NAME.findall(re.sub(r"'[^']*'", "", text))}
    return names - registered - INVENTORY_VARIABLES


@pytest.mark.parametrize("playbook", PLAYBOOKS, ids=lambda path: path.stem)
def test_the_head_names_the_playbook_and_every_parameter(playbook: Path) -> None:
    head, body = split(playbook)
    assert f"tidegate.nftables.{playbook.stem}" in head
    assert [name for name in sorted(parameters(body)) if not re.search(rf"-e '?\W*{name}\b", head)] == []


@pytest.mark.parametrize("playbook", PLAYBOOKS, ids=lambda path: path.stem)
def test_the_head_names_no_parameter_that_there_is_not(playbook: Path) -> None:
    head, body = split(playbook)
    documented = set(re.findall(r"^# -e \W*(\w+)", head, re.MULTILINE))
    assert documented <= parameters(body)


def test_the_policy_knows_every_egress_parameter() -> None:
    """An egress_ variable that the policy does not know is an error, also when a playbook takes it with -e."""
    known = yaml.safe_load((CHECKOUT / "plugins/plugin_utils/policy/data/variables.yml").read_text())
    names = {name for path in PLAYBOOKS for name in parameters(split(path)[1]) if name.startswith("egress_")}
    assert "egress_whatif_dir" in names
    assert [name for name in sorted(names) if not any(fnmatch.fnmatchcase(name, row) for row in known)] == []
