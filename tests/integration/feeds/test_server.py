# Copyright: (c) 2026, the tidegate developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Lists from a real server, with all that can go wrong on the way: a list is whole, or it is not used."""

from __future__ import annotations

import gzip
import hashlib
import json
from pathlib import Path
from typing import Any

import pytest

from ansible_collections.tidegate.nftables.plugins.plugin_utils.feeds import (
    PrefixListResult,
    PrefixLists,
    documents,
    fetching,
)
from ansible_collections.tidegate.nftables.plugins.plugin_utils.policy import PolicyErrors
from ansible_collections.tidegate.nftables.tests.support.publisher import (
    Behaviour,
    Publisher,
    drips,
    hangs,
    publisher,
    sends,
    sends_chunks,
)

GOOD = ["192.0.2.0/24", "198.51.100.0/24"]
TEXT = "\n".join(GOOD).encode() + b"\n"


class Runs:
    """One project; each resolve() is a run of its own."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.count = 0

    def resolve(self, **declared: Any) -> PrefixListResult:
        self.count += 1
        run = self.path / "run" / str(self.count)
        lists = PrefixLists({"crm": declared}, "cache", [self.path], project_dir=self.path, run_dir=run)
        assert lists.errors == ()
        return lists.resolve("crm")

    def refusal(self, **declared: Any) -> str:
        with pytest.raises(PolicyErrors) as caught:
            self.resolve(**declared)
        assert len(caught.value.errors) == 1
        return str(caught.value)


@pytest.fixture
def runs(tmp_path: Path) -> Runs:
    return Runs(tmp_path)


BROKEN: dict[str, tuple[Behaviour, str]] = {
    "not found": (sends(b"", 404), "answers HTTP 404 (Not Found)"),
    "forbidden": (sends(b"rate limit", 403), "answers HTTP 403 (Forbidden)"),
    "server error": (sends(TEXT, 500), "answers HTTP 500 (Internal Server Error)"),
    "silent": (hangs, "did not send the whole document within 1 s; "),
    "dripping": (drips, "did not send the whole document within 1 s; "),
    "cut off": (sends(TEXT[:20], length=len(TEXT)), f"was cut off after 20 of {len(TEXT)} bytes"),
    "cut off in a chunk": (sends_chunks(TEXT[:20], end=False), "cannot be fetched: "),
    "cut off without a length": (sends(b"192.0.2.0/24\n198.51.0.0/1", length=-1), "may be cut off"),
    "gzip cut off": (sends(gzip.compress(TEXT)[:-9], Content_Encoding="gzip"), "was cut off"),
    "gzip that is none": (sends(TEXT, Content_Encoding="gzip"), "is damaged"),
    "strange encoding": (sends(TEXT, Content_Encoding="br"), "encoding br, which was not requested"),
    "no list": (sends(b"<!DOCTYPE html>\n<p>Sign in</p>\n"), "is a web page or XML"),
    "cut JSON": (sends(b'["192.0.2.0/24", "198.51.100.0/24"'), "the document is not JSON"),
    "empty": (sends(b""), "the list is empty"),
    "redirect in a circle": (sends(b"", 302, Location="/"), "redirects more than 5 times"),
}
ENDLESS = ("silent", "dripping")


@pytest.mark.parametrize("name", BROKEN)
def test_a_source_that_is_broken_keeps_the_last_good_copy_and_says_why(
    runs: Runs, server: Publisher, name: str
) -> None:
    server.publish(*GOOD)
    assert runs.resolve(url=server.url).addresses.cidrs() == GOOD
    server.behaviour, reason = BROKEN[name]
    # Returns although hangs() and drips() go on as long as the server is there.
    result = runs.resolve(url=server.url, **({"timeout": 1} if name in ENDLESS else {}))
    assert (result.addresses.cidrs(), result.kept) == (GOOD, True)
    (notice,) = result.notices
    assert notice.kind == "prefix_list_kept"
    assert reason in notice.text
    assert "stays in use" in notice.text
    server.publish("203.0.113.0/24")
    assert runs.resolve(url=server.url).addresses.cidrs() == ["203.0.113.0/24"]


@pytest.mark.parametrize("name", ["not found", "cut off", "no list"])
def test_a_source_that_never_was_good_is_one_clear_error(runs: Runs, server: Publisher, name: str) -> None:
    server.behaviour, reason = BROKEN[name]
    message = runs.refusal(url=server.url)
    assert message.startswith("egress_prefix_lists.crm: ")
    assert reason.rstrip("; ") in message
    assert f"there is no earlier copy in {runs.path / 'cache'}" in message
    assert message.endswith("Nothing was changed.")
    assert "Traceback" not in message


def test_a_server_that_is_not_there_is_named(runs: Runs) -> None:
    assert "http://127.0.0.1:1/ips.json cannot be fetched: Connection refused" in runs.refusal(
        url="http://127.0.0.1:1/ips.json?token=secret"
    )


@pytest.mark.parametrize(
    "behaviour",
    [
        sends(TEXT),
        sends(TEXT, length=-1),
        sends(gzip.compress(TEXT), Content_Encoding="gzip"),
        sends_chunks(TEXT[:9], TEXT[9:], end=True),
        sends(json.dumps(GOOD).encode(), length=-1),
    ],
    ids=["length", "no length", "gzip", "chunks", "JSON without length"],
)
def test_a_whole_answer_is_taken_however_it_is_framed(runs: Runs, server: Publisher, behaviour: Behaviour) -> None:
    server.behaviour = behaviour
    assert runs.resolve(url=server.url).addresses.cidrs() == GOOD


def test_an_answer_without_end_is_not_read_to_its_end(
    runs: Runs, server: Publisher, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(fetching, "LIMIT", 1 << 20)
    server.behaviour = sends(b"192.0.2.1\n" * 200_000)
    assert "is larger than 1 MiB" in runs.refusal(url=server.url)
    server.behaviour = sends(gzip.compress(b"192.0.2.1\n" * 200_000), Content_Encoding="gzip")
    assert "larger than 1 MiB" in runs.refusal(url=server.url)


def test_the_pinned_content_and_no_other_is_taken(runs: Runs, server: Publisher) -> None:
    server.publish(*GOOD)
    pinned = {"url": server.url, "sha256": hashlib.sha256(TEXT).hexdigest()}
    assert runs.resolve(**pinned).addresses.cidrs() == GOOD
    server.publish(*GOOD, "203.0.113.0/24")
    result = runs.resolve(**pinned)
    assert result.addresses.cidrs() == GOOD
    assert "the content differs from the pinned content" in result.notices[0].text


def test_a_redirect_is_followed(runs: Runs, server: Publisher) -> None:
    def behave(request: Any) -> None:
        (sends(TEXT) if request.path == "/new" else sends(b"", 302, Location="/new"))(request)

    server.behaviour = behave
    assert runs.resolve(url=f"{server.url}/old").addresses.cidrs() == GOOD
    assert server.requests == ["/old", "/new"]


@pytest.mark.parametrize(
    "target", ["http://169.254.169.254/latest/meta-data", "http://127.0.0.1:1/", "file:///etc/passwd"]
)
def test_a_redirect_to_another_server_is_not_followed(runs: Runs, server: Publisher, target: str) -> None:
    server.behaviour = sends(b"", 302, Location=target)
    assert "redirects to another server" in runs.refusal(url=server.url)


def test_a_gzip_that_unpacks_to_much_more_is_not_unpacked(runs: Runs, server: Publisher) -> None:
    server.behaviour = sends(gzip.compress(b"192.0.2.1\n" * 1_000_000), Content_Encoding="gzip")
    assert "is larger than 1 MiB when unpacked" in runs.refusal(url=server.url)


def test_a_list_of_too_many_networks_is_not_used(
    runs: Runs, server: Publisher, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(documents, "MOST_NETWORKS", 2)
    server.publish("192.0.2.0/24", "198.51.100.0/24")
    runs.resolve(url=server.url)
    server.publish("192.0.2.0/24", "198.51.100.0/24", "203.0.113.0/24")
    assert "more than 2 networks" in runs.resolve(url=server.url).notices[0].text


def test_a_certificate_that_nobody_signed_is_refused(runs: Runs, certificate: Path) -> None:
    with publisher(certificate) as secure:
        secure.publish(*GOOD)
        message = runs.refusal(url=secure.url)
    assert "CERTIFICATE_VERIFY_FAILED" in message
    assert secure.requests == []


def test_a_ca_of_the_environment_is_trusted_as_ansible_trusts_it(
    runs: Runs, certificate: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SSL_CERT_FILE", str(certificate))
    with publisher(certificate) as secure:
        secure.publish(*GOOD)
        assert runs.resolve(url=secure.url).addresses.cidrs() == GOOD


def test_https_is_not_led_astray_to_http(
    runs: Runs, server: Publisher, certificate: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SSL_CERT_FILE", str(certificate))
    server.publish("0.0.0.0/1")
    with publisher(certificate) as secure:
        secure.behaviour = sends(b"", 302, Location=server.url)
        assert "which is not encrypted" in runs.refusal(url=secure.url)


def test_a_proxy_of_the_environment_is_used(runs: Runs, server: Publisher, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("http_proxy", server.url)
    server.publish(*GOOD)
    assert runs.resolve(url="http://127.0.0.1:1/ips").addresses.cidrs() == GOOD
    assert server.requests == ["http://127.0.0.1:1/ips"]


def test_a_password_in_the_url_is_sent_when_asked_for_and_shown_to_nobody(runs: Runs, server: Publisher) -> None:
    def behave(request: Any) -> None:
        asks = sends(b"", 401, WWW_Authenticate='Basic realm="lists"')
        (sends(TEXT) if request.headers["Authorization"] else asks)(request)

    server.behaviour = behave
    url = server.url.replace("http://", "http://user:geheim@") + "/ips?token=geheim"
    result = runs.resolve(url=url)
    assert result.addresses.cidrs() == GOOD
    server.behaviour = sends(b"", 404)
    kept = runs.resolve(url=url)
    assert kept.kept
    written = "".join(path.read_text() for path in (runs.path / "cache").iterdir())
    assert "geheim" not in f"{result}{kept}{written}"
