# Copyright: (c) 2026, the tidegate developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Each release of nft that the tests have, by its command line."""

from __future__ import annotations

import functools
import json
import os
import re
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from .paths import CHECKOUT
from .waiting import finish

HOST = Path("/usr/sbin/nft")
"""The nft of this machine."""

VERSIONS = ("0.9.8", "1.0.6", "1.1.3")
"""Those of Debian 11, 12 and 13."""


@dataclass(frozen=True)
class NftCommand:
    """One nft, run in the namespace of the caller. prefix: words before the command, to run it elsewhere."""

    path: Path
    prefix: tuple[str, ...] = ()

    @property
    def version(self) -> str:
        """Return its version, such as 1.0.6."""
        return self("--version").split()[1].lstrip("v")

    def __call__(self, *words: str, text: str | None = None) -> str:
        """Return what a command prints; its error fails the test. text: its standard input."""
        done = self._run(*words, text=text)
        assert done.returncode == 0, done.stderr
        return done.stdout

    def output(self, *words: str) -> str:
        """Return what a command prints, errors too."""
        done = self._run(*words)
        return done.stdout + done.stderr

    def load(self, text: str) -> None:
        """Load a script, as another program on the host would."""
        self("-f", "-", text=text)

    @contextmanager
    def owner(self, script: str) -> Iterator[subprocess.Popen[str]]:
        """Run nft -i with a script and keep it: a table with the flag owner is there as long as it runs."""
        command = [*self.prefix, str(self.path), "-i"]
        # nft -i writes its history into the home directory.
        home = {**os.environ, "HOME": "/nonexistent"}
        with subprocess.Popen(
            command, stdin=subprocess.PIPE, stdout=subprocess.DEVNULL, text=True, env=home
        ) as process:
            try:
                assert process.stdin is not None
                process.stdin.write(f"{script}\n")
                process.stdin.flush()
                yield process
            finally:
                finish(process)

    def items(self, *what: str) -> list[dict[str, Any]]:
        """Return the objects of `nft -j list WHAT`, each as {kind: description}."""
        return list(json.loads(self("-j", "list", *what))["nftables"])

    def _run(self, *words: str, text: str | None = None) -> subprocess.CompletedProcess[str]:
        command = [*self.prefix, str(self.path), *words]
        return subprocess.run(command, input=text, capture_output=True, text=True, check=False)


def by_tabs(text: str) -> str:
    """Return a text that is indented by four spaces a level as nft indents its listings: by tabs."""
    return re.sub(r"(?m)^ +", lambda spaces: "\t" * (len(spaces[0]) // 4), text)


@functools.cache
def binaries() -> dict[str, Path]:
    """Return the path of one nft for each version; this machine's stands for its own version."""
    paths = {version: CHECKOUT / "build" / "nft" / version / "nft" for version in VERSIONS}
    missing = [version for version, path in paths.items() if not path.exists()]
    assert not missing, f"no nft {', '.join(missing)}: run `make nft`"
    return {**paths, NftCommand(HOST).version: HOST}
