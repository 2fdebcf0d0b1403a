# Copyright: (c) 2026, the tidegate developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Plain data as YAML, whatever subclasses of Python's types Ansible made of the values.

ansible-core 2.17 and 2.18 read texts as subclasses of str, which PyYAML's safe dumper refuses to represent.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import yaml


def dump(value: Any, **options: Any) -> str:
    """Return a value as YAML, keys in their order. options: of PyYAML's dumper."""
    text: str = yaml.safe_dump(plain(value), sort_keys=False, **options)
    return text


def plain(value: Any) -> Any:
    """Return a copy of mappings, lists and scalars that has Python's own types only."""
    if isinstance(value, Mapping):
        return {plain(key): plain(inner) for key, inner in value.items()}
    if isinstance(value, (list, tuple)):
        return [plain(inner) for inner in value]
    if isinstance(value, str):
        return str.__str__(value)  # str() would ask the subclass, and Ansible's returns itself
    for own in (bool, int, float):
        if isinstance(value, own):
            return own(value)
    return value
