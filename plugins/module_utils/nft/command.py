# Copyright: (c) 2026, the tidegate developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Run nft: the only place that starts it."""

from __future__ import annotations

import contextlib
import os
import re
import signal
import subprocess
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import IO, ContextManager, Iterator, Mapping

from .errors import UNCHANGED, EngineError, no_nf_tables, not_allowed

OLDEST = (0, 9, 8)
"""Oldest nft that the tests cover (Debian 11)."""

TIMEOUT = 900.0
"""Seconds; a million intervals take nft about a minute, twice, and the kernel as long."""

_VERSION = re.compile(r"v(\d+)\.(\d+)(?:\.(\d+))?")
_ERROR = re.compile(r"^.*?:(\d+):\d+(?:-\d+)?: Error: (.*)$|^(?:internal:.*: )?Error: (.*)$", re.MULTILINE)
_CAP_NET_ADMIN = 12
_VERSIONS: dict[str, tuple[object, str]] = {}
"""By path of nft: what the file was like, and its version."""
FOLDERS = ("/usr/sbin", "/sbin", "/usr/local/sbin", "/usr/bin", "/bin")


@dataclass(frozen=True)
class NftOutcome:
    """Result of a run of nft. code: exit status, or minus the number of the signal that ended it."""

    code: int
    out: str
    err: str

    def errors(self) -> list[tuple[int, str]]:
        """Return every error as (line of the script from 1, or 0 when unknown; nft's text)."""
        return [(int(line or 0), text or other) for line, text, other in _ERROR.findall(self.err)]


def find_nft(path: str | None = None) -> str:
    """Return the path of nft: the first on PATH, else the first in FOLDERS."""
    for folder in [*os.environ.get("PATH", "").split(os.pathsep), *FOLDERS] if path is None else []:
        candidate = os.path.join(folder, "nft")  # noqa: PTH118  # an empty entry of PATH means the current folder
        if folder and os.access(candidate, os.X_OK):
            return candidate
    if path is not None and os.access(path, os.X_OK):
        return path
    raise EngineError(
        "nft_missing",
        "nft is not installed on this host. Fix: install the package nftables on Debian, Ubuntu, Fedora, RHEL, "
        f"SUSE, Arch and Alpine. {UNCHANGED}",
    )


class Nft:
    """nft on this host. path: the binary; timeout: seconds that one run may take."""

    commits_here = True
    """Whether what it tries, such as a scratch table, is committed in this network namespace."""

    def __init__(self, path: str | None = None, timeout: float = TIMEOUT) -> None:
        self.path = find_nft(path)
        self.timeout = timeout
        self._scripts: tuple[int, ...] = ()
        # nft -i writes a history file into HOME; LC_ALL keeps the kernel's error texts in English.
        self.environment: Mapping[str, str] = {**os.environ, "HOME": "/nonexistent", "LC_ALL": "C"}

    def version(self) -> str:
        """Return the version, as in "1.0.6"; raise when it is older than OLDEST.

        It is asked again when the binary has been replaced: the watcher outlives upgrades.
        """
        try:
            status = Path(self.path).stat()
        except OSError as error:
            raise EngineError("nft_missing", f"{self.path} is gone: {error.strerror}. {UNCHANGED}") from error
        binary = (status.st_dev, status.st_ino, status.st_mtime_ns)
        # Not of each object: a run makes several, and each answer is a process.
        if _VERSIONS.get(self.path, (None, ""))[0] != binary:
            _VERSIONS[self.path] = (binary, self._ask_version())
        return _VERSIONS[self.path][1]

    def _ask_version(self) -> str:
        outcome = self.run("--version")
        match = _VERSION.search(outcome.out)
        if outcome.code != 0 or match is None:
            raise failure(outcome, f"{self.path} --version")
        numbers = tuple(int(number or 0) for number in match.groups())
        if numbers < OLDEST:
            raise EngineError(
                "nft_too_old",
                f"{self.path} is nft {match.group()[1:]}; the oldest supported version is 0.9.8 (Debian 11). "
                f"{UNCHANGED}",
            )
        return match.group()[1:]

    def list_table(self, family: str, name: str, *, elements: bool = True) -> NftOutcome:
        """List one table with handles, counters and numeric priorities."""
        return self.run("-a", "-y", *([] if elements else ["-t"]), "list", "table", family, name)

    def load(self, script: str, *, check: bool = False) -> NftOutcome:
        """Load a script as one transaction; check: only ask nft and the kernel whether they would accept it."""
        with self.script(script) as path:
            return self.run(*(["-c"] if check else []), "-f", path)

    @contextlib.contextmanager
    def script(self, text: str) -> Iterator[str]:
        """Yield the path of a script that nft can read while the body runs; 0.9.8 cannot read every pipe."""
        with _memory_file() as file:
            file.write(text.encode("utf-8", "surrogateescape"))
            file.seek(0)
            self._scripts = (*self._scripts, file.fileno())
            try:
                yield f"/proc/self/fd/{file.fileno()}"
            finally:
                self._scripts = self._scripts[:-1]

    def entered(self) -> ContextManager[None]:
        """Be where its scratch tables are."""
        return contextlib.nullcontext()

    def converse(self, lines: str) -> NftOutcome:
        """Run commands, one per line and each a transaction, in one process. The exit status means nothing."""
        return self.run("-a", "-y", "-i", stdin=lines)

    def run(self, *arguments: str, stdin: str = "") -> NftOutcome:
        """Run nft to its end; raise when it was killed or cannot be started."""
        command = [self.path, *arguments]
        # Files, not pipes: nft writes a listing in small pieces, and a pipe would wake this process for each.
        with _memory_file() as out, _memory_file() as err:
            try:
                process = subprocess.run(
                    command,
                    input=stdin.encode("utf-8", "surrogateescape"),
                    stdout=out,
                    stderr=err,
                    env=self.environment,
                    pass_fds=self._scripts,
                    timeout=self.timeout,
                    check=False,
                )
            except subprocess.TimeoutExpired as error:
                raise EngineError(
                    "busy",
                    f"nft did not finish within {self.timeout:.0f} s: {' '.join(command)}. The ruleset may be too "
                    "large for this host.",
                ) from error
            except OSError as error:
                raise EngineError(
                    "nft_missing", f"{self.path} cannot be started: {error.strerror}. {UNCHANGED}"
                ) from error
            outcome = NftOutcome(process.returncode, _content(out), _content(err))
        if outcome.code < 0:
            raise failure(outcome, " ".join(command))
        return outcome


def _content(file: IO[bytes]) -> str:
    file.seek(0)
    return file.read().decode("utf-8", "surrogateescape")


def _memory_file() -> IO[bytes]:
    """Return a file in memory, so that a full disk stops nothing and a killed run leaves no file."""
    try:
        return os.fdopen(os.memfd_create("tidegate"), "w+b")
    except (AttributeError, OSError):  # a C library of before 2018, or a sandbox
        return tempfile.TemporaryFile()


def failure(outcome: NftOutcome, command: str, where: str = "") -> EngineError:
    """Return the error for a run of nft that failed."""
    if outcome.code < 0:
        return _crash(outcome, command)
    text = "; ".join(dict.fromkeys(message for _line, message in outcome.errors())) or outcome.err.strip() or "no text"
    if "Operation not permitted" in outcome.err and not has_net_admin():
        return not_allowed(f"nft says: {text}")
    if "Unable to initialize Netlink socket" in outcome.err or "Protocol not supported" in outcome.err:
        return no_nf_tables(f"nft says: {text}")
    for fragment, reason, meaning in _MEANINGS:
        if fragment in outcome.err:
            return EngineError(reason, f"{meaning} nft says: {text}. {UNCHANGED}", where)
    return EngineError("rejected_by_nft", f"nft rejects: {text}. {UNCHANGED}", where)


_TOO_LONG = (
    "The transaction is larger than the socket buffer that this process may have (net.core.wmem_max); in an "
    "unprivileged container about 3,000 elements fit into one transaction."
)
_MEANINGS = (
    ("Operation not permitted", "busy", "Only the process that made the table may change it (flags owner)."),
    ("Device or resource busy", "busy", "Something that this run deletes is still in use."),
    ("Message too long", "rejected_by_nft", _TOO_LONG),
)
"""(text of nft's error, reason, meaning)."""


def _crash(outcome: NftOutcome, command: str) -> EngineError:
    try:
        name = signal.Signals(-outcome.code).name
    except ValueError:
        name = f"signal {-outcome.code}"
    cause = _KILLED if name == "SIGKILL" else _CRASHES
    text = f" {outcome.err.strip()}" if outcome.err.strip() else ""
    return EngineError("nft_crashed", f"Signal {name} ended nft while it ran: {command}.{text} {cause}")


_KILLED = "A process killed it, or the kernel did for lack of memory. Fix: see the kernel's log."
_CRASHES = (
    "This is a bug of this nft version. Known: before 1.1, it crashes on every listing and most loads while any table "
    "has a set that nft 1.1.2 or later declared by its type; 0.9.8 crashes on every listing while any table has a map "
    "to verdicts by a newer nft, or a set of concatenated intervals with counters and an element in it, and on "
    "interface names with a star in sets; up to 1.0.6, nothing can be inserted before a rule while a rule looks up "
    "part of a byte in a map (`ip6 flowlabel map { … }`); 1.1.3 crashes on tables that iptables created when the "
    "package iptables with its extensions is not installed."
)


def has_net_admin() -> bool:
    """Whether this process has CAP_NET_ADMIN in its own user namespace; True when that is unknown."""
    try:
        with open("/proc/self/status", encoding="ascii") as status:  # noqa: PTH123
            capabilities = next(line for line in status if line.startswith("CapEff:"))
    except (OSError, StopIteration):
        return True
    return bool(int(capabilities.split()[1], 16) >> _CAP_NET_ADMIN & 1)
