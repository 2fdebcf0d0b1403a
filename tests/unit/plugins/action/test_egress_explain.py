# Copyright: (c) 2026, the tidegate developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Questions in every word that a policy knows, asked of a real inventory."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from ansible_collections.tidegate.nftables.tests.support.controller import Controller

POLICY: dict[str, Any] = {
    "egress_mode": "enforce",
    "egress_tier": "build",
    "egress_internal_networks": ["10.0.0.0/8"],
    "egress_services": {"ledger": ["tcp/8443"]},
    "egress_prefix_lists": {"office": {"prefixes": ["203.0.113.0/24"]}},
    "egress_allow_build": [
        {"name": "data", "to": ["group:database"], "services": ["postgresql", "ledger"]},
        {"name": "office", "to": ["prefix_list:office"], "services": ["ssh"]},
        {"name": "api", "to": ["api.payments.example"], "services": ["https"], "users": ["payd"]},
        {"name": "wild", "to": ["*.wild.example"], "services": ["https", "tcp/8444"]},
    ],
}


@pytest.fixture
def controller(tmp_path: Path) -> Controller:
    hosts = {"ci1": {"ansible_host": "10.0.0.1"}, "ci2": {"egress_addresses": ["10.0.0.4", "10.0.0.5"]}}
    children = {
        "ci": {"hosts": hosts, "vars": POLICY},
        "database": {"hosts": {"db1": {"ansible_host": "10.0.0.2"}, "db2": {"ansible_host": "10.0.0.3"}}},
    }
    return Controller(tmp_path, {"all": {"children": children}})


@pytest.mark.parametrize(
    ("to", "service", "answer", "line"),
    [
        ("internet", "https", "yes", "by the entry tier-internet"),
        ("internet", "smtp", "no", "no entry allows it"),
        ("internal", "postgresql", "partly", "by the entry data"),
        ("db1", "postgresql", "yes", "by the entry data"),
        ("database", "ledger", "yes", "to 10.0.0.2/31 with tcp/8443"),
        ("group:database", ["postgresql", "ledger"], "yes", "tcp/5432, tcp/8443"),
        ("tier:build", "ssh", "partly", "by the floor: what goes to addresses of ci1 itself never leaves it"),
        ("hosts:database", "ssh", "no", "no entry allows it"),
        ("prefix_list:office", "ssh", "yes", "by the entry office"),
        ("1.1.1.1,db1", "https", "partly", "rejected: 10.0.0.2 with tcp/443"),
        (["10.0.0.2", "10.0.0.3"], "postgresql", "yes", "by the entry data"),
        ("ci1", "any", "yes", "by the floor: what goes to addresses of ci1 itself never leaves it"),
        ("cloud-metadata", "http", "no", "no entry allows it"),
        ("127.0.0.1", "any", "yes", "by the floor"),
        ("other.example", "https", "no", "no entry names other.example"),
        ("x.wild.example", "https", "yes", "x.wild.example by the entry wild, egress_allow_build[wild]"),
        ("wild.example", "https", "no", "no entry names wild.example"),
        ("1.1.1.1", "tcp/8444", "no", "the entry wild opens it only where a name leads there (*.wild.example)"),
    ],
)
def test_a_question_takes_every_destination_of_a_policy(
    controller: Controller, to: Any, service: Any, answer: str, line: str
) -> None:
    result = controller.run("ci1", "egress_explain", {"to": to, "service": service})
    assert result.get("answer") == answer, result
    assert line in "\n".join(result["lines"])


@pytest.mark.parametrize(
    ("user", "service", "answer"),
    [("payd", "https", "yes"), ("payd", ["https", "ssh"], "partly"), ("mail", "https", "no")],
)
def test_a_domain_name_is_asked_of_the_entries_that_name_it(
    controller: Controller, user: str, service: Any, answer: str
) -> None:
    question = {"to": "API.payments.example.", "service": service, "user": user}
    result = controller.run("ci1", "egress_explain", question)
    assert result["answer"] == ("partly" if answer == "partly" else answer)
    named = "api.payments.example by the entry api, egress_allow_build[api]"
    assert (named in "\n".join(result["lines"])) == (answer != "no")


@pytest.mark.parametrize(
    ("question", "message"),
    [
        ({"to": "intrenet"}, 'egress_explain_to: "intrenet" is not a destination. Did you mean internet?'),
        ({"to": "*.wild.example"}, 'egress_explain_to: "*.wild.example" is several names. Fix: ask for one of them'),
        ({"to": ".wild.example"}, '".wild.example" is several names'),
        ({"to": "known:github"}, '"known:github" is several names'),
        ({"to": "bad..example"}, 'egress_explain_to: "bad..example"'),
        ({"to": "group:nobody"}, 'egress_explain_to: "group:nobody"'),
        ({"to": "10.0.0.300"}, 'egress_explain_to: "10.0.0.300" is not an IP address'),
        ({"to": "db1", "service": "htps"}, 'egress_explain_service: "htps" is not a service'),
    ],
)
def test_a_question_that_cannot_be_read_names_its_parameter(
    controller: Controller, question: dict[str, Any], message: str
) -> None:
    result = controller.run("ci1", "egress_explain", question)
    assert result["failed"]
    assert message in result["msg"]
