# Copyright: (c) 2026, the tidegate developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The document: what it accepts, which addresses it means, which name means what."""

from __future__ import annotations

import ipaddress
from typing import Any

import pytest

from ansible_collections.tidegate.nftables.plugins.module_utils.errors import TidegateError
from ansible_collections.tidegate.nftables.plugins.module_utils.resolver import document
from ansible_collections.tidegate.nftables.tests.support.resolver import API, DOCUMENT


def test_the_document_of_the_tests_is_one() -> None:
    parsed = document.parse(DOCUMENT)
    assert parsed.exact == ["api.example.com", "both.example.org", "corp.example"]
    assert [fed.of(bytes(4)) for fed in parsed.sets] == ["names_api4", "names_corp4"]


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"version": 2}, "version 2 is not 1"),
        ({"mode": "proxy"}, "'proxy' is not one of resolver, periodic"),
        ({"servers": []}, "there is no server"),
        ({"servers": ["10.0.0.0/8"]}, "no address of a server"),
        ({"floor": -1}, "-1 is no number of seconds"),
        ({"allow": ["*"]}, "every name"),
        ({"refuse": ["10.0.0.300"]}, "'10.0.0.300' is no network"),
        ({"refuse": ["10.0.0.9-10.0.0.1"]}, "is no network"),
        ({"mode": "periodic"}, r"\*.example.net of entry api is a wildcard"),
        ({"sets": [{"entry": "api"}]}, "'within' is missing"),
        ({"sets": None}, "cannot be used"),
    ],
)
def test_what_it_cannot_be_is_said(change: dict[str, Any], words: str) -> None:
    with pytest.raises(TidegateError, match=words) as error:
        document.parse({**DOCUMENT, **change})
    assert error.value.reason == "bad_request"


@pytest.mark.parametrize(
    ("address", "refused"),
    [
        ("10.0.0.0", True),
        ("10.255.255.255", True),
        ("11.0.0.0", False),
        ("9.255.255.255", False),
        ("::ffff:10.1.1.1", True),
        ("::10.1.1.1", True),
        ("64:ff9b::10.1.1.1", True),
        ("64:ff9b::11.1.1.1", False),
        ("2002:aff:ffff:ffff:ffff:ffff:ffff:ffff", True),
        ("2002:b00::1", False),
        ("2600::1", False),
    ],
)
def test_networks_have_every_spelling(address: str, refused: bool) -> None:
    networks = document.networks(["10.0.0.0/8"], spellings=True)
    assert (ipaddress.ip_address(address).packed in networks) == refused


def test_wildcards_cannot_be_asked_for() -> None:
    parsed = document.parse({**DOCUMENT, "mode": "periodic", "sets": [{**API, "names": ["api.example.com"]}]})
    assert parsed.exact == ["api.example.com"]


def test_no_client_keeps_an_address_longer_than_its_set() -> None:
    for floor, longest in ((3600, 3600), (0, 60)):
        parsed = document.parse({**DOCUMENT, "floor": floor})
        assert (parsed.longest_ttl, parsed.stay) == (longest, longest + 120)
