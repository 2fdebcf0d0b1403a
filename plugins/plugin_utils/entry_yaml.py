# Copyright: (c) 2026, the tidegate developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Entries as YAML that a person pastes into group_vars."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from ansible_collections.tidegate.nftables.plugins.module_utils.printable import printable
from ansible_collections.tidegate.nftables.plugins.module_utils.suggested_entries import variable
from ansible_collections.tidegate.nftables.plugins.plugin_utils import yaml_text
from ansible_collections.tidegate.nftables.plugins.plugin_utils.policy.sets import services

_WIDTH = 1000
"""Characters of a line: a text that is broken by the writer is hard to review."""


def list_item(entry: Mapping[str, Any]) -> list[str]:
    """Return an entry as the lines of one item of a list; a text of the entry never ends its line."""
    dumped = yaml_text.dump(_on_one_line(entry), default_flow_style=None, width=_WIDTH, allow_unicode=True).splitlines()
    return [f"  - {dumped[0]}", *(f"    {line}" for line in dumped[1:])]


def suggestion(tier: str, entries: Sequence[Mapping[str, Any]]) -> list[str]:
    """Return the lines of the variable for suggested entries, [] for none."""
    return [f"{variable(tier)}:", *(line for entry in entries for line in list_item(entry))] if entries else []


def flow_list(values: list[str]) -> str:
    """Return a list on one line."""
    return yaml_text.dump(values, default_flow_style=True, width=_WIDTH).strip()


def flow_map(values: Mapping[str, Any]) -> str:
    """Return a mapping on one line."""
    return yaml_text.dump(_on_one_line(values), default_flow_style=True, width=_WIDTH).strip()


def _on_one_line(value: Any) -> Any:
    if isinstance(value, str):
        return printable(value)
    if isinstance(value, Mapping):
        return {_on_one_line(key): _on_one_line(inner) for key, inner in value.items()}
    return [_on_one_line(inner) for inner in value] if isinstance(value, (list, tuple)) else value


def service_name(text: str) -> str:
    """Return the catalogue's name of a service such as tcp/443 when it has one, else the text."""
    return next((name for name, texts in services.catalogue().items() if texts == (text,)), text)
