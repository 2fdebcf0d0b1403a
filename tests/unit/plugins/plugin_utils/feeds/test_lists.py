# Copyright: (c) 2026, the tidegate developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""When the last good copy stands in, when it does not, and what is said about it."""

from __future__ import annotations

import datetime as dt
import json
import time
from pathlib import Path

import pytest

from ansible_collections.tidegate.nftables.plugins.plugin_utils.feeds import FeedError
from ansible_collections.tidegate.nftables.tests.unit.plugins.plugin_utils.feeds import samples
from ansible_collections.tidegate.nftables.tests.unit.plugins.plugin_utils.feeds.support import (
    NOON,
    Project,
    said,
    shown,
)

URL = "https://crm.example/ips.json"
CRM = f'crm: {{url: "{URL}", query: "prefixes[].cidr"}}'
GUARDED = f'crm: {{url: "{URL}", query: "prefixes[].cidr", max_age_days: 7, max_change: 30%}}'
TEN = [f"203.0.{number}.0/24" for number in range(0, 20, 2)]
CIDRS = [str(text) for text in TEN]


def publish(project: Project, *networks: str) -> None:
    project.answers[URL] = json.dumps({"prefixes": [{"cidr": text} for text in networks]}).encode()


def breakdown(project: Project) -> None:
    project.answers[URL] = FeedError(f"{URL} answers HTTP 503 (Service Unavailable)")


def copies(project: Project) -> list[Path]:
    return sorted((project.path.parent / "cache").glob("*"))


def test_a_list_is_fetched_and_says_where_from_and_when(project: Project) -> None:
    publish(project, *TEN)
    result = project.resolve(CRM)
    assert shown(result) == CIDRS
    assert (result.source, result.fetched_at, result.kept, said(result)) == (URL, NOON, False, [])


def test_a_source_that_fails_keeps_the_last_good_copy_and_says_so(project: Project) -> None:
    publish(project, *TEN)
    project.resolve(CRM)
    breakdown(project)
    project.now += dt.timedelta(days=3)
    result = project.resolve(CRM)
    assert shown(result) == CIDRS
    assert result.kept
    assert result.fetched_at == NOON
    (notice,) = said(result)
    assert notice == (
        f"egress_prefix_lists.crm: {URL} answers HTTP 503 (Service Unavailable); "
        "the copy of 2026-11-20 12:00 UTC (10 networks) stays in use"
    )


def test_without_a_copy_a_source_that_fails_is_one_clear_error(project: Project) -> None:
    breakdown(project)
    assert project.refusal(CRM) == (
        f"egress_prefix_lists.crm: {URL} answers HTTP 503 (Service Unavailable); "
        f"there is no earlier copy in {project.path.parent / 'cache'}"
    )


@pytest.mark.parametrize("answer", [b"", b"<html>", b'{"prefixes": []}', b'{"prefixes": [{"cidr": "x"}]}', b"[]"])
def test_a_document_that_says_nothing_keeps_the_last_good_copy(project: Project, answer: bytes) -> None:
    publish(project, *TEN)
    project.resolve(CRM)
    project.answers[URL] = answer
    result = project.resolve(CRM)
    assert shown(result) == CIDRS
    assert "stays in use" in said(result)[0]


def test_a_good_list_replaces_the_copy(project: Project) -> None:
    publish(project, *TEN)
    project.resolve(CRM)
    publish(project, "198.51.100.0/24")
    assert shown(project.resolve(CRM)) == ["198.51.100.0/24"]
    breakdown(project)
    assert shown(project.resolve(CRM)) == ["198.51.100.0/24"]


def test_a_copy_older_than_max_age_days_is_an_error_not_a_notice(project: Project) -> None:
    publish(project, *TEN)
    project.resolve(GUARDED)
    breakdown(project)
    project.now += dt.timedelta(days=7)
    assert project.resolve(GUARDED).kept
    project.now += dt.timedelta(seconds=1)
    assert project.refusal(GUARDED) == (
        f"egress_prefix_lists.crm: {URL} answers HTTP 503 (Service Unavailable); "
        "the copy of 2026-11-20 12:00 UTC is older than max_age_days 7. Fix: restore the source, or raise max_age_days"
    )


def test_every_good_fetch_makes_the_copy_young_again(project: Project) -> None:
    publish(project, *TEN)
    for _time in range(3):
        project.resolve(GUARDED)
        project.now += dt.timedelta(days=6)
    breakdown(project)
    assert project.resolve(GUARDED).kept


def test_a_file_that_nobody_refreshed_is_refused_after_max_age_days(project: Project) -> None:
    declared = 'crm: {file: files/meta.json, query: "git[]", max_age_days: 30}'
    project.file("files/meta.json", '{"git": ["192.0.2.0/24"]}', days_old=30)
    assert shown(project.resolve(declared)) == ["192.0.2.0/24"]
    project.now += dt.timedelta(days=1)
    message = project.refusal(declared)
    assert "files/meta.json was last changed on 2026-10-21 12:00 UTC, max_age_days is 30" in message
    assert message.endswith("refresh the file, or raise max_age_days")


@pytest.mark.parametrize(
    ("networks", "told"),
    [
        (TEN[:6], "4 IPv4 networks are removed or narrower, the list had 10 (40%), the first is 203.0.12.0/24"),
        ([*TEN, "128.0.0.0/2"], "1 IPv4 network is new or wider"),
    ],
    ids=["shrunk", "grown"],
)
def test_a_change_beyond_the_guard_keeps_the_copy_and_says_how_to_accept_it(
    project: Project, networks: list[str], told: str
) -> None:
    publish(project, *TEN)
    project.resolve(GUARDED)
    publish(project, *networks)
    for _run in range(2):  # The guard does not tire: the copy is still what is compared with.
        result = project.resolve(GUARDED)
        assert shown(result) == CIDRS
        (notice,) = said(result)
        assert told in notice
        assert notice.startswith("egress_prefix_lists.crm: changed by more than max_change 30%: ")
        assert notice.endswith("if the change is right, accept it once: -e egress_prefix_list_accept=crm")
    accepted = project.resolve(GUARDED, accept="crm")
    assert len(shown(accepted)) == len(networks)
    assert said(accepted) == []
    assert len(shown(project.resolve(GUARDED))) == len(networks)


def test_a_change_within_the_guard_is_taken(project: Project) -> None:
    publish(project, *TEN)
    project.resolve(GUARDED)
    publish(project, *TEN[:7])
    assert len(shown(project.resolve(GUARDED))) == 7


def test_without_the_guard_every_change_is_taken(project: Project) -> None:
    publish(project, *TEN)
    project.resolve(CRM)
    publish(project, TEN[0])
    assert len(shown(project.resolve(CRM))) == 1


def test_a_guard_with_nothing_to_compare_with_says_so_once(project: Project) -> None:
    publish(project, *TEN)
    assert "no earlier copy to compare with" in said(project.resolve(GUARDED))[0]
    assert said(project.resolve(GUARDED)) == []


def test_check_mode_fetches_but_keeps_nothing(project: Project) -> None:
    publish(project, *TEN)
    assert shown(project.resolve(CRM, check_mode=True)) == CIDRS
    assert copies(project) == []
    project.resolve(CRM)
    publish(project, "198.51.100.0/24")
    assert shown(project.resolve(CRM, check_mode=True)) == ["198.51.100.0/24"]
    breakdown(project)
    assert shown(project.resolve(CRM, check_mode=True)) == CIDRS


def test_another_query_is_another_list_that_is_not_compared_with_the_old_one(project: Project) -> None:
    project.answers[URL] = json.dumps({"a": TEN, "b": ["198.51.100.1"]}).encode()
    declared = 'crm: {{url: "{}", query: "{}[]", max_change: 30%}}'
    project.resolve(declared.format(URL, "a"))
    assert shown(project.resolve(declared.format(URL, "b"))) == ["198.51.100.1/32"]
    breakdown(project)
    assert len(shown(project.resolve(declared.format(URL, "a")))) == 10


def test_a_new_pin_does_not_fall_back_to_the_content_of_the_old_one(project: Project) -> None:
    publish(project, *TEN)
    project.resolve(CRM)
    pinned = CRM.replace("query", f"sha256: {'a' * 64}, query")
    assert "the content differs from the pinned content" in project.refusal(pinned)


def test_a_looser_guard_keeps_the_copy(project: Project) -> None:
    publish(project, *TEN)
    project.resolve(GUARDED)
    breakdown(project)
    assert project.resolve(GUARDED.replace("30%", "60%")).kept


def test_two_projects_share_no_copy(project: Project, tmp_path: Path) -> None:
    publish(project, *TEN)
    project.resolve(CRM)
    breakdown(project)
    other = tmp_path / "other"
    other.mkdir()
    assert "no earlier copy" in project.refusal(CRM, project_dir=other)


def test_copies_inside_the_project_are_the_same_in_every_checkout(project: Project, tmp_path: Path) -> None:
    publish(project, *TEN)
    project.resolve(CRM, cache_dir="prefix_lists")
    (copy,) = (project.path / "prefix_lists").iterdir()
    other = tmp_path / "other"
    (other / "prefix_lists").mkdir(parents=True)
    (other / "prefix_lists" / copy.name).write_bytes(copy.read_bytes())
    breakdown(project)
    assert project.resolve(CRM, cache_dir="prefix_lists", project_dir=other).kept


def test_a_copy_can_be_read_by_people_and_by_nobody_else(project: Project) -> None:
    publish(project, *TEN)
    project.resolve(CRM)
    (copy,) = copies(project)
    assert copy.name.startswith("crm-")
    assert copy.stat().st_mode & 0o077 == 0
    assert copy.parent.stat().st_mode & 0o077 == 0
    written = json.loads(copy.read_text())
    assert (written["name"], written["source"], written["prefixes"]) == ("crm", URL, CIDRS)


@pytest.mark.parametrize("content", ["", "{}", '{"fetched_at": "x", "prefixes": []}', "[1]", '{"prefixes": 1}'])
def test_a_copy_that_cannot_be_read_is_no_copy(project: Project, content: str) -> None:
    publish(project, *TEN)
    project.resolve(CRM)
    copies(project)[0].write_text(content)
    breakdown(project)
    assert "there is no earlier copy" in project.refusal(CRM)


def test_a_cache_that_cannot_be_written_stops_nothing_and_is_said(project: Project) -> None:
    publish(project, *TEN)
    project.file("in_the_way", "")
    result = project.resolve(CRM, cache_dir="in_the_way/cache")
    assert shown(result) == CIDRS
    cache = project.path / "in_the_way" / "cache"
    assert said(result) == [
        f"egress_prefix_lists.crm: is used, but its copy could not be written to {cache}: Not a directory"
    ]


def test_refresh_minutes_spares_the_server(project: Project) -> None:
    declared = CRM.replace("query", "refresh_minutes: 60, query")
    publish(project, *TEN)
    project.resolve(declared)
    project.now += dt.timedelta(minutes=59)
    publish(project, "198.51.100.0/24")
    result = project.resolve(declared)
    assert (shown(result), result.fetched_at, result.kept) == (CIDRS, NOON, False)
    assert project.asked == [URL]
    project.now += dt.timedelta(minutes=1)
    assert shown(project.resolve(declared)) == ["198.51.100.0/24"]


def test_a_server_is_asked_once_a_run_whatever_hosts_and_lists_want_of_it(project: Project) -> None:
    project.answers[URL] = json.dumps({"a": TEN, "b": ["198.51.100.1"]}).encode()
    declared = f'a: {{url: "{URL}", query: "a[]"}}\nb: {{url: "{URL}", query: "b[]"}}'
    run = project.run_dir()
    for _host in range(3):
        lists = project.lists(declared, run_dir=run)
        assert (len(shown(lists.resolve("a"))), len(shown(lists.resolve("b")))) == (10, 1)
    assert project.asked == [URL]
    project.lists(declared).resolve("a")
    assert project.asked == [URL, URL]


@pytest.mark.parametrize(
    ("document", "picks"),
    [(samples.ip_ranges(), "aws: AMAZON"), (samples.github_meta(), 'query: "actions[]"')],
    ids=["aws", "github"],
)
def test_a_large_list_with_all_its_guards_takes_less_than_a_second_and_the_next_host_far_less(
    project: Project, document: object, picks: str
) -> None:
    declared, run = f'crm: {{url: "{URL}", {picks}, max_change: 10%, max_age_days: 3}}', project.run_dir()
    project.answers[URL] = samples.as_bytes(document)
    project.resolve(declared)
    times = []
    for _host in range(6):
        begin = time.process_time()
        result = project.resolve(declared, run_dir=run)
        times.append(time.process_time() - begin)
        assert result.addresses.size(4) > 10_000
        assert result.addresses.size(6) > 10_000
    assert times[0] < 1
    assert min(times[1:]) < times[0] / 3


def test_a_dead_server_is_asked_once_a_run_too(project: Project) -> None:
    breakdown(project)
    run = project.run_dir()
    for _host in range(3):
        assert "HTTP 503" in project.refusal(CRM, run_dir=run)
    assert project.asked == [URL]


def test_every_host_of_a_run_is_told_the_same(project: Project) -> None:
    publish(project, *TEN)
    project.resolve(GUARDED)
    publish(project, TEN[0])
    run = project.run_dir()
    first, second = (project.resolve(GUARDED, run_dir=run) for _host in range(2))
    assert first == second
    assert first.notices


def test_hosts_with_other_guards_decide_for_themselves_in_one_run(project: Project) -> None:
    publish(project, *TEN)
    project.resolve(GUARDED)
    publish(project, TEN[0])
    run = project.run_dir()
    loose, strict = project.resolve(CRM, run_dir=run), project.resolve(GUARDED, run_dir=run)
    assert (len(shown(loose)), loose.kept) == (1, False)
    assert (len(shown(strict)), strict.kept) == (10, True)
    assert project.asked == [URL, URL]


def test_lists_that_mean_different_things_on_two_hosts_are_kept_apart(project: Project) -> None:
    project.answers[URL] = json.dumps(
        {
            "prefixes": [
                {"ip_prefix": "192.0.2.0/24", "service": "S3", "region": "eu-west-1"},
                {"ip_prefix": "198.51.100.0/24", "service": "S3", "region": "us-east-1"},
            ],
            "ipv6_prefixes": [],
        }
    ).encode()
    run, declared = project.run_dir(), 's3: {{aws: s3, region: {}, url: "' + URL + '"}}'
    results = [
        project.resolve(declared.format(region), "s3", run_dir=run)
        for region in ("eu-west-1", "us-east-1", "EU-WEST-1")
    ]
    assert [shown(result) for result in results] == [["192.0.2.0/24"], ["198.51.100.0/24"], ["192.0.2.0/24"]]
    assert results[0].source == f"AWS S3 in eu-west-1, {URL}"
    assert project.asked == [URL]


def test_a_run_directory_that_cannot_be_made_is_an_error_with_a_place(project: Project) -> None:
    publish(project, *TEN)
    project.file("in_the_way", "")
    message = project.refusal(CRM, run_dir=project.path / "in_the_way" / "run")
    assert message.startswith("egress_prefix_lists.crm: cannot be stored for this run: ")


@pytest.mark.parametrize("place", ["files/lists/meta.json", "lists/meta.json"])
def test_a_file_is_found_where_ansible_users_put_it(project: Project, tmp_path: Path, place: str) -> None:
    project.file(place, "192.0.2.0/24\n")
    paths = [tmp_path / "nowhere", project.path]
    assert shown(project.resolve("crm: {file: lists/meta.json}", search_paths=paths)) == ["192.0.2.0/24"]
    absolute = f"crm: {{file: {project.path / place}}}"
    assert shown(project.resolve(absolute, search_paths=[])) == ["192.0.2.0/24"]


def test_the_first_search_path_wins(project: Project) -> None:
    project.file("role/files/a.txt", "192.0.2.1\n")
    project.file("play/files/a.txt", "192.0.2.2\n")
    paths = [project.path / "role", project.path / "play"]
    assert shown(project.resolve("crm: {file: a.txt}", search_paths=paths)) == ["192.0.2.1/32"]


def test_a_missing_file_says_where_it_was_looked_for(project: Project) -> None:
    message = project.refusal("crm: {file: files/meta.json}")
    for candidate in (project.path / "files/files/meta.json", project.path / "files/meta.json"):
        assert str(candidate) in message
    assert "correct the path, or add the file" in message


def test_a_file_that_went_away_keeps_the_last_good_copy(project: Project) -> None:
    path = project.file("meta.txt", "192.0.2.0/24\n")
    project.resolve("crm: {file: meta.txt}")
    path.unlink()
    result = project.resolve("crm: {file: meta.txt}")
    assert (shown(result), result.kept) == (["192.0.2.0/24"], True)
    assert "the file meta.txt does not exist" in said(result)[0]


def test_a_vault_encrypted_file_is_named_as_such(project: Project) -> None:
    project.file("meta.txt", "$ANSIBLE_VAULT;1.1;AES256\n3132\n")
    assert "meta.txt is encrypted by Ansible Vault; " in project.refusal("crm: {file: meta.txt}")


V4, V6 = "https://crm.example/v4.jsonl", "https://crm.example/v6.csv"
TOGETHER = f"""
crm:
  sources: [{{url: "{V4}", query: "[].cidr"}}, {{url: "{V6}", query: "[*][0]"}}, {{file: more.txt}}]
  max_change: 30%
  max_age_days: 7
"""


def publish_together(project: Project) -> None:
    project.answers[V4] = b'{"cidr": "192.0.2.0/25"}\n{"cidr": "198.51.100.0/24"}\n'
    project.answers[V6] = b"2001:db8::/48,DE\n2001:db8:1::/48,FR\n"
    project.file("more.txt", "192.0.2.128/25\n", days_old=3)


def test_several_sources_are_one_list_as_old_as_the_oldest(project: Project) -> None:
    publish_together(project)
    result = project.resolve(TOGETHER)
    assert shown(result) == ["192.0.2.0/24", "198.51.100.0/24", "2001:db8::/47"]
    assert result.source == f"{V4} and {V6} and more.txt"
    assert result.fetched_at == NOON - dt.timedelta(days=3)
    assert [path.name.partition("-")[0] for path in copies(project)] == ["crm"]


@pytest.mark.parametrize(
    ("url", "answer", "cause"),
    [
        (V6, FeedError(f"{V6} answers HTTP 503 (Service Unavailable)"), f"{V6} answers HTTP 503"),
        (V6, b"", f'{V6}: the query "[*][0]" finds nothing'),
        (V4, b'{"cidr": "192.0.2.0/2', f"{V4}: the document is not JSON"),
        (
            V4,
            b'{"cidr": "192.0.2.0/25"}\n{"type": "metadata"}\n',
            "changed by more than max_change 30%: 1 IPv4 network",
        ),
    ],
)
def test_of_several_sources_all_are_used_or_the_copy_of_all(
    project: Project, url: str, answer: bytes | FeedError, cause: str
) -> None:
    publish_together(project)
    project.resolve(TOGETHER)
    project.answers[url] = answer
    result = project.resolve(TOGETHER)
    assert shown(result) == ["192.0.2.0/24", "198.51.100.0/24", "2001:db8::/47"]
    (notice,) = said(result)
    assert notice.startswith(f"egress_prefix_lists.crm: {cause}")
    assert "stays in use" in notice


def test_one_old_file_makes_several_sources_too_old(project: Project) -> None:
    publish_together(project)
    project.file("more.txt", "192.0.2.128/25\n", days_old=8)
    assert "more.txt was last changed on 2026-11-12 12:00 UTC, max_age_days is 7" in project.refusal(TOGETHER)


def test_several_sources_together_do_not_open_everything(project: Project) -> None:
    project.answers[V4], project.answers[V6] = b"0.0.0.0/1\n", b"128.0.0.0/1\n"
    declared = f'crm: {{sources: [{{url: "{V4}"}}, {{url: "{V6}"}}]}}'
    assert "the list is all of IPv4, and no feed may open everything" in project.refusal(declared)


def test_another_source_makes_another_list(project: Project) -> None:
    publish_together(project)
    project.resolve(TOGETHER)
    project.resolve(TOGETHER.replace(", {file: more.txt}", ""))
    assert len(copies(project)) == 2
