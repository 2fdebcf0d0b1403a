# Copyright: (c) 2026, the tidegate developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Declarations: what is understood, and what each mistake is told."""

from __future__ import annotations

import pytest

from ansible_collections.tidegate.nftables.plugins.plugin_utils.policy import PolicyErrors
from ansible_collections.tidegate.nftables.tests.unit.plugins.plugin_utils.feeds.support import Project, shown

SHOP = """
s3: {aws: S3, region: eu-west-1}
github: {file: files/github-meta.json, query: "git[]", max_age_days: 30, shared: true}
saas-crm:
  {url: "https://crm.example/ips.json", query: "prefixes[].cidr", sha256: null, max_age_days: 7, max_change: 30%}
blessed: {fed_by: external}
office: {prefixes: [203.0.113.0/25, 203.0.113.128/25, "2001:db8::1", 198.51.100.1-198.51.100.2]}
"""


def errors(project: Project, declared: str) -> list[str]:
    return [str(error) for error in project.lists(declared).errors]


def test_every_form_of_the_vocabulary_is_understood_without_touching_a_server(project: Project) -> None:
    lists = project.lists(SHOP)
    assert lists.errors == ()
    assert lists.names == ("blessed", "github", "office", "s3", "saas-crm")
    assert project.asked == []


def test_an_inline_list_is_joined(project: Project) -> None:
    result = project.resolve(SHOP, "office")
    assert shown(result) == ["198.51.100.1/32", "198.51.100.2/32", "203.0.113.0/24", "2001:db8::1/128"]
    assert not result.external
    assert not result.shared


def test_a_list_that_others_fill_has_no_content_of_ours(project: Project) -> None:
    result = project.resolve(SHOP, "blessed")
    assert result.external
    assert not result.addresses
    assert project.asked == []


def test_shared_is_carried(project: Project) -> None:
    assert project.resolve("crm: {prefixes: [192.0.2.1], shared: true}").shared
    assert project.resolve("crm: {fed_by: external, shared: true}").shared
    assert project.resolve("crm: {fed_by: external, names: [B.example, a.example.]}").names == (
        "a.example",
        "b.example",
    )


@pytest.mark.parametrize("nothing", ["", "{}", "null"])
def test_no_lists_are_no_error(project: Project, nothing: str) -> None:
    assert errors(project, nothing) == []


@pytest.mark.parametrize(
    ("wrong", "right"),
    [
        ("uri", "url"),
        ("link", "url"),
        ("path", "file"),
        ("src", "file"),
        ("cidrs", "prefixes"),
        ("networks", "prefixes"),
        ("addresses", "prefixes"),
        ("prefix", "prefixes"),
        ("service", "aws"),
        ("regions", "region"),
        ("jmespath", "query"),
        ("filter", "query"),
        ("checksum", "sha256"),
        ("max_age", "max_age_days"),
        ("max_shrink", "max_change"),
        ("fed-by", "fed_by"),
        ("refresh", "refresh_minutes"),
        ("Shared", "shared"),
    ],
)
def test_a_wrong_key_gets_the_right_one_named_and_nothing_else_is_said(
    project: Project, wrong: str, right: str
) -> None:
    source = "" if right in ("url", "file", "prefixes", "aws", "fed_by") else "aws: S3, "
    assert errors(project, f"crm: {{{source}{wrong}: x}}") == [
        f'egress_prefix_lists.crm: unknown key "{wrong}". Did you mean {right}?'
    ]


@pytest.mark.parametrize(
    ("declared", "message"),
    [
        ("[]", "egress_prefix_lists: is not a mapping. Fix: write NAME: {…}"),
        ("crm: [192.0.2.1]", "egress_prefix_lists.crm: is a list. Fix: write {prefixes: […]}"),
        ("crm: https://crm.example/x", 'egress_prefix_lists.crm: is a text. Fix: write {url: "https://crm.example/x"}'),
        ("crm: {}", "crm: has no source. Fix: write one of prefixes, file, url, sources, fed_by, aws and known"),
        ("crm: {shared: true}", "crm: has no source"),
        ("crm: {file: a, url: 'https://b/'}", "crm: has file and url, two sources. Fix: keep one of them"),
        ("crm: {sources: []}", "crm.sources: is not a list of sources. Fix: write [{url: …}, {file: …}]"),
        ("crm: {sources: {file: a}}", "crm.sources: is not a list of sources"),
        ("crm: {sources: [{file: a}], query: b}", "crm.query: has no meaning beside sources. Fix: remove it"),
        ("crm: {sources: [{file: a}, 'https://b/']}", "crm.sources[1]: is a text. Fix: write {url:"),
        ("crm: {sources: [{file: a, max_change: 1%}]}", "crm.sources[0].max_change: has no meaning beside file"),
        ("crm: {sources: [{file: a, url: 'https://b/'}]}", "crm.sources[0]: has file and url, two sources"),
        ("crm: {sources: [{query: a}]}", "crm.sources[0]: has no source. Fix: write one of file, url, aws and known"),
        ("crm: {sources: [{fed_by: external}]}", "crm.sources[0]: has no source"),
        ("crm: {sources: [{file: a, sha265: b}]}", 'crm.sources[0]: unknown key "sha265". Did you mean sha256?'),
        ("crm: {prefixes: []}", "crm.prefixes: is an empty list. Fix: name at least one network"),
        ("crm: {prefixes: [10.0.0.300]}", 'crm.prefixes[0]: "10.0.0.300" is not an IP address'),
        (
            "crm: {prefixes: [10.1.2.3/8]}",
            'crm.prefixes[0]: "10.1.2.3/8" has host bits set. Fix: write 10.0.0.0/8',
        ),
        (
            "crm: {prefixes: [192.0.2.1, 10.5]}",
            'crm.prefixes[1]: "10.5" is read by YAML as a number. Fix: write it in quotes',
        ),
        ("crm: {prefixes: [0.0.0.0/1, 128.0.0.0/1]}", "crm.prefixes: is all of IPv4. Fix: name single networks"),
        ("crm: {prefixes: ['::/0']}", "crm.prefixes: is all of IPv6"),
        ("crm: {prefixes: [192.0.2.1], query: a}", "crm.query: has no meaning beside prefixes. Fix: remove it"),
        ("crm: {fed_by: external, max_change: 1%}", "crm.max_change: has no meaning beside fed_by"),
        ("crm: {fed_by: external, names: [http://x]}", 'crm.names[0]: "http://x" has the label'),
        ("crm: {fed_by: external, names: []}", "crm.names: is an empty list"),
        ("crm: {prefixes: [10.0.0.1], names: [a.example]}", "crm.names: has no meaning beside prefixes"),
        ("crm: {fed_by: cron}", 'crm.fed_by: unknown word "cron". Fix: write external'),
        ("crm: {file: a, timeout: 3}", "crm.timeout: has no meaning beside file"),
        ("crm: {url: 'https://b/', region: x}", "crm.region: has no meaning without aws. Fix: name the service"),
        ("crm: {aws: S3, query: a}", "crm.query: has no meaning beside aws"),
        ("crm: {aws: S3, region: []}", "crm.region: is an empty list. Fix: remove the key to select every region"),
        ("crm: {aws: S 3}", 'crm.aws: "S 3" is not a service of AWS. Fix: write it as S3 or CLOUDFRONT'),
        ("crm: {aws: S3, region: [eu west]}", 'crm.region[0]: "eu west" is not a region of AWS'),
        ("crm: {file: 'https://b/'}", 'crm.file: "https://b/" is a URL. Fix: write it as url:'),
        ("crm: {url: 'file:///etc/x'}", 'crm.url: "file:///etc/x" is a file. Fix: write file: /etc/x'),
        ("crm: {url: 'ftp://b/'}", 'crm.url: "ftp://b/" is not an https URL. Fix: write https://HOST/PATH'),
        ("crm: {url: crm.example/ips}", 'crm.url: "crm.example/ips" is not an https URL'),
        ("crm: {url: 'https://[::1/'}", 'crm.url: "https://[::1/" is not a URL'),
        ("crm: {url: 'https://b:x/'}", 'crm.url: "https://b:x/" is not a URL'),
        (
            "crm: {url: 'http://b/'}",
            'crm.url: "http://b/" is not encrypted, so anyone on the network path could add networks',
        ),
        ("crm: {url: [1]}", 'crm.url: YAML reads "[1]" as a list'),
        ("crm: {file: a, query: '.git[]'}", 'crm.query: ".git[]" is not a JMESPath query'),
        (
            "crm: {file: a, sha256: abc}",
            'crm.sha256: "abc" is not a SHA-256 digest. Fix: write its 64 hexadecimal digits',
        ),
        ("crm: {file: a, max_age_days: 0}", 'crm.max_age_days: "0" is not a whole number from 1'),
        ("crm: {file: a, max_age_days: yes}", 'crm.max_age_days: "True" is not a whole number from 1'),
        ("crm: {file: a, max_change: 30}", 'crm.max_change: "30" is not a percentage. Fix: write 30%'),
        ("crm: {file: a, max_change: 0.3}", 'crm.max_change: "0.3" is not a percentage. Fix: write it as 30%'),
        ("crm: {file: a, shared: maybe}", 'crm.shared: "maybe" is neither true nor false'),
        ("a b: {prefixes: [192.0.2.1]}", '"a b" is not a valid name for a list. Fix: use letters, digits, - and _'),
        ("../a: {prefixes: [192.0.2.1]}", '"../a" is not a valid name for a list'),
        ("on: {prefixes: [192.0.2.1]}", "the name is read by YAML as true or false. Fix: write it in quotes"),
    ],
)
def test_each_mistake_is_told_with_place_cause_and_cure(project: Project, declared: str, message: str) -> None:
    messages = errors(project, declared)
    assert len(messages) == 1, messages
    assert message in messages[0]


def test_all_mistakes_of_all_lists_are_told_at_once(project: Project) -> None:
    messages = errors(project, "a: {prefixes: [10.0.0.300, 10.0.0.301]}\nb: {url: 'http://b/', max_change: x}\nc: []")
    assert [line.partition(":")[0] for line in messages] == [
        "egress_prefix_lists.a.prefixes[0]",
        "egress_prefix_lists.a.prefixes[1]",
        "egress_prefix_lists.b.url",
        "egress_prefix_lists.b.max_change",
        "egress_prefix_lists.c",
    ]


def test_errors_name_file_and_line_where_they_are_known(project: Project) -> None:
    lists = project.lists(
        "crm: {prefixes: [x.y]}", origins=lambda path: "group_vars/all/egress.yml:3" if path else None
    )
    assert str(lists.errors[0]).startswith("group_vars/all/egress.yml:3 egress_prefix_lists.crm.prefixes[0]: ")


def test_a_secret_in_a_url_is_not_repeated_by_messages(project: Project) -> None:
    (message,) = errors(project, "crm: {url: 'http://user:secret@crm.example/ips?token=secret'}")
    assert '"http://crm.example/ips"' in message
    assert "secret" not in message


@pytest.mark.parametrize("url", ["http://127.0.0.1:1/", "http://[::1]:1/", "http://localhost/"])
def test_this_machine_may_be_asked_without_encryption(project: Project, url: str) -> None:
    assert errors(project, f"crm: {{url: '{url}'}}") == []


def test_a_pinned_content_needs_no_encryption(project: Project) -> None:
    assert errors(project, f"crm: {{url: 'http://b/', sha256: {'a' * 64}}}") == []


def test_an_undeclared_list_gets_a_guess(project: Project) -> None:
    assert project.refusal(SHOP, "sass-crm") == (
        'egress_prefix_lists: there is no list "sass-crm". Did you mean saas-crm?'
    )
    assert "declare it" in project.refusal("", "crm")


def test_a_list_with_a_mistake_cannot_be_resolved_and_says_its_mistake(project: Project) -> None:
    lists = project.lists("crm: {prefixes: []}\nok: {prefixes: [192.0.2.1]}")
    with pytest.raises(PolicyErrors, match=r"crm\.prefixes: is an empty list"):
        lists.resolve("crm")
    assert shown(lists.resolve("ok")) == ["192.0.2.1/32"]


@pytest.mark.parametrize("accept", ["cmr", ["cmr"], "saas-crm,cmr"])
def test_accepting_a_list_that_is_not_there_is_an_error(project: Project, accept: object) -> None:
    (error,) = project.lists("saas-crm: {prefixes: [192.0.2.1]}", accept=accept).errors
    assert str(error).startswith("egress_prefix_list_accept")
    assert 'there is no list "cmr"' in str(error)
