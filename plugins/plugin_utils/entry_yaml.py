# Copyright: (c) 2026, the tidegate developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Entries as YAML that a person pastes into group_vars, and comments that stay comments."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import yaml

from ansible_collections.tidegate.nftables.plugins.plugin_utils.policy.sets import services

_WIDTH = 1000
"""Characters of a line: a text that is broken by the writer is hard to review."""


def list_item(entry: Mapping[str, Any]) -> list[str]:
    """Return an entry as the lines of one item of a list."""
    dumped = yaml.safe_dump(
        dict(entry), sort_keys=False, default_flow_style=None, width=_WIDTH, allow_unicode=True
    ).splitlines()
    return [f"  - {dumped[0]}", *(f"    {line}" for line in dumped[1:])]


def flow_list(values: list[str]) -> str:
    """Return a list on one line."""
    return yaml.safe_dump(values, default_flow_style=True, width=_WIDTH).strip()


def one_line(text: str) -> str:
    """Return a text that can stand in a comment: a line end out of a host's answer would begin live YAML."""
    return "".join(letter if letter.isprintable() else "?" for letter in text)


def service_name(text: str) -> str:
    """Return the catalogue's name of a service such as tcp/443 when it has one, else the text."""
    return next((name for name, texts in services.catalogue().items() if texts == (text,)), text)
