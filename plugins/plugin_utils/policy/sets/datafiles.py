# Copyright: (c) 2026, the tidegate developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Reads the policy's data files (services, words, tiers, hints): its only input and output."""

from __future__ import annotations

from functools import cache
from pathlib import Path
from typing import Any

import yaml

_ROOT = Path(__file__).parents[1] / "data"
# libyaml where PyYAML was built with it: ten times faster for the same result.
_LOADER = getattr(yaml, "CSafeLoader", yaml.SafeLoader)


@cache
def load(name: str) -> Any:
    """Return the content of `data/<name>.yml`, read once. Callers must not change it."""
    return yaml.load((_ROOT / f"{name}.yml").read_text(encoding="utf-8"), Loader=_LOADER)  # noqa: S506 (a safe loader)


@cache
def names(folder: str) -> tuple[str, ...]:
    """Return the names of the data files in a folder, sorted: `names("tiers")` is `("app", "bastion", …)`."""
    return tuple(sorted(path.stem for path in (_ROOT / folder).glob("*.yml")))


def load_all() -> None:
    """Read every data file. Ansible imports an action before it forks its workers, which then need not read them."""
    for path in _ROOT.rglob("*.yml"):
        load(path.relative_to(_ROOT).with_suffix("").as_posix())
    names("tiers")
