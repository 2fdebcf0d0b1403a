# Copyright: (c) 2026, the tidegate developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The proxy's files and service: parsed before anything is written, and as before where the new ones do not work."""

from __future__ import annotations

import os
import re
import shutil
import socket
import subprocess
import time
from contextlib import suppress
from pathlib import Path
from typing import Any, Mapping, NamedTuple

from ansible_collections.tidegate.nftables.plugins.module_utils import files
from ansible_collections.tidegate.nftables.plugins.module_utils.errors import TidegateError
from ansible_collections.tidegate.nftables.plugins.module_utils.files import MARK
from ansible_collections.tidegate.nftables.plugins.module_utils.unit_protections import STRICT

from . import access_log, health, squid4

REASONS = (
    "proxy_failed",  # Squid does not accept its configuration, or does not work with it
    "squid_missing",  # there is no Squid that reads TLS
)
"""Every word that a failure's ``reason`` can be."""
SERVICE = "tidegate-proxy.service"
FOLDER = Path(health.FOLDER)
LOGS, RUN = Path("/var/log/tidegate-proxy"), Path("/run/tidegate-proxy")
_CONFIGURATION = FOLDER / "squid.conf"
_CERTIFICATE = FOLDER / "unused.pem"
_WRITTEN = Path(health.WRITTEN)
_UNIT = Path("/etc/systemd/system") / SERVICE
_ROTATE = Path("/etc/logrotate.d/tidegate-proxy")
_CACHE_LOG = LOGS / "cache.log"
_OPENED = "Accepting SSL bumped"
"""What each worker logs once it takes connections."""
_RUNNING = ("active", "reloading")
_STATES = (*_RUNNING, "activating", "deactivating", "failed", "inactive", "unknown")
"""What systemctl is-active prints."""
_SYSTEMD_PATIENCE = 30.0
_COMPLAINT = re.compile(r"\b(?:ERROR|FATAL|WARNING)\b.*")
# /run/squid is where Debian's package keeps the sockets between the workers. The folders are made outside of what
# confines Squid, which needs them to be there. Squid starts as root and becomes its user. Its logs are of group root:
# the watcher reads them, and is confined to files of its own user and group.
_UNIT_TEXT = """\
{mark}[Unit]
Description=Proxy for domain names (tidegate.nftables)
Wants=network-online.target
After=network-online.target nss-lookup.target
Conflicts=squid.service

[Service]
Type=notify
NotifyAccess=all
ExecStartPre=+/usr/bin/install -d -o {user} -g {user} -m 0750 /run/squid {run}
ExecStartPre=+/usr/bin/install -d -o {user} -g root -m 2750 {logs}
ExecStart={program} --foreground -sYC -n tidegate -f {configuration}
ExecReload=/bin/kill -HUP $MAINPID
KillMode=mixed
Restart=on-failure
LimitNOFILE=65536
{protections}CapabilityBoundingSet=CAP_DAC_OVERRIDE CAP_KILL CAP_NET_BIND_SERVICE CAP_SETGID CAP_SETUID
ProtectProc=invisible
ReadWritePaths=-/run/squid -{run} -{logs} -/var/spool/squid
RestrictAddressFamilies=AF_INET AF_INET6 AF_NETLINK AF_UNIX
UMask=0027

[Install]
WantedBy=multi-user.target
"""
_ROTATE_TEXT = """\
{mark}{logs}/*.log {{
    daily
    rotate {rotated}
    compress
    delaycompress
    missingok
    su {user} {user}
    postrotate
        systemctl kill --kill-who=main --signal=USR1 {service} 2>/dev/null || true
    endscript
}}
"""


class Program(NamedTuple):
    """Squid on this host. path: of it. user: as whom it handles requests. release: the first number of its version."""

    path: str
    user: str
    release: int


class Desired(NamedTuple):
    """configuration: squid.conf. pages: the text of each error by its name. port: TCP. workers: how many.

    patience: seconds that a start or a reload may take.
    """

    configuration: str
    pages: Mapping[str, str]
    port: int
    workers: int
    patience: float = 60.0


def find_program() -> Program:
    """Return Squid. Raise TidegateError (squid_missing) without one that reads TLS."""
    path = shutil.which("squid-openssl") or shutil.which("squid")
    if path is None:
        raise TidegateError("squid_missing", f"There is no Squid on this host. {_FIX}")
    options = _output([path, "-v"])[1]
    if "--with-openssl" not in options:
        raise TidegateError("squid_missing", f"{path} cannot read the server's name in TLS (no OpenSSL). {_FIX}")
    user = re.search(r"--with-default-user=([a-z_][a-z0-9_-]*)", options)
    version = re.search(r"Version (\d+)", options)
    release = int(version.group(1)) if version else 0
    if release < squid4.RELEASE:
        raise TidegateError("squid_missing", f"{path} is of release {release}; 4 and later are known. {_FIX}")
    return Program(path, user.group(1) if user else "nobody", release)


_FIX = "Nothing was changed. Fix: install the package squid-openssl."


def present(desired: Desired, *, check: bool) -> list[dict[str, str]]:
    """Make the proxy as desired; return the files that change. Raise TidegateError, with the old proxy running."""
    program = find_program()
    desired = desired._replace(configuration=squid4.translated(desired.configuration, program.release))
    desired_files = _files(desired, program)
    before = {path: _read(path) for path in {*desired_files, *_pages()}}
    changes = _changes(before, {path: desired_files.get(path) for path in before})
    if check:
        return changes
    _make_folders(program)
    if _read(_CERTIFICATE) is None:
        _make_certificate(program)
    if changes:
        _need_accepted(program, desired.configuration)
    elif _is_active():
        _record(desired, desired_files)
        return changes
    try:
        _write(desired_files, before)
        _run_with(desired, restart=before[_UNIT] != desired_files[_UNIT])
    except TidegateError as error:
        _return_to({path: text for path, text in before.items() if text is not None}, desired_files)
        raise TidegateError(
            "proxy_failed", f"The proxy did not start with its new files, and the old ones are back: {error}"
        ) from error
    _record(desired, desired_files)
    return changes


def _record(desired: Desired, desired_files: Mapping[Path, str]) -> None:
    health.record(Path, desired.port, map(str, (*desired_files, _CERTIFICATE)))


def absent(*, check: bool) -> list[dict[str, str]]:
    """Remove the proxy; its logs stay. Return the files that are removed."""
    before = {path: _read(path) for path in (_CONFIGURATION, _CERTIFICATE, _WRITTEN, _UNIT, _ROTATE, *_pages())}
    changes = _changes(before, dict.fromkeys(before))
    if changes and not check:
        _systemctl("disable", "--now", SERVICE)
        _write({}, before)
        _systemctl("daemon-reload")
        for folder in (FOLDER / "errors", FOLDER):
            with suppress(OSError):
                folder.rmdir()
    return changes


def _files(desired: Desired, program: Program) -> dict[Path, str]:
    of_program = {
        "mark": MARK,
        "program": program.path,
        "user": program.user,
        "run": RUN,
        "logs": LOGS,
        "service": SERVICE,
    }
    return {
        _CONFIGURATION: desired.configuration,
        _UNIT: _UNIT_TEXT.format(configuration=_CONFIGURATION, protections=STRICT, **of_program),
        _ROTATE: _ROTATE_TEXT.format(rotated=access_log.ROTATED, **of_program),
        **{FOLDER / "errors" / name: text for name, text in desired.pages.items()},
    }


def _pages() -> list[Path]:
    return sorted((FOLDER / "errors").glob("ERR_*"))


def _changes(before: Mapping[Path, str | None], after: Mapping[Path, str | None]) -> list[dict[str, str]]:
    return [
        {
            "path": str(path),
            "action": "add" if text is None else "remove" if after[path] is None else "change",
            "before": text or "",
            "after": after[path] or "",
        }
        for path, text in sorted(before.items())
        if text != after[path]
    ]


def _make_folders(program: Program) -> None:
    for folder in (FOLDER / "errors", _ROTATE.parent):
        folder.mkdir(mode=0o755, parents=True, exist_ok=True)
    # As the unit makes them: a run without a change does not start it.
    for folder, group, mode in ((LOGS, "root", 0o2750), (RUN, program.user, 0o750)):
        folder.mkdir(mode=0o750, exist_ok=True)
        shutil.chown(str(folder), program.user, group)
        folder.chmod(mode)
    _let_root_read(program.user, _CERTIFICATE, LOGS / "access.log")


def _make_certificate(program: Program) -> None:
    """Make the certificate that Squid's configuration must name and that no client ever gets."""
    command = ["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes"]
    command += ["-days", "7300", "-subj", "/CN=unused", "-keyout", "/dev/stdout"]
    returned, printed = _output(command, errors=False)
    if returned:
        raise TidegateError("proxy_failed", "openssl made no certificate. Nothing was changed. Fix: install openssl.")
    # The workers read it as their user when they are started again.
    files.write(_CERTIFICATE, printed.encode(), 0o600)
    _let_root_read(program.user, _CERTIFICATE)


def _let_root_read(user: str, *paths: Path) -> None:
    """Have files be Squid's and of group root; root may have no capability for those of others."""
    for path in paths:
        with suppress(FileNotFoundError), files.descriptor(path, os.O_RDONLY | os.O_NONBLOCK) as number:
            shutil.chown(number, user, "root")
            os.fchmod(number, 0o640)


def _need_accepted(program: Program, configuration: str) -> None:
    """Raise TidegateError unless Squid accepts a configuration. It returns 0 for some that it complains about."""
    candidate = _CONFIGURATION.with_name("candidate.conf")
    files.write(candidate, configuration.encode(), 0o644)
    try:
        returned, printed = _output([program.path, "-k", "parse", "-f", str(candidate)])
    finally:
        candidate.unlink()
    complaints = [match.group(0) for match in map(_COMPLAINT.search, printed.splitlines()) if match]
    if returned or complaints:
        quoted = "; ".join(complaints[:3]) or f"it ended with {returned}"
        raise TidegateError("proxy_failed", f"Squid does not accept the configuration: {quoted}. Nothing was changed.")


def _write(new: Mapping[Path, str], old: Mapping[Path, Any]) -> None:
    for path in old:
        if path not in new:
            with suppress(FileNotFoundError):
                path.unlink()
    for path, text in new.items():
        if _read(path) != text:
            files.write(path, text.encode(), 0o644)


def _return_to(before: Mapping[Path, str], desired_files: Mapping[Path, str]) -> None:
    """Have the service run with the files from before, or not at all where there were none."""
    if _UNIT not in before:
        _systemctl("disable", "--now", SERVICE, must=False)
    _write(before, desired_files)
    _systemctl("daemon-reload", must=False)
    if _UNIT in before:
        _systemctl("restart", SERVICE, must=False)


def _run_with(desired: Desired, *, restart: bool) -> None:
    """Have the service run with the files; return when each worker takes connections."""
    if restart:
        _systemctl("daemon-reload")
    if _systemctl("is-enabled", "squid.service", must=False) == "enabled":
        _systemctl("disable", "--now", "squid.service")
    _systemctl("enable", SERVICE)
    reload = not restart and _is_active()
    size = _size()
    _systemctl("reload" if reload else "restart", SERVICE)
    end = time.monotonic() + desired.patience
    while _opened(size) < desired.workers:
        if time.monotonic() > end or not _is_active():
            raise TidegateError("proxy_failed", f"its workers take no connections. See {_CACHE_LOG}")
        time.sleep(0.1)
    _need_rejection(desired.port)


def _need_rejection(port: int) -> None:
    """Raise TidegateError unless the proxy answers a request that no policy allows as it should."""
    try:
        with socket.create_connection(("127.0.0.1", port), timeout=10) as connection:
            connection.sendall(b"CONNECT proxy.invalid:443 HTTP/1.1\r\nHost: proxy.invalid:443\r\n\r\n")
            answer = connection.recv(4096)
    except OSError as error:
        raise TidegateError("proxy_failed", f"nothing answers on port {port}: {error}") from error
    if b" 403 " not in answer.partition(b"\r\n")[0]:
        raise TidegateError("proxy_failed", f"it answers {answer[:60]!r} to a request that no policy allows")


def _size() -> int:
    return _CACHE_LOG.stat().st_size if _CACHE_LOG.exists() else 0


def _opened(offset: int) -> int:
    """Return how many workers have opened the port, by the log from an offset on."""
    if not _CACHE_LOG.exists():
        return 0
    with _CACHE_LOG.open("rb") as log:
        log.seek(offset)
        return log.read().count(_OPENED.encode())


def _is_active() -> bool:
    """Return whether the service runs.

    While systemd reads its units again it may give no answer. That is no state: who took it for one restarted a proxy
    that was to be reloaded.
    """
    end = time.monotonic() + _SYSTEMD_PATIENCE
    while True:
        state = _systemctl("is-active", SERVICE, must=False).rpartition("\n")[2]
        if state in _STATES or time.monotonic() > end:
            return state in _RUNNING
        time.sleep(0.1)


def _systemctl(*words: str, must: bool = True) -> str:
    returned, printed = _output(["systemctl", *words])
    if must and returned:
        failure = f"systemctl {' '.join(words)}: {printed.strip().splitlines()[0] if printed.strip() else returned}"
        raise TidegateError("proxy_failed", f"{failure}. See journalctl -u {SERVICE}")
    return printed.strip()


def _output(command: list[str], *, errors: bool = True) -> tuple[int, str]:
    """Run a command; return its exit code and what it printed."""
    try:
        done = subprocess.run(
            command,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT if errors else subprocess.DEVNULL,
            text=True,
            errors="replace",
            check=False,
        )
    except OSError as error:
        return 127, f"{command[0]} cannot be started: {error.strerror}"
    return done.returncode, done.stdout


def _read(path: Path) -> str | None:
    try:
        return path.read_text(encoding="utf-8")
    except FileNotFoundError:
        return None
