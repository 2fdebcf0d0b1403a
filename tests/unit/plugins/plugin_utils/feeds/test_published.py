# Copyright: (c) 2026, the tidegate developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Lists that are the published networks of a bundle, read as any other list is."""

from __future__ import annotations

import json
from typing import Any

import pytest

from ansible_collections.tidegate.nftables.plugins.plugin_utils.feeds import FeedError
from ansible_collections.tidegate.nftables.tests.unit.plugins.plugin_utils.feeds.support import Project, said, shown

META, RANGES = "https://api.github.com/meta", "https://ip-ranges.amazonaws.com/ip-ranges.json"
DOCUMENTS: dict[str, dict[str, Any]] = {
    META: {
        "hooks": ["192.30.252.0/22"],
        "web": ["140.82.112.0/20", "2606:50c0::/32"],
        "api": ["140.82.112.0/20"],
        "git": ["20.201.28.151/32"],
        "packages": ["20.201.28.144/32"],
        "actions": ["4.148.0.0/16"],
    },
    RANGES: {
        "prefixes": [
            {"ip_prefix": f"3.{number}.0.0/16", "region": region, "service": service}
            for number, region, service in (
                (4, "eu-central-1", "AMAZON"),
                (4, "eu-central-1", "S3"),
                (5, "eu-central-1", "AMAZON"),
                (6, "eu-west-1", "AMAZON"),
            )
        ],
        "ipv6_prefixes": [{"ipv6_prefix": "2a05:d014::/36", "region": "eu-central-1", "service": "AMAZON"}],
    },
}


@pytest.fixture
def internet(project: Project) -> Project:
    """A project whose servers are those of the providers."""
    project.answers.update({url: json.dumps(document).encode() for url, document in DOCUMENTS.items()})
    return project


@pytest.mark.parametrize(
    ("declared", "expected"),
    [
        ("{known: github}", ["20.201.28.144/32", "20.201.28.151/32", "140.82.112.0/20", "2606:50c0::/32"]),
        ('{known: github, query: "actions[]"}', ["4.148.0.0/16"]),
        ('{known: "known:aws-eu-central-1"}', ["3.4.0.0/15", "2a05:d014::/36"]),
        ("{known: aws-eu-central-1, aws: S3}", ["3.4.0.0/16"]),
        ('{sources: [{known: aws-eu-west-1}, {known: github, query: "actions[]"}]}', ["3.6.0.0/16", "4.148.0.0/16"]),
    ],
)
def test_a_list_has_what_the_provider_of_a_bundle_publishes(
    internet: Project, declared: str, expected: list[str]
) -> None:
    result = internet.resolve(f"crm: {declared}")
    assert shown(result) == expected
    assert result.shared == ("sources" not in declared)


@pytest.mark.parametrize("mirror", ["url: https://mirror.example/meta", "file: meta.json"])
def test_a_mirror_is_asked_in_place_of_the_provider(project: Project, mirror: str) -> None:
    content = json.dumps(DOCUMENTS[META])
    project.answers["https://mirror.example/meta"] = content.encode()
    project.file("meta.json", content)
    assert len(shown(project.resolve(f"crm: {{known: github, {mirror}}}"))) == 4
    assert META not in project.asked


def test_it_has_the_guards_of_every_list(internet: Project) -> None:
    declared = "crm: {known: github, max_age_days: 2, max_change: 30%}"
    first = shown(internet.resolve(declared))
    internet.answers[META] = FeedError("answers HTTP 503")
    kept = internet.resolve(declared)
    assert shown(kept) == first
    assert "stays in use" in said(kept)[0]
    internet.answers[META] = json.dumps({**DOCUMENTS[META], "web": ["1.0.0.0/8"]}).encode()
    assert shown(internet.resolve(declared)) == first


@pytest.mark.parametrize(
    ("declared", "error"),
    [
        (
            "{known: debian}",
            'no published networks of "known:debian". Fix: write one of aws-REGION, github, or a url',
        ),
        ("{known: aws-REGION}", 'there are no published networks of "known:aws-REGION"'),
        ("{known: 3}", "crm.known: "),
        ("{known: aws-eu-west-1, region: eu-west-2}", "crm.region: has no meaning beside known"),
        ("{known: github, aws: S3}", "crm.query: has no meaning beside aws"),
        ("{known: github, prefixes: [192.0.2.1]}", "crm: has prefixes and url, two sources"),
        ("{sources: [{known: github, shared: true}]}", "crm.sources[0].shared: has no meaning beside url"),
        ("{knownn: github}", 'unknown key "knownn". Did you mean known?'),
    ],
)
def test_every_mistake_is_one_error(project: Project, declared: str, error: str) -> None:
    (message,) = (str(each) for each in project.lists(f"crm: {declared}").errors)
    assert error in message
