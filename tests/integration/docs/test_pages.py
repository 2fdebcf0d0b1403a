# Copyright: (c) 2026, the tidegate developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Every command and every YAML block of README and docs, run in the order of the pages by one reader on one site."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Iterator
from contextlib import suppress
from dataclasses import dataclass
from importlib.metadata import PackageNotFoundError, version

import pytest
import yaml
from packaging.requirements import Requirement

from ansible_collections.tidegate.nftables.plugins.plugin_utils.targets.registry import TARGETS
from ansible_collections.tidegate.nftables.tests.integration.docs.pages import Block, blocks
from ansible_collections.tidegate.nftables.tests.integration.docs.site import APPLY, Site, site
from ansible_collections.tidegate.nftables.tests.support.paths import CHECKOUT
from ansible_collections.tidegate.nftables.tests.support.publisher import publisher, sends

NAMES = (
    *("rollout", "proof", "observe", "targets", *(f"targets/{target}" for target in TARGETS)),
    *("whatif", "modules", "testing", "automation", "prefix_lists", "security", "platforms", "errors", "table", "lab"),
    *("architecture", "contracts", "engine", "performance", "development"),
)
PAGES = ("README.md", *(f"docs/{name}.md" for name in NAMES))
POLICIES = {
    "docs/policy.md": "tests/unit/docs/test_policy.py",
    "docs/names.md": "tests/integration/docs/test_names.py",
    "docs/troubleshooting.md": "tests/integration/docs/test_troubleshooting.py",
}
"""Pages whose examples are policies of their own, or that begin with a symptom, and the test that follows each."""


@dataclass(frozen=True)
class Elsewhere:
    """Commands and YAML that are not run here. what: a pattern; why: not; by: the test that holds them instead."""

    what: str
    why: str
    by: str = "tests/integration/docs/test_pages.py"


EXAMPLE = "tests/integration/docs/test_site_example.py"
ELSEWHERE = (
    Elsewhere(r"pip install .*", "asks a package index; the requirements hold here"),
    Elsewhere(
        r"ansible-galaxy collection install .*",
        "asks Galaxy or GitHub; the archive and a clone are installed in their place",
        "tests/integration/docs/test_install.py",
    ),
    Elsewhere(r"make .*", "runs all tests, or is a test; the Makefile has the target"),
    Elsewhere(r"molecule .*|podman .*|.*-i molecule/default/inventory .*", "needs containers", EXAMPLE),
    Elsewhere(r".*playbooks/lab.*", "is a lab of its own", "tests/integration/lab/test_lab.py"),
    Elsewhere(r"ansible-playbook tidegate.nftables.aws.*", "needs AWS", "tests/integration/targets/test_aws.py"),
    Elsewhere(r"(?s).*kubernetes\.core\.k8s.*", "needs a cluster", "tests/integration/targets/test_render.py"),
    Elsewhere(
        r"ansible-playbook tidegate.nftables.status",
        "fails for hosts without a watcher, which systemd starts",
        "tests/integration/adopt/test_rollout.py",
    ),
    Elsewhere(r"ansible-playbook awx.yml", "needs AWX", "tests/integration/docs/test_automation.py"),
    Elsewhere(r"ansible-rulebook .*", "stays", "tests/integration/eda/test_rulebook.py"),
    Elsewhere(r"systemctl .*", "needs systemd", "tests/integration/guard/test_systemd.py"),
    Elsewhere(r"tidegate why .* --unit reports.service", "needs systemd", "tests/integration/units/test_walk.py"),
    Elsewhere(
        r"tidegate (boot|watch|resolve)", "is started by systemd and stays", "tests/integration/guard/test_watch.py"
    ),
    Elsewhere(r"(?s)# Vector.*", "needs Vector, as the page says"),
    Elsewhere(r"nft -j list ruleset", "is what the collection never asks", "tests/integration/nft/test_quirks.py"),
    Elsewhere(r"nft -[cf]|ansible-playbook --flush-cache|tidegate (open|why)", "names an option or a command, no more"),
    Elsewhere(r"(?s)---\n.*", "is output", "tests/unit/docs/test_targets.py"),
)
WORDS = {
    "HOST SERVICE --user NAME": "203.0.113.10 https --user www-data",
    "HOST SERVICE [--user U]": "203.0.113.10 tcp/443 --user www-data",
    "[LINES] [--since 2h] [--user U]": "5 --since 2h --user www-data",
    "<name>": "nft_rule",
}
"""Words of pages in place of which a reader writes something else."""

EXPECTED = {
    "ansible-playbook tidegate.nftables.enforce --limit app": (2, "Not ready: observed 0 of 72 h"),
    "tidegate why 203.0.113.66 tcp/25 by www-data": (
        1,
        "203.0.113.66 tcp/25 as www-data: rejected: no entry allows it.",
    ),
    "tidegate confirm": (1, "No change is pending on this host."),
}
"""Exit status and text of commands that do not end well, and should not."""

NEXT = {
    "ansible-playbook tidegate.nftables.enforce --limit app": (
        "ansible-playbook tidegate.nftables.enforce --limit app -e egress_enforce_anyway=true"
    ),
    "tidegate close 15": "tidegate rollback",
}
"""What a reader does next, before the page goes on."""

OTHER_HOSTS = ("docs/observe.md",)
"""Pages that show what is printed on other hosts than the reader's."""

OTHER_HOST = "group_vars/app/page.yml"
"""Variables that a page shows for some host, in place of the reader's, until the end of the page."""

FLOW = "2 1 eni-1 10.10.2.10 {} 40000 {} 6 10 1000 1795185880 1795185890 ACCEPT OK\n"


@pytest.fixture(scope="module")
def reader(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    """One reader's site for all pages, with the files that pages take for granted."""
    document = json.dumps({"prefixes": [{"cidr": "198.51.100.0/24"}]}).encode()
    with publisher() as server, site(tmp_path_factory.mktemp("reader")) as made:
        server.behaviour = sends(document)
        made.environment |= {
            "CI_MERGE_REQUEST_TARGET_BRANCH_NAME": "main",
            "EGRESS_TEST_LISTS": server.url,
            "XDG_CACHE_HOME": str(made.path.parent / "cache"),
        }
        logs = FLOW.format("203.0.113.10", 443) + FLOW.format("198.51.100.66", 4444)
        made.write("flow-logs/2026/11/flow.log", logs)
        made.write("old.log", "10.10.2.10 198.51.100.66 40000 4444 6 1000\n")
        made.write("app.csv", "source,destination,protocol,port,flows,packets,bytes,first,last\n")
        made.write("rejected4.txt", "192.0.2.0/24   # a remark\n198.51.100.99\n")
        yield made


def elsewhere(text: str) -> Elsewhere | None:
    return next((row for row in ELSEWHERE if re.fullmatch(row.what, text)), None)


@pytest.mark.parametrize("page", PAGES)
def test_what_a_page_shows_works_as_written(page: str, reader: Site) -> None:
    if page == "docs/proof.md":
        # What the page before ends with: the fleet enforces, and group_vars say so.
        path = "group_vars/all/egress.yml"
        reader.write(path, (reader.path / path).read_text().replace("observe", "enforce"))
        reader.commit()
    done = set()
    try:
        for block in blocks(CHECKOUT / page):
            where = f"{page}:{block.line}: {block.text}"
            if row := elsewhere(block.text):
                print(f"not run: {page}:{block.line}: {block.text.splitlines()[0]}: {row.why} ({row.by})")
                held_elsewhere(block.text)
            elif block.kind == "yaml":
                paste(reader, page, block, where)
            elif block.text not in done:
                done.add(block.text)
                output = follow(reader, block.text, where)
                shown = set() if page in OTHER_HOSTS else set(without_counts(block.output))
                assert shown <= set(without_counts(output.splitlines())), f"{where}\n{output}"
    finally:
        (reader.path / OTHER_HOST).unlink(missing_ok=True)


def without_counts(lines: Iterable[str]) -> list[str]:
    return [re.sub(r"packets \d+ bytes \d+", "packets N", line).strip() for line in lines]


def follow(reader: Site, command: str, where: str) -> str:
    """Run a command as it is written; return what it prints."""
    for word, written in WORDS.items():
        command = command.replace(word, written)
    if "2026-11-20T1" in command:
        earlier = json.loads(reader.on_host("tidegate status --json").stdout)["earlier"]
        command = command.replace("2026-11-20T1", earlier[0]["name"][:23])
    if command == "nft -j list table inet tidegate":
        command += " >app1.json"
    code, text = EXPECTED.get(command, (0, ""))
    result = reader.run(command)
    assert result.returncode == code, f"{where}\n{result.stdout}{result.stderr}"
    assert text in result.stdout + result.stderr, where
    assert "no hosts matched" not in result.stdout, where
    if command == APPLY:
        reader.is_applied = True
    if command in NEXT:
        follow(reader, NEXT[command], where)
    return result.stdout


def paste(reader: Site, page: str, block: Block, where: str) -> None:
    """Do with a YAML block what a reader does: save files, run plays and tasks."""
    text = block.text.replace("https://crm.example", reader.environment["EGRESS_TEST_LISTS"])
    parts = re.split(r"^# (\S+\.yml)(?:,.*)?$", text, flags=re.MULTILINE)
    if len(parts) > 1:
        for name, content in zip(parts[1::2], parts[2::2], strict=True):
            save(reader, name, content, where)
        return
    content = yaml.safe_load(text)
    if isinstance(content, dict) and all(str(key).startswith("egress_") for key in content):
        # A page of a target: the variables of another host.
        (reader.path / OTHER_HOST).write_text(text)
    elif isinstance(content, dict):
        for job in content.values():
            for command in job["script"]:
                follow(reader, command, where)
    else:
        plays = content if "hosts" in content[0] else [{"hosts": "app1", "gather_facts": False, "tasks": content}]
        if page == "docs/errors.md":
            assert reader.on_host("nft add set inet site mirrors4 '{ type ipv4_addr; }'").returncode == 0
        reader.apply()
        reader.write("play.yml", plays)
        follow(reader, "ansible-playbook play.yml", where)


def save(reader: Site, name: str, content: str, where: str) -> None:
    """Save a file of the repository, and try it."""
    reader.write(name, content)
    if name.startswith("group_vars/") and (reader.path / "site.yml").exists():
        reader.apply()
    elif name == "flows.yml":
        follow(reader, "ansible-playbook tidegate.nftables.whatif -e @flows.yml", where)
    elif name == "requirements.yml":
        galaxy = yaml.safe_load((CHECKOUT / "galaxy.yml").read_text())
        release, checkout = yaml.safe_load(content)["collections"]
        assert release["name"] == f"{galaxy['namespace']}.{galaxy['name']}"
        assert Requirement(f"x{release['version']}").specifier.contains(galaxy["version"])
        assert checkout["name"] == galaxy["repository"] + ".git"


def held_elsewhere(text: str) -> None:
    """Hold what is not run to what can be known of it here."""
    if text.startswith("pip install"):
        for requirement in map(Requirement, text.replace("'", "").split()[2:]):
            with suppress(PackageNotFoundError):
                assert requirement.specifier.contains(version(requirement.name)), text
    elif text.startswith("make "):
        targets = re.findall(r"^([a-z-]+):", (CHECKOUT / "Makefile").read_text(), re.MULTILINE)
        assert text.split()[1] in targets, text


def test_every_page_is_walked() -> None:
    assert {*PAGES, *POLICIES} == {
        str(path.relative_to(CHECKOUT))
        for path in (
            CHECKOUT / "README.md",
            *(CHECKOUT / "docs").glob("*.md"),
            *(CHECKOUT / "docs/targets").glob("*.md"),
        )
    }


@pytest.mark.parametrize("row", ELSEWHERE, ids=lambda row: row.what)
def test_what_is_not_run_here_is_shown_somewhere_and_held(row: Elsewhere) -> None:
    assert all((CHECKOUT / test).is_file() for test in POLICIES.values())
    shown = [block.text for page in (*PAGES, *POLICIES) for block in blocks(CHECKOUT / page)]
    assert any(re.fullmatch(row.what, text) for text in shown)
    assert (CHECKOUT / row.by).is_file()
