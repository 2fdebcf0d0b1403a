# Copyright: (c) 2026, the tidegate developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""YAML of values as Ansible hands them over: subclasses of Python's own types."""

from __future__ import annotations

import datetime as dt

import yaml

from ansible_collections.tidegate.nftables.plugins.plugin_utils import yaml_text
from ansible_collections.tidegate.nftables.tests.support.paths import CHECKOUT


class Text(str):
    """As ansible-core 2.17 and 2.18 read a text."""

    __slots__ = ()


class Number(int):
    """As ansible-core reads a number."""


class Lines(list[object]):
    """As ansible-core reads a list."""


class Mapped(dict[object, object]):
    """As ansible-core reads a mapping."""


def test_subclasses_are_written_as_what_they_are() -> None:
    value = Mapped({Text("name"): Lines([Text("a: b"), Number(443), True, None, 1.5, dt.date(2027, 3, 31)])})
    plain = {"name": ["a: b", 443, True, None, 1.5, dt.date(2027, 3, 31)]}
    assert yaml_text.dump(value) == yaml_text.dump(plain)
    assert yaml.safe_load(yaml_text.dump(value)) == plain


def test_keys_keep_their_order_and_options_count() -> None:
    assert yaml_text.dump({"b": 1, "a": ["é"]}, explicit_start=True, allow_unicode=True) == "---\nb: 1\na:\n- é\n"


def test_nothing_else_writes_yaml() -> None:
    own = CHECKOUT / "plugins" / "plugin_utils" / "yaml_text.py"
    writers = [path for path in (CHECKOUT / "plugins").rglob("*.py") if "safe_dump(" in path.read_text("utf-8")]
    assert writers == [own]
