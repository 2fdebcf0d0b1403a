# Copyright: (c) 2026, the tidegate developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""YAML of values as Ansible hands them over: subclasses of Python's own types."""

from __future__ import annotations

import datetime as dt

import yaml
from hypothesis import given, settings
from hypothesis import strategies as st

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


LONG = [
    [{"cidr": f"192.0.2.{number}/32", "except": ["a", number]} for number in range(120)],
    [f"2001:db8::{number:x}" for number in range(100)],
    [],
    ["short"],
]
texts = st.one_of(st.text(max_size=30), st.sampled_from(["list-that-is-written-once-7", "- a: b", "", "a: b", "::/0"]))
keys = st.one_of(texts, st.sampled_from(["to", "yes", "-x", "a" * 130, "a" * 100, "-"]), st.integers(), st.none())
documents = st.recursive(
    st.one_of(texts, st.integers(), st.booleans(), st.none(), st.sampled_from(LONG)),
    lambda inner: st.one_of(st.lists(inner, max_size=4), st.dictionaries(keys, inner, max_size=4)),
    max_leaves=12,
)


@settings(max_examples=200, deadline=None)
@given(documents)
def test_a_document_is_the_same_bytes_however_often_a_list_is_in_it(value: object) -> None:
    assert yaml_text.document(value) == yaml_text.dump(value, explicit_start=True)


def test_nothing_else_writes_yaml() -> None:
    own = CHECKOUT / "plugins" / "plugin_utils" / "yaml_text.py"
    writers = [path for path in (CHECKOUT / "plugins").rglob("*.py") if "safe_dump(" in path.read_text("utf-8")]
    assert writers == [own]
