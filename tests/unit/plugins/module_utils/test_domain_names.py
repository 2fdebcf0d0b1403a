# Copyright: (c) 2026, the tidegate developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The grammar of domain names: what each text means, and why others mean nothing."""

from __future__ import annotations

import pytest

from ansible_collections.tidegate.nftables.plugins.module_utils import domain_names
from ansible_collections.tidegate.nftables.plugins.module_utils.domain_names import BELOW, BOTH, EXACT
from ansible_collections.tidegate.nftables.tests.support.name_table import NAMES, asked


@pytest.mark.parametrize("written", NAMES)
@pytest.mark.parametrize("name", asked())
def test_a_pattern_means_these_names(written: str, name: str) -> None:
    assert domain_names.matches(domain_names.parse(written), name) == (name in NAMES[written])


@pytest.mark.parametrize(
    ("written", "kind", "name"),
    [
        ("API.Payments.example.", EXACT, "api.payments.example"),
        ("*.Example.COM", BELOW, "example.com"),
        (".example.com.", BOTH, "example.com"),
        ("_acme-challenge.example.com", EXACT, "_acme-challenge.example.com"),
        ("bücher.example", EXACT, "xn--bcher-kva.example"),
        ("*.BÜCHER.example", BELOW, "xn--bcher-kva.example"),
        ("例え.テスト", EXACT, "xn--r8jz45g.xn--zckzah"),
        ("xn--bcher-kva.example", EXACT, "xn--bcher-kva.example"),
        ("1.2.example", EXACT, "1.2.example"),
        ("x" * 63 + ".example", EXACT, "x" * 63 + ".example"),
        (".".join(["a" * 49] * 5 + ["bcd"]), EXACT, ".".join(["a" * 49] * 5 + ["bcd"])),
    ],
)
def test_each_name_has_one_form(written: str, kind: str, name: str) -> None:
    pattern = domain_names.parse(written)
    assert pattern == (kind, name)
    assert domain_names.parse(str(pattern)) == pattern


@pytest.mark.parametrize(
    ("written", "cause"),
    [
        ("*", "is every name"),
        ("*.", "has an empty label"),
        (".", "has an empty label"),
        ("", "has an empty label"),
        ("*.com", "is every name of a top-level domain"),
        (".com", "is every name of a top-level domain"),
        ("localhost", "is a single label"),
        ("api.*.example.com", "has a * that is not its whole first label"),
        ("*api.example.com", "has a * that is not its whole first label"),
        ("example.*", "has a * that is not its whole first label"),
        ("*.*.example.com", "has a * that is not its whole first label"),
        ("..example.com", "has an empty label"),
        ("a..example", "has an empty label"),
        ("a.example..", "has an empty label"),
        ("-a.example", "has the label '-a'"),
        ("a-.example", "has the label 'a-'"),
        ("a b.example", "has the label 'a b'"),
        ("a.example\n", "has the label 'example\\n'"),
        ("a/b.example", "has the label 'a/b'"),
        ("x" * 64 + ".example", "has a label of 64 characters"),
        ("ü" * 60 + ".example", "has letters that have no ASCII form"),
        (".".join(["a" * 49] * 5 + ["bcde"]), "is a name of 254 characters"),
        ("203.0.113.7", "ends in a number"),
        ("faß.example", "has a letter that standards read differently"),
        ("a．b.example", "has the label 'a．b'"),
    ],
)
def test_what_is_no_pattern_has_a_reason(written: str, cause: str) -> None:
    with pytest.raises(domain_names.DomainNameError) as raised:
        domain_names.parse(written)
    assert raised.value.cause.startswith(cause)
    assert raised.value.fix


@pytest.mark.parametrize("outer", NAMES)
@pytest.mark.parametrize("inner", NAMES)
def test_a_pattern_includes_another_where_it_means_all_its_names(outer: str, inner: str) -> None:
    included = domain_names.includes(domain_names.parse(outer), domain_names.parse(inner))
    assert included == (NAMES[inner] <= NAMES[outer])
