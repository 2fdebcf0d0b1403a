# Copyright: (c) 2026, the tidegate developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""docs/examples/site as a user has it: copied into an empty folder, with the built archive; each command is run."""

from __future__ import annotations

import json
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest
import yaml

from ansible_collections.tidegate.nftables.tests.integration.docs import installed
from ansible_collections.tidegate.nftables.tests.support.containers import environment, image, podman
from ansible_collections.tidegate.nftables.tests.support.paths import CHECKOUT
from ansible_collections.tidegate.nftables.tests.support.waiting import run

SITE = CHECKOUT / "docs" / "examples" / "site"
MACHINES = ("-i", "inventory", "-i", "molecule/default/inventory", "--limit", "molecule")
PLAYBOOKS = {"create": "tidegate.nftables.molecule_create", "destroy": "tidegate.nftables.molecule_destroy"}


class Site:
    """The copied example, under version control, with an environment in which its commands run."""

    def __init__(self, folder: Path) -> None:
        self.path = folder / "site"
        run(["cp", "-r", str(SITE), str(self.path)])
        self.environment = {
            **environment(),
            # What requirements.yml names beside this collection. Last: the checkout must not be found.
            **installed.environment(folder, "containers", "community"),
            "EGRESS_TEST_IMAGE": image("bookworm"),
            "MOLECULE_EPHEMERAL_DIRECTORY": str(folder / "molecule"),
        }
        for words in (
            ["init", "--quiet", "--initial-branch=main"],
            ["add", "--all"],
            ["commit", "--quiet", "-m", "Begin"],
        ):
            self.run("git", "-c", "user.name=ops", "-c", "user.email=ops@example.com", *words)

    def run(self, *words: str, code: int = 0) -> str:
        """Run a command in the folder; return what it printed. code: its expected exit status."""
        done = run(list(words), check=False, env=self.environment, cwd=self.path)
        assert done.returncode == code, done.stdout + done.stderr
        return done.stdout + done.stderr


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Site:
    """One copy for all tests; none of them leaves a change in it."""
    return Site(tmp_path_factory.mktemp("example"))


@pytest.fixture(scope="module")
def machines(site: Site) -> Iterator[Site]:
    """The test machines run, after Molecule's own have gone; they are removed whatever happens."""
    try:
        site.run("ansible-playbook", *MACHINES, PLAYBOOKS["create"])
        yield site
    finally:
        site.run("ansible-playbook", *MACHINES, PLAYBOOKS["destroy"])


def test_molecule_test_is_green(site: Site) -> None:
    try:
        output = site.run("molecule", "test")
    finally:
        site.run("molecule", "destroy")
    assert "7 passed" in " ".join(output.split())
    assert podman("ps", "--all", "--quiet", "--filter", "name=egress-test-").stdout == ""


def test_docker_gets_the_same_commands(site: Site, tmp_path: Path) -> None:
    """podman by docker's name, which has the same command line: what is tried is the scenario, not the engine."""
    podman_itself = shutil.which("podman")
    assert podman_itself
    (tmp_path / "docker").symlink_to(podman_itself)
    # podman, too, would be taken by its name, so it is not found by that.
    (tmp_path / "podman").write_text("#!/bin/sh\nexit 1\n")
    (tmp_path / "podman").chmod(0o755)
    variables = ("env", f"PATH={tmp_path}:{site.environment['PATH']}", "EGRESS_TEST_ENGINE=docker")
    one = (*variables, "ansible-playbook", *MACHINES, "--limit", "test-app")
    try:
        site.run(*one, PLAYBOOKS["create"])
        assert "changed=1 " in site.run(*one, "site.yml")
        assert "changed=0 " in site.run(*one, "site.yml")
    finally:
        site.run(*one, PLAYBOOKS["destroy"])
    assert podman("ps", "--all", "--quiet", "--filter", "name=egress-test-").stdout == ""


def test_a_first_check_shows_the_policy_and_changes_nothing(machines: Site) -> None:
    output = machines.run("ansible-playbook", *MACHINES, "site.yml", "--check", "--diff")
    assert "+allow payments for www-data: to " in output
    tables = podman("exec", "egress-test-app", "nft", "list", "tables").stdout
    assert tables == ""


def test_an_entry_that_opens_too_much_fails_the_tests(machines: Site) -> None:
    meant = {"name": "all", "to": ["internet"], "services": ["tcp/4444"], "reason": "r", "owner": "o"}
    extra = json.dumps({"egress_allow_extra": [meant]})
    machines.run("ansible-playbook", *MACHINES, "site.yml", "-e", extra, "--limit", "test-build")
    verify = ("python3", "-m", "pytest", "molecule/default/tests", "--ansible-inventory=molecule/default/inventory")
    output = machines.run(*verify, "-k", "build", "-p", "no:cacheprovider", code=1)
    assert "192.52.193.66 tcp/4444" in output


def hook() -> list[str]:
    (repository,) = yaml.safe_load((SITE / ".pre-commit-config.yaml").read_text())["repos"]
    (only,) = repository["hooks"]
    return str(only["entry"]).split()


def test_the_hook_before_a_commit_shows_what_a_change_opens(site: Site) -> None:
    assert "Nothing changes" in site.run(*hook())
    entries = site.path / "inventory/group_vars/app/egress.yml"
    before = entries.read_text()
    try:
        entries.write_text(before.replace("203.0.113.0/24]", "203.0.113.0/24, 192.0.2.0/28]"))
        assert "192.0.2.0/28" in site.run(*hook())
        entries.write_text(before.replace("services: [https]", "services: [htps]"))
        assert '"htps"' in site.run(*hook(), code=2)
    finally:
        entries.write_text(before)


def commands(path: str) -> list[str]:
    """The commands of ansible-playbook in a workflow or pipeline."""
    text = (SITE / path).read_text()
    return [
        line.split("ansible-playbook ", 1)[1].strip(" ]") for line in text.splitlines() if "ansible-playbook " in line
    ]


@pytest.mark.parametrize("path", [".github/workflows/egress.yml", ".gitlab-ci.yml"])
def test_the_pipelines_plan_writes_what_they_upload(site: Site, path: str) -> None:
    plan, apply = commands(path)
    assert apply == "site.yml"
    words = plan.replace("origin/${{ github.base_ref || 'main' }}", "main").replace("FETCH_HEAD", "main").split()
    try:
        site.run("ansible-playbook", *words)
        written = {file.name for file in (site.path / "plan").iterdir()}
    finally:
        subprocess.run(["rm", "-rf", str(site.path / "plan")], check=True)
    named = {
        word.rpartition("/")[2]
        for word in (SITE / path).read_text().replace(",", " ").replace("}", " ").split()
        if "plan/plan" in word
    }
    assert named
    assert {name.strip('"];') for name in named} <= written
