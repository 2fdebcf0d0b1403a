# Copyright: (c) 2026, the tidegate developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What the module documents is what it takes."""

from __future__ import annotations

from typing import Any

import yaml

from ansible_collections.tidegate.nftables.plugins.module_utils.guard.run_module import ARGUMENTS, PHASES
from ansible_collections.tidegate.nftables.plugins.modules import egress_guard

FIELDS = ("type", "default", "choices", "elements")


def flat(options: dict[str, Any], inner: str, above: str = "") -> dict[str, dict[str, Any]]:
    """Every option by its path, with the fields that documentation and argument specs share."""
    found: dict[str, dict[str, Any]] = {}
    for name, option in options.items():
        found[above + name] = {
            **{field: option.get(field) for field in FIELDS},
            "required": bool(option.get("required")),
        }
        found.update(flat(option.get(inner) or {}, inner, f"{above}{name}."))
    return found


def test_documentation_and_arguments_agree() -> None:
    documented = yaml.safe_load(egress_guard.DOCUMENTATION)["options"]
    assert flat(documented, "suboptions") == flat(ARGUMENTS, "options")


def test_every_phase_is_documented() -> None:
    documented = yaml.safe_load(egress_guard.DOCUMENTATION)["options"]["phase"]
    told = " ".join(documented["description"])
    assert all(f"V({phase})" in told for phase in PHASES)
    assert documented["choices"] == list(PHASES)


def test_examples_use_known_options() -> None:
    for task in yaml.safe_load(egress_guard.EXAMPLES):
        assert set(task.get("tidegate.nftables.egress_guard", {})) <= set(ARGUMENTS)
