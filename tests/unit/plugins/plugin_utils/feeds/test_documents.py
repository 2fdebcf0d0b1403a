# Copyright: (c) 2026, the tidegate developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What is taken out of a document, and why a document is refused."""

from __future__ import annotations

import hashlib
import ipaddress
import json
import random
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from netaddr import cidr_merge

from ansible_collections.tidegate.nftables.plugins.plugin_utils.feeds import FeedError, PrefixList, documents
from ansible_collections.tidegate.nftables.plugins.plugin_utils.feeds.model import Aws
from ansible_collections.tidegate.nftables.plugins.plugin_utils.policy.errors import variable
from ansible_collections.tidegate.nftables.tests.support.growth import fastest
from ansible_collections.tidegate.nftables.tests.unit.plugins.plugin_utils.feeds import samples

SMALL = {
    "prefixes": [
        {"ip_prefix": "192.0.2.0/25", "service": "S3", "region": "eu-west-1"},
        {"ip_prefix": "192.0.2.128/25", "service": "S3", "region": "GLOBAL"},
        {"ip_prefix": "198.51.100.0/24", "service": "EC2", "region": "eu-west-1"},
    ],
    "ipv6_prefixes": [{"ipv6_prefix": "2001:db8::/48", "service": "S3", "region": "eu-west-1"}],
}


def read(content: Any, **options: Any) -> list[str]:
    body = content if isinstance(content, bytes) else json.dumps(content).encode()
    declared = PrefixList("crm", variable("crm"), kind="url", location="https://crm.example/", **options)
    return documents.read(declared, body).cidrs()


def refusal(content: Any, **options: Any) -> str:
    with pytest.raises(FeedError) as caught:
        read(content, **options)
    return str(caught.value)


@pytest.mark.parametrize(
    "content",
    [
        ["192.0.2.0/25", "192.0.2.128/25", "2001:DB8::/48"],
        b"# ours\n192.0.2.0/25 ; Berlin\r\n\n192.0.2.128/25\n2001:db8::/48",
        b"\xef\xbb\xbf192.0.2.0/24\n2001:db8::/48\n",
        b'  ["192.0.2.0-192.0.2.255", "2001:db8::/48"]',
    ],
)
def test_without_a_query_a_document_is_a_json_list_or_one_network_a_line(content: Any) -> None:
    assert read(content) == ["192.0.2.0/24", "2001:db8::/48"]


@pytest.mark.parametrize("query", ["prefixes[].cidr", "prefixes[?tag=='a'].cidr", "one"])
def test_a_query_picks(query: str) -> None:
    document = {"one": "192.0.2.0/24", "prefixes": [{"cidr": "192.0.2.0/24", "tag": "a"}, {"name": "no network here"}]}
    assert read(document, query=query) == ["192.0.2.0/24"]


DROP = b"""{"cidr":"192.0.2.0/25","sblid":"SBL1","rir":"ripencc"}
{"cidr":"192.0.2.128/25","sblid":"SBL2","rir":"arin"}
{"type":"metadata","timestamp":1795000000,"records":2}
"""
GEOFEED = b"""# networks of a provider
192.0.2.0/25,DE,DE-BE,Berlin,
192.0.2.128/25,DE,DE-HH,"Hamburg, Altona",20095

2001:db8::/48,FR,,,
"""


@pytest.mark.parametrize(
    ("content", "query", "expected"),
    [
        (DROP, "[].cidr", ["192.0.2.0/24"]),
        (DROP, "[?rir=='arin'].cidr", ["192.0.2.128/25"]),
        (b'"192.0.2.0/25"\n"192.0.2.128/25"\n', None, ["192.0.2.0/24"]),
        (GEOFEED, "[*][0]", ["192.0.2.0/24", "2001:db8::/48"]),
        (GEOFEED, "[?[1]=='DE'][0]", ["192.0.2.0/24"]),
        (b"Network;ASN\r\n192.0.2.0/24;64500\r\n", "[1:][0]", ["192.0.2.0/24"]),
        (b'"asn","network"\n"64500","192.0.2.0/24"\n', "[1:][1]", ["192.0.2.0/24"]),
        (b"192.0.2.0/24\t64500\n", "[*][0]", ["192.0.2.0/24"]),
        (b"192.0.2.0/24 ; SBL1\n", None, ["192.0.2.0/24"]),
    ],
)
def test_json_lines_and_csv_are_lists_for_a_query(content: bytes, query: str | None, expected: list[str]) -> None:
    assert read(content, query=query) == expected


@pytest.mark.parametrize(
    ("regions", "expected"),
    [
        (("eu-west-1",), ["192.0.2.0/25", "2001:db8::/48"]),
        (("GLOBAL", "eu-west-1"), ["192.0.2.0/24", "2001:db8::/48"]),
        ((), ["192.0.2.0/24", "2001:db8::/48"]),
    ],
)
def test_aws_picks_by_service_and_region_in_both_families(regions: tuple[str, ...], expected: list[str]) -> None:
    assert read(SMALL, aws=Aws("S3", regions)) == expected


@pytest.mark.parametrize(
    ("content", "options", "message"),
    [
        ([], {}, "the list is empty"),
        (b"", {}, "the list is empty"),
        (b"# nothing\n", {}, "the list is empty"),
        ({"a": []}, {"query": "a[]"}, 'the query "a[]" finds nothing. Fix: correct it; the keys there are a'),
        ({"a": []}, {"query": "b[].c"}, 'the query "b[].c" finds nothing. Fix: correct it; the keys there are a'),
        ([1], {"query": "b"}, 'the query "b" finds nothing. Fix: correct it; the document is a list'),
        ({"a": 1}, {"query": "length(a)"}, 'the query "length(a)" fails: '),
        ({"a": 1}, {"query": "a"}, 'the query "a" gives a number, not a list of networks'),
        (
            {"a": [["192.0.2.1"]]},
            {"query": "a"},
            "gives a list with a list in it, not a list of networks. Fix: end the query with []",
        ),
        ({"a": [{"cidr": 1, "name": 2}]}, {"query": "a"}, "pick one of them; the keys there are cidr, name"),
        (
            {"a": []},
            {},
            "the document gives a mapping, not a list of networks. Fix: write a query; the keys there are a",
        ),
        (["192.0.2.1", None], {}, "gives a list with nothing in it"),
        (
            ["192.0.2.1", "crm.example"],
            {},
            'an element of the list is not a network: "crm.example" is not an IP address',
        ),
        (["192.0.2.1", "198.51.0.0/1"], {}, 'not a network: "198.51.0.0/1" has host bits set'),
        (["0.0.0.0/0"], {}, "the list is all of IPv4, and no feed may open everything"),
        (["::/1", "8000::/1", "192.0.2.1"], {}, "the list is all of IPv6"),
        (b"<html>Sign in</html>", {}, 'a web page or XML; it begins with "<html>Sign in</html>". Fix: check the URL'),
        (
            b"<html>Sign in</html>",
            {"query": "a"},
            'a web page or XML; it begins with "<html>Sign in</html>". Fix: check the URL',
        ),
        (b'["192.0.2.0/24", "198.51', {}, "the document is not JSON (Unterminated string"),
        (b"[" * 100_000, {}, "nested too deeply"),
        (b"\xff\xfe1", {}, "not UTF-8 text"),
        (b'{"cidr": "192.0.2.0/24"}\n{"cidr": "198.5', {"query": "[].cidr"}, "line 2 of the document is not JSON"),
        (b'{"a": 1}\n\n[[[\n', {"query": "[].a"}, "line 3 of the document is not JSON"),
        (b"192.0.2.0/24,DE\n,FR\n", {"query": "[*][0]"}, 'not a network: "" is not an IP address'),
        (b"prefix,country\n192.0.2.0/24,DE\n", {"query": "[*][0]"}, 'not a network: "prefix" is not an IP address'),
        (b'192.0.2.0/24,"DE\n', {"query": "[*][0]"}, "row 1 of the document is not CSV ("),
        (
            b"192.0.2.0/24,DE\n",
            {"query": "[].cidr"},
            "the document is a list that begins with \"['192.0.2.0/24', 'DE']\"",
        ),
        (b"# no rows\n", {"query": "[*][0]"}, 'the query "[*][0]" finds nothing'),
        ({"prefixes": []}, {"aws": Aws("S3")}, "not like AWS's ip-ranges.json"),
        (["192.0.2.1"], {"aws": Aws("S3")}, "not like AWS's ip-ranges.json"),
        (SMALL, {"aws": Aws("S33")}, "AWS has no service S33. Did you mean S3?"),
        (SMALL, {"aws": Aws("S3", ("eu-west-11",))}, "AWS has no region eu-west-11. Did you mean eu-west-1?"),
        (SMALL, {"aws": Aws("EC2", ("GLOBAL",))}, "AWS publishes no network of EC2 in GLOBAL"),
    ],
)
def test_what_is_not_a_whole_list_is_refused(content: Any, options: dict[str, Any], message: str) -> None:
    assert message in refusal(content, **options)


def test_only_the_pinned_content_is_taken() -> None:
    body = b"192.0.2.1\n"
    assert read(body, sha256=hashlib.sha256(body).hexdigest()) == ["192.0.2.1/32"]
    assert "the content differs from the pinned content" in refusal(
        body + b"\n", sha256=hashlib.sha256(body).hexdigest()
    )


NETWORK = st.builds(
    lambda version, value, length: str(
        ipaddress.ip_network(
            ((value >> (0 if version == 6 else 96)), min(length, 32) if version == 4 else length), strict=False
        )
    ),
    st.sampled_from((4, 6)),
    st.integers(1 << 100, (1 << 128) - 1),
    st.integers(4, 128),
).filter(lambda text: not text.startswith("::"))


@given(st.lists(NETWORK, min_size=1, max_size=40))
def test_networks_are_joined_as_netaddr_joins_them(networks: list[str]) -> None:
    expected = [str(network) for network in cidr_merge(networks)]
    assert sorted(read(networks)) == sorted(str(ipaddress.ip_network(text)) for text in expected)


@pytest.mark.parametrize(
    ("document", "options", "least"),
    [
        (samples.ip_ranges(), {"aws": Aws("AMAZON")}, 2500),
        (samples.ip_ranges(), {"aws": Aws("S3", ("eu-west-1",))}, 50),
        (samples.github_meta(), {"query": "actions[]"}, 5000),
    ],
    ids=["aws all", "aws one region", "github"],
)
def test_large_documents_are_read_in_less_than_a_second(document: Any, options: dict[str, Any], least: int) -> None:
    body = samples.as_bytes(document)
    content = read(body, **options)
    assert fastest(lambda: read(body, **options), 1) < 1
    assert len(content) >= least


def test_fifty_thousand_networks_are_read_in_less_than_a_second() -> None:
    dice = random.Random(4)
    networks = [samples.network(dice, 4, 16, 32) for _time in range(35_000)] + [
        samples.network(dice, 6, 40, 64) for _time in range(15_000)
    ]
    content = read(networks)
    assert fastest(lambda: read(networks), 1) < 1
    assert len(content) > 30_000
