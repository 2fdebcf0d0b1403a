# Copyright: (c) 2026, the tidegate developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ansible_collections.tidegate.nftables.plugins.module_utils.nft.desired import validate
from ansible_collections.tidegate.nftables.plugins.module_utils.nft.errors import EngineError


@pytest.mark.parametrize(
    "text",
    [
        "accept",
        "  tcp dport { 80, 443 } accept ",
        'log prefix "a; } {" accept',
        "tcp dport 22 jump { counter accept; drop; }",
        'accept comment "# not a remark; }"',
        "meter m { ip saddr limit rate 1/second } drop",
        "ip daddr 10.0.0.1",
    ],
)
def test_a_rule_is_let_through_as_it_is(text: str) -> None:
    assert validate.rule(text, "here") == text.strip()


@pytest.mark.parametrize(
    "text",
    [
        "accept; drop",
        "accept }",
        "accept } {",
        "tcp dport { 22",
        "accept\nadd rule inet t c drop",
        "accept\x00",
        "accept # remark",
        'accept comment "x',
        "accept \\",
        "handle 5 accept",
        "",
        " \t ",
        None,
        True,
        ["accept"],
        {"rule": "accept"},
        f'accept comment "{"x" * 129}"',
        f"accept comment {'x' * 129}",
        f'accept comment "{"é" * 65}"',
    ],
)
def test_a_rule_is_refused(text: object) -> None:
    with pytest.raises(EngineError) as error:
        validate.rule(text, "rules[3]")
    assert error.value.reason == "bad_spec"
    assert str(error.value).startswith("rules[3]: ")
    assert str(error.value).endswith("Nothing was changed.")


@given(st.text('ab "{};#\n\\', max_size=30))
def test_what_gets_through_cannot_end_its_statement(text: str) -> None:
    """Read as nft reads it: outside of quotes and braces nothing ends or opens a statement."""
    try:
        rule = validate.rule(text, "here")
    except EngineError:
        return
    depth, quoted = 0, False
    for sign in rule:
        if sign == '"':
            quoted = not quoted
        elif not quoted:
            assert sign not in "\n#"
            depth += {"{": 1, "}": -1}.get(sign, 0)
            assert depth >= 0
            assert depth or sign != ";"
    assert not quoted
    assert depth == 0
    assert not rule.endswith("\\")


@pytest.mark.parametrize(
    ("text", "comment"),
    [
        ("accept", None),
        ('accept comment "web"', "web"),
        ("accept comment web", "web"),
        ('log prefix "comment x" accept', None),
        ('accept comment "the comment said"', "the comment said"),
        ('log prefix "comment " comment "b"', "b"),
    ],
)
def test_comment_of_a_rule(text: str, comment: str | None) -> None:
    assert validate.rule_comment(text) == comment


@pytest.mark.parametrize("name", ["a", "_x", ".x", "allow_payments-api4", "a.b/c-d"])
def test_names(name: str) -> None:
    assert validate.name(name, "here") == name


@pytest.mark.parametrize("name", ["", "4a", "a b", "a;b", "ä", 'a"', "a{", "a\n", "a" * 256, 5, None, "-x", "$x", "@x"])
def test_no_names(name: object) -> None:
    with pytest.raises(EngineError, match="name"):
        validate.name(name, "here")


def test_comment_of_128_bytes_fits() -> None:
    assert validate.comment("x" * 128, "here") == "x" * 128
    assert validate.rule(f'accept comment "{"x" * 128}"', "here")


@pytest.mark.parametrize(("line", "text"), [("a # b", "a"), ('a "# b" # c', 'a "# b"'), ("# x", ""), ("  ", "")])
def test_remarks_of_files(line: str, text: str) -> None:
    assert validate.without_remark(line) == text
