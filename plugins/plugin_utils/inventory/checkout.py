# Copyright: (c) 2026, the tidegate developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The same run of ansible-playbook on another commit of the user's repository, in a worktree that goes with it."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ansible import constants

from ansible_collections.tidegate.nftables.plugins.plugin_utils.errors import ControllerError

NAMESPACE = "ansible_collections"
_SAID = 40
"""Lines of another run's output that are worth repeating."""


class CheckoutError(ControllerError):
    """The other commit cannot be read; the message says why and how to fix it."""

    reason = "bad_checkout"


@dataclass(frozen=True)
class Repository:
    """A checkout and where in it this run stands. inventories: its sources, as they were given."""

    top: Path
    directory: Path
    inventories: tuple[str, ...]
    playbooks: Path

    def inside(self, path: Path) -> Path | None:
        """The path from the top, None for what is elsewhere."""
        try:
            return path.resolve().relative_to(self.top)
        except ValueError:
            return None


def repository(inventories: Sequence[str], playbooks: str) -> Repository:
    """The repository that the inventory is in. Raises CheckoutError."""
    files = [Path(one) for one in inventories if "," not in one and Path(one).exists()]
    if not files:
        raise CheckoutError("The inventory is no file, so there is no repository to look for an earlier one in.")
    at = files[0] if files[0].is_dir() else files[0].parent
    top = Path(git(at, "rev-parse", "--show-toplevel")).resolve()
    return Repository(top, Path.cwd().resolve(), tuple(inventories), Path(playbooks).resolve())


def git(directory: Path, *arguments: str) -> str:
    """What one git command prints. Raises CheckoutError."""
    command = ["git", "-c", "core.hooksPath=/dev/null", "-C", str(directory), *arguments]
    try:
        done = subprocess.run(command, capture_output=True, text=True, check=False, stdin=subprocess.DEVNULL)
    except FileNotFoundError as error:
        raise CheckoutError("git is not installed on the controller, and a plan compares two commits.") from error
    if done.returncode:
        raise CheckoutError(f"git {arguments[0]}: {done.stderr.strip() or f'exit code {done.returncode}'}")
    return done.stdout.strip()


@contextmanager
def worktree(found: Repository, commit: str) -> Iterator[Path]:
    """A worktree of a commit, branch or tag in a directory of its own. Raises CheckoutError."""
    try:
        number = git(found.top, "rev-parse", "--verify", "--quiet", "--end-of-options", f"{commit}^{{commit}}")
    except CheckoutError as error:
        cure = "in CI, fetch it first: git fetch origin BRANCH"
        raise CheckoutError(f'egress_plan_base: git knows no commit "{commit}" in {found.top}; {cure}') from error
    with tempfile.TemporaryDirectory(prefix="tidegate-plan-") as directory:
        place = Path(directory).resolve() / "base"
        git(found.top, "worktree", "add", "--quiet", "--detach", str(place), number)
        try:
            yield place
        finally:
            git(found.top, "worktree", "remove", "--force", str(place))


def play_there(found: Repository, place: Path, play: Mapping[str, Any], options: Sequence[str]) -> None:
    """Run a play on the worktree as on the checkout, as if it stood where this run's playbook does.

    Raises CheckoutError with the end of what it printed.
    """
    target = _beside(found, place)
    target.write_text(json.dumps([play]), encoding="utf-8")
    inventories = [text for one in found.inventories for text in ("-i", _moved(found, place, one))]
    command = [sys.executable, "-m", "ansible", "playbook", *inventories, *options, str(target)]
    inside = found.inside(found.directory)
    directory = place / inside if inside is not None and (place / inside).is_dir() else place
    done = subprocess.run(
        command,
        cwd=directory,
        env={**os.environ, **_environment(found, place)},
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        check=False,
    )
    if done.returncode:
        said = "\n".join(done.stdout.splitlines()[-_SAID:])
        raise CheckoutError(f"The policies of the base could not be built; ansible-playbook said:\n{said}")


def _beside(found: Repository, place: Path) -> Path:
    """Where a playbook must be for the group_vars beside it to count that counted for this run, and no others."""
    inside = found.inside(found.playbooks)
    directory = place / inside if inside is not None else place.parent / "playbook"
    directory.mkdir(parents=True, exist_ok=True)
    return directory / "tidegate-plan-base.yml"


def _moved(found: Repository, place: Path, source: str) -> str:
    inside = None if "," in source else found.inside(Path(source))
    return source if inside is None else str(place / inside)


def _environment(found: Repository, place: Path) -> dict[str, str]:
    """The same collection, and the configuration file of the other commit where it has one."""
    here = Path(__file__)
    root = next(str(parent.parent) for parent in here.parents if parent.name == NAMESPACE)
    paths = [root, *(str(Path(one).resolve()) for one in constants.COLLECTIONS_PATHS)]
    given = {
        "ANSIBLE_COLLECTIONS_PATH": os.pathsep.join(dict.fromkeys(paths)),
        "ANSIBLE_STDOUT_CALLBACK": "default",
        "ANSIBLE_NOCOLOR": "1",
        "ANSIBLE_RETRY_FILES_ENABLED": "0",
    }
    config = constants.CONFIG_FILE
    if config:
        inside = found.inside(Path(config))
        moved = place / inside if inside is not None else Path(config)
        given["ANSIBLE_CONFIG"] = str(moved if moved.exists() else config)
    return given
