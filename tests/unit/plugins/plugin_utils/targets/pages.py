# Copyright: (c) 2026, the tidegate developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The pages of targets: their input, what they show as output, and what runs say beside it."""

from __future__ import annotations

import re
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import yaml

from ansible_collections.tidegate.nftables.plugins.plugin_utils import feeds
from ansible_collections.tidegate.nftables.plugins.plugin_utils.policy.errors import ErrorReport
from ansible_collections.tidegate.nftables.plugins.plugin_utils.policy.sets import addresses
from ansible_collections.tidegate.nftables.plugins.plugin_utils.targets import host_contribution, registry, render_units
from ansible_collections.tidegate.nftables.tests.unit.plugins.plugin_utils.policy.support import INVENTORY, build

DOCS = Path(__file__).resolve().parents[5] / "docs"
_BLOCK = re.compile(r"^```(\w+)\n(.*?)^```$", re.MULTILINE | re.DOTALL)


@dataclass(frozen=True)
class Page:
    """docs/targets/NAME.md: the first block is the input, the second the file, a third the notices and differences."""

    name: str

    @property
    def path(self) -> Path:
        return DOCS / "targets" / f"{self.name}.md"

    @property
    def blocks(self) -> list[str]:
        return [block.group(2) for block in _BLOCK.finditer(self.path.read_text(encoding="utf-8"))]

    def made(self) -> list[str]:
        """Return the file of the page's input, and the text beside it where there is any."""
        variables: dict[str, Any] = yaml.safe_load(self.blocks[0])
        target = registry.target(self.name)
        declarations = feeds.parse(ErrorReport(), variables.get("egress_prefix_lists"))
        lists = {
            name: feeds.PrefixListResult(
                name, declared.addresses, external=declared.kind == "external", names=declared.names
            )
            for name, declared in declarations.items()
        }
        resolved = build(replace(INVENTORY, lists=lists), **variables)
        (unit,) = render_units.render_units(
            [host_contribution.contribution(resolved, target, variables, addresses.parse("10.1.2.3"))]
        )
        beside = "".join(f"{line}\n" for line in (*unit.differences, *unit.notices))
        return [str(unit.text), beside] if beside else [str(unit.text)]

    def regenerate(self) -> None:
        """Write the results into the page."""
        text, made = self.path.read_text(encoding="utf-8"), self.made()
        for number, block in reversed(list(enumerate(_BLOCK.finditer(text)))):
            if 0 < number <= len(made):
                text = text[: block.start(2)] + made[number - 1] + text[block.end(2) :]
        self.path.write_text(text, encoding="utf-8")


PAGES = [Page(target.name) for target in registry.TARGETS.values() if target.render is not None]
