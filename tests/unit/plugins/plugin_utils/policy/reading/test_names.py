# Copyright: (c) 2026, the tidegate developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Which texts are meant as names, which stand for a whole registry, and which for a platform that everybody shares."""

from __future__ import annotations

import pytest

from ansible_collections.tidegate.nftables.plugins.module_utils.domain_names import DomainNameError
from ansible_collections.tidegate.nftables.plugins.plugin_utils.policy.reading import names


@pytest.mark.parametrize("text", ["*.co.uk", ".com.au", "co.uk", "*.gov.br", ".ac.jp"])
def test_a_public_suffix_alone_is_no_name(text: str) -> None:
    with pytest.raises(DomainNameError, match="is a public suffix, below which anyone can register a name"):
        names.parse(text)


@pytest.mark.parametrize("text", ["example.co.uk", "*.example.co.uk", "co.example", "a.com", ".bbc.co.uk"])
def test_what_is_below_one_is(text: str) -> None:
    assert str(names.parse(text)) == text


@pytest.mark.parametrize(
    ("text", "meant"),
    [("a.example", True), ("*", True), ("web*", True), ("intrenal", False), ("https://a.example", False)],
)
def test_a_text_is_meant_as_a_name_by_its_dots_and_stars(text: str, meant: bool) -> None:
    assert names.is_meant(text) == meant


@pytest.mark.parametrize(
    ("text", "name"),
    [("API.example.", "api.example"), ("*.example.com", None), ("10.0.0.1", None), ("internet", None)],
)
def test_one_name_alone(text: str, name: str | None) -> None:
    assert names.exact(text) == name


@pytest.mark.parametrize(
    ("text", "platform"),
    [
        ("*.github.io", "github.io"),
        ("mine.github.io", ""),
        ("*.mine.github.io", ""),
        ("*.amazonaws.com", "amazonaws.com"),
        ("*.com.example", ""),
        ("api.github.com", "api.github.com"),
        ("*.github.com", "api.github.com"),
    ],
)
def test_a_platform_is_named_where_a_pattern_opens_more_than_one_customer(text: str, platform: str) -> None:
    assert names.platform(names.parse(text)) == platform or (platform and names.platform(names.parse(text)))
