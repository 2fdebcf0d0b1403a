# Copyright: (c) 2026, the tidegate developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The same run of ansible-playbook on another commit of the user's repository, in a temporary worktree."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ansible import constants

from ansible_collections.tidegate.nftables.plugins.plugin_utils.errors import ControllerError

NAMESPACE = "ansible_collections"
_OUTPUT_LINES = 40
"""Last lines of the other run's output that an error repeats."""


class CheckoutError(ControllerError):
    """The other commit cannot be read; the message says why and how to fix it."""

    reason = "bad_checkout"


@dataclass(frozen=True)
class Repository:
    """A checkout and the place of this run in it. inventories: the sources as the user wrote them."""

    top: Path
    directory: Path
    inventories: tuple[str, ...]
    playbooks: Path

    def inside(self, path: Path) -> Path | None:
        """Return the path from the top, None for a path outside the repository."""
        try:
            return path.resolve().relative_to(self.top)
        except ValueError:
            return None


def repository(inventories: Sequence[str], playbooks: str) -> Repository:
    """Return the repository that holds the inventory. Raise CheckoutError."""
    files = [Path(source) for source in inventories if "," not in source and Path(source).exists()]
    if not files:
        raise CheckoutError(
            "The inventory is not a file, so there is no repository with an earlier version of it. "
            "Fix: name an inventory file or directory that is under version control."
        )
    at = files[0] if files[0].is_dir() else files[0].parent
    top = Path(git(at, "rev-parse", "--show-toplevel")).resolve()
    return Repository(top, Path.cwd().resolve(), tuple(inventories), Path(playbooks).resolve())


def git(directory: Path, *arguments: str) -> str:
    """Return what a git command prints. Raise CheckoutError."""
    command = ["git", "-c", "core.hooksPath=/dev/null", "-C", str(directory), *arguments]
    try:
        done = subprocess.run(command, capture_output=True, text=True, check=False, stdin=subprocess.DEVNULL)
    except FileNotFoundError as error:
        raise CheckoutError(
            "git is not installed on the controller, but a plan compares two commits. Fix: install git."
        ) from error
    if done.returncode:
        raise CheckoutError(f"git {arguments[0]} failed: {done.stderr.strip() or f'exit code {done.returncode}'}")
    return done.stdout.strip()


@contextmanager
def worktree(checkout: Repository, commit: str) -> Iterator[Path]:
    """Yield a worktree of a commit, branch or tag in a temporary directory. Raise CheckoutError."""
    try:
        commit_hash = git(checkout.top, "rev-parse", "--verify", "--quiet", "--end-of-options", f"{commit}^{{commit}}")
    except CheckoutError as error:
        raise CheckoutError(
            f'egress_plan_base: there is no commit "{commit}" in {checkout.top}. '
            "Fix: check the name; in CI fetch the branch first: git fetch origin BRANCH."
        ) from error
    with tempfile.TemporaryDirectory(prefix="tidegate-plan-") as directory:
        place = Path(directory).resolve() / "base"
        git(checkout.top, "worktree", "add", "--quiet", "--detach", str(place), commit_hash)
        try:
            yield place
        finally:
            git(checkout.top, "worktree", "remove", "--force", str(place))


@contextmanager
def play_there(
    checkout: Repository, place: Path, play: Mapping[str, Any], options: Sequence[str]
) -> Iterator[Callable[[], None]]:
    """Run a play on the worktree as if it were in the place of this run's playbook, beside what this process does.

    Yield a function that waits for its end and raises CheckoutError with the end of its output when it failed.
    """
    target = _beside(checkout, place)
    target.write_text(json.dumps([play]), encoding="utf-8")
    inventories = [text for source in checkout.inventories for text in ("-i", _moved(checkout, place, source))]
    command = [sys.executable, "-m", "ansible", "playbook", *inventories, *options, str(target)]
    inside = checkout.inside(checkout.directory)
    directory = place / inside if inside is not None and (place / inside).is_dir() else place
    with (
        tempfile.TemporaryFile(mode="w+", encoding="utf-8", errors="replace") as printed,
        subprocess.Popen(
            command,
            cwd=directory,
            env={**os.environ, **_environment(checkout, place)},
            stdin=subprocess.DEVNULL,
            stdout=printed,
            stderr=subprocess.STDOUT,
        ) as process,
    ):

        def finish() -> None:
            if process.wait():
                printed.seek(0)
                lines = "".join(printed.readlines()[-_OUTPUT_LINES:])
                raise CheckoutError(
                    f"The policies of the base commit could not be built. Output of ansible-playbook:\n{lines}"
                )

        try:
            yield finish
        finally:
            process.terminate()


def _beside(checkout: Repository, place: Path) -> Path:
    """Return the path of a playbook for which Ansible reads the same group_vars directories as for this run."""
    inside = checkout.inside(checkout.playbooks)
    directory = place / inside if inside is not None else place.parent / "playbook"
    directory.mkdir(parents=True, exist_ok=True)
    return directory / "tidegate-plan-base.yml"


def _moved(checkout: Repository, place: Path, source: str) -> str:
    inside = None if "," in source else checkout.inside(Path(source))
    return source if inside is None else str(place / inside)


def _environment(checkout: Repository, place: Path) -> dict[str, str]:
    """Return the environment: this collection, and the configuration file of the other commit if it has one."""
    here = Path(__file__)
    root = next(str(parent.parent) for parent in here.parents if parent.name == NAMESPACE)
    paths = [root, *(str(Path(path).resolve()) for path in constants.COLLECTIONS_PATHS)]
    environment = {
        "ANSIBLE_COLLECTIONS_PATH": os.pathsep.join(dict.fromkeys(paths)),
        "ANSIBLE_STDOUT_CALLBACK": "default",
        "ANSIBLE_NOCOLOR": "1",
        "ANSIBLE_RETRY_FILES_ENABLED": "0",
    }
    config = constants.CONFIG_FILE
    if config:
        inside = checkout.inside(Path(config))
        moved = place / inside if inside is not None else Path(config)
        environment["ANSIBLE_CONFIG"] = str(moved if moved.exists() else config)
    return environment
