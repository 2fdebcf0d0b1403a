# Copyright: (c) 2026, the tidegate developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Squid and dnsmasq: what their files say, and that neither opens what it was not told."""

from __future__ import annotations

import ast
import re
from dataclasses import replace
from typing import Any

import pytest
from ansible.errors import AnsibleFilterError

from ansible_collections.tidegate.nftables.plugins.filter.names import to_dnsmasq_nftset, to_squid_acl
from ansible_collections.tidegate.nftables.plugins.plugin_utils import feeds, policy
from ansible_collections.tidegate.nftables.plugins.plugin_utils.policy.sets import addresses
from ansible_collections.tidegate.nftables.plugins.plugin_utils.policy.sets.addresses import NOTHING
from ansible_collections.tidegate.nftables.plugins.plugin_utils.targets import host_contribution, registry, render_units
from ansible_collections.tidegate.nftables.tests.support.paths import CHECKOUT
from ansible_collections.tidegate.nftables.tests.unit.plugins.plugin_utils.policy.support import INVENTORY, build, entry

NAME = "api.payments.example"
FED = replace(
    INVENTORY, lists={"payments": feeds.PrefixListResult("payments", external=True, names=(NAME, "b.example"))}
)
LISTS: dict[str, Any] = {
    "egress_prefix_lists": {"payments": {}},
    "egress_tier": "build",
    "egress_internal_services": [],
}


def lines(
    target: str, sources: str = "10.1.2.3", inventory: Any = INVENTORY, word: str = "", **changes: Any
) -> list[str]:
    networks = addresses.parse(sources) if sources else NOTHING
    variables = {"egress_approximate": {target: word}} if word else {}
    data = host_contribution.contribution(build(inventory, **changes), registry.target(target), variables, networks)
    (unit,) = render_units.render_units([data])
    return [line for line in str(unit.text).splitlines() if not line.startswith("#")]


def test_squid_knows_a_unit_by_its_addresses_and_refuses_it_the_rest() -> None:
    written = entry(to=[NAME, "203.0.113.0/24"], services=["https", "tcp/9600-9610"])
    assert lines("squid", egress_allow_app=[written]) == [
        "acl tidegate_app src 10.1.2.3/32",
        "acl tidegate_app_1_port port 443 9600-9610",
        "acl tidegate_app_1_to dst 203.0.113.0/24",
        "http_access allow tidegate_app tidegate_app_1_to tidegate_app_1_port",
        "acl tidegate_app_2_port port 443 9600-9610",
        f"acl tidegate_app_2_name dstdomain -n {NAME}",
        "http_access allow tidegate_app tidegate_app_2_name tidegate_app_2_port",
        "http_access deny tidegate_app",
    ]


def test_squid_closes_never_before_names() -> None:
    output = lines("squid", egress_allow_app=[entry(to=[NAME])], egress_never=[{"to": ["169.254.169.254"]}])
    closed = "http_access deny tidegate_app tidegate_app_not1_to tidegate_app_not1_port"
    assert output.index(closed) < output.index("http_access allow tidegate_app tidegate_app_1_name tidegate_app_1_port")


def test_squid_without_entries_refuses_everything() -> None:
    assert lines("squid") == ["acl tidegate_app src 10.1.2.3/32", "http_access deny tidegate_app"]


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"sources": ""}, "its hosts have no addresses, and squid knows them by nothing else"),
        (
            {"egress_allow_app": [entry(services=["http3"])]},
            "squid cannot express udp/443. Fix: write approximate: narrower",
        ),
        ({"egress_allow_app": [entry(services=["any"], to=["internal"])]}, "squid cannot express"),
    ],
)
def test_what_squid_cannot_express_is_an_error(changes: dict[str, Any], message: str) -> None:
    with pytest.raises(policy.PolicyErrors) as raised:
        lines("squid", **changes)
    assert message in str(raised.value)


def test_dnsmasq_fills_the_sets_of_lists() -> None:
    written = [entry(to=["prefix_list:payments"])]
    assert lines("dnsmasq", inventory=FED, word="wider", egress_allow_app=written, **LISTS) == [
        f"nftset=/{NAME}/4#inet#tidegate#external_payments4,6#inet#tidegate#external_payments6",
        "nftset=/b.example/4#inet#tidegate#external_payments4,6#inet#tidegate#external_payments6",
    ]


@pytest.mark.parametrize(
    ("written", "word", "more"),
    [(f".{NAME}", "", []), (NAME, "wider", [f"*.{NAME}"]), (f"*.{NAME}", "wider", [NAME])],
)
def test_dnsmasq_means_a_name_with_all_below(written: str, word: str, more: list[str]) -> None:
    """As the program itself does by the same line in the integration tests, so the rest is said to be open, too."""
    fed = replace(INVENTORY, lists={"payments": feeds.PrefixListResult("payments", external=True, names=(written,))})
    changes: dict[str, Any] = {"egress_allow_app": [entry(to=["prefix_list:payments"])], **LISTS}
    (line,) = lines("dnsmasq", word=word, inventory=fed, **changes)
    assert line.startswith(f"nftset=/{NAME}/4#inet#tidegate#external_payments4,")
    resolved = build(fed, **changes)
    variables = {"egress_approximate": {"dnsmasq": word}} if word else {}
    data = host_contribution.contribution(resolved, registry.target("dnsmasq"), variables, NOTHING)
    assert [name for difference in data["differences"] for name in difference["names"]] == more


@pytest.mark.parametrize(
    ("to", "word", "message"),
    [
        (
            "prefix_list:payments",
            "",
            f"dnsmasq also matches *.{NAME}, *.b.example. Fix: write",
        ),
        (NAME, "wider", f"api names {NAME} itself, but dnsmasq can only fill the sets of prefix lists"),
    ],
)
def test_what_dnsmasq_cannot_express_is_an_error(to: str, word: str, message: str) -> None:
    with pytest.raises(policy.PolicyErrors) as raised:
        lines("dnsmasq", inventory=FED, word=word, egress_allow_app=[entry(to=[to])], **LISTS)
    assert message in str(raised.value)


def test_the_filters_write_the_same_lines() -> None:
    assert to_squid_acl(["203.0.113.0/25", "203.0.113.128/25", "B.example.", NAME], "pay").splitlines() == [
        "acl pay_to dst 203.0.113.0/24",
        f"acl pay_name dstdomain -n {NAME}",
        "acl pay_name dstdomain -n b.example",
    ]
    wild = ["*.a.example", ".b.example", "x.b.example", "y.example", "x.a.example"]
    assert to_squid_acl(wild, "pay").splitlines() == [
        r"acl pay_below dstdom_regex -n -i \.a\.example$",
        "acl pay_name dstdomain -n .b.example",
        "acl pay_name dstdomain -n y.example",
    ]
    sets = [f"{version}#inet#tidegate#external_{name}{version}" for name in ("one", "two") for version in (4, 6)]
    assert to_dnsmasq_nftset({"two": [NAME], "one": NAME}) == f"nftset=/{NAME}/{','.join(sets)}"


@pytest.mark.parametrize("value", [[], None, ["10.0.0.300"], ["*.com"], {"a": "b"}])
def test_to_squid_acl_refuses_what_is_no_destination(value: Any) -> None:
    with pytest.raises(AnsibleFilterError):
        to_squid_acl(value, "pay")


@pytest.mark.parametrize("value", [[], "x", {"pay": ["10.0.0.1"]}, {"pay": [7]}])
def test_to_dnsmasq_nftset_refuses_what_is_no_name(value: Any) -> None:
    with pytest.raises(AnsibleFilterError):
        to_dnsmasq_nftset(value)


@pytest.mark.parametrize("target", sorted(name for name, each in registry.TARGETS.items() if each.can.names == "no"))
def test_where_names_do_not_work_the_error_says_what_does(target: str) -> None:
    changes: dict[str, Any] = {"egress_allow_app": [entry(to=[NAME, "203.0.113.0/24"])]}
    with pytest.raises(policy.PolicyErrors) as raised:
        lines(target, **changes)
    assert "Fix: write addresses or a prefix list; send these connections through a proxy" in str(raised.value)
    assert "approximate: narrower" in str(raised.value)


REFUSING = re.compile(r"impossible|not possible|not supported|unsupported|cannot be expressed", re.IGNORECASE)


def test_no_message_calls_names_impossible() -> None:
    sources = [path for folder in ("plugins", "playbooks", "roles") for path in (CHECKOUT / folder).rglob("*.py")]
    texts = [
        node.value
        for path in sources
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8")))
        if isinstance(node, ast.Constant) and isinstance(node.value, str) and len(node.value) < 500
    ]
    assert len(texts) > 10_000
    assert [text for text in texts if REFUSING.search(text) and re.search(r"\b(domain|names?)\b", text)] == []
