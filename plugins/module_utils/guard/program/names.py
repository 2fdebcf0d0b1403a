# Copyright: (c) 2026, the tidegate developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Names on this host: make the resolver's files, its service and the host's name service as the desired document says.

Where a proxy opens names, that is the files that name it.

Everything that makes it so is here, and it can be run again at any time: by a run, by the way back, at boot, and when
another program writes /etc/resolv.conf.
"""

from __future__ import annotations

import json
import shutil
import subprocess
import time
from contextlib import suppress
from pathlib import Path
from typing import Iterable, Mapping, NamedTuple

from ansible_collections.tidegate.nftables.plugins.module_utils.guard.host import (
    clock,
    files,
    name_service,
    systemd_units,
)
from ansible_collections.tidegate.nftables.plugins.module_utils.guard.host.errors import UNCHANGED, GuardError
from ansible_collections.tidegate.nftables.plugins.module_utils.guard.host.paths import Paths
from ansible_collections.tidegate.nftables.plugins.module_utils.guard.saved import resolver_document
from ansible_collections.tidegate.nftables.plugins.module_utils.resolver import record
from ansible_collections.tidegate.nftables.plugins.module_utils.resolver.document import MODES, RESOLVER

from . import proxy_files

_PROGRAMS = {"unbound": "unbound", "unbound-checkconf": "unbound", "setpriv": "util-linux"}
_MODULE = ("usr/lib/python3/dist-packages", "usr/lib*/python3*/site-packages")
"""Where distributions have what unbound's Python imports."""
_PROFILE = "/etc/apparmor.d/usr.sbin.unbound"
_APPARMOR = """\
# tidegate begin
{program} r,
/etc/tidegate/names.json r,
/run/tidegate-dns/** r,
/usr/lib/python3*/** r,
/usr/lib/python3*/**.so* mr,
/usr/local/lib/python3*/** r,
unix (send, receive, getopt, setopt, getattr) type=seqpacket,
# tidegate end
"""
_RELOAD = 15.0
"""Seconds that the running resolver may take for another document; after that it is started anew."""


class Change(NamedTuple):
    """A file that is made, changed or removed. before, after: its text, None for no file; link: after is a target."""

    path: Path
    before: str | None
    after: str | None
    link: bool = False


def changes(paths: Paths, text: str, interpreter: str) -> list[Change]:
    """Return what has to change for a document. interpreter: that runs the program."""
    desired = _desired(paths, text, interpreter)
    known = {*desired, *_own_files(paths, interpreter)}
    compared = [_change(path, desired.get(path)) for path in sorted(known)]
    return [change for change in [*compared, *_resolv_conf_back(paths, desired)] if change.before != change.after]


def files_of(paths: Paths, interpreter: str) -> list[Path]:
    """Return the files that a run compares with the desired document."""
    return [paths.resolver_document, *_desired(paths, resolver_document.read(paths), interpreter)]


def settle(paths: Paths, interpreter: str, *, restart: bool = False) -> list[Change]:
    """Make this host as the desired document says; return what changed. Raise GuardError (resolver_failed).

    restart: the program is another one.
    """
    text = resolver_document.read(paths)
    different = changes(paths, text, interpreter)
    mode = _mode(text)
    pointing = {paths.at(source.file) for source in name_service.SOURCES if source.file} | {paths.resolv_conf}
    service = [change for change in different if change.path not in pointing]
    need_programs(paths, text)
    if mode in MODES:
        _write(paths, service)
        _serve(paths, text, service, restart=restart)
        _point(paths, [change for change in different if change.path in pointing])
    elif different:
        ended = any(change.path == paths.names for change in service)
        if ended and not paths.root:
            # First, or it notices what is done here.
            run("systemctl", "stop", systemd_units.NAMES_PATH)
        _point(paths, [change for change in different if change.path in pointing])
        if ended and not paths.root:
            run("systemctl", "stop", systemd_units.RESOLVER)
        _write(paths, service)
    return different


def _desired(paths: Paths, text: str, interpreter: str) -> dict[Path, str]:
    """Return the files with their texts; links begin with their arrow."""
    if not text:
        return {}
    mode = _mode(text)
    if mode == proxy_files.PROXY:
        return proxy_files.texts(paths, json.loads(text))
    desired = {paths.names: text, **_units(paths, interpreter)}
    if mode == RESOLVER:
        desired.update(name_service.pointed(paths))
        if paths.at(_PROFILE).exists():
            before, _ours, after = proxy_files.split(files.read(paths.apparmor) or "")
            desired[paths.apparmor] = before + _APPARMOR.format(program=paths.program) + after
    return desired


def _mode(text: str) -> str:
    """Return the mode of a document, "" for none."""
    return str(json.loads(text)["mode"]) if text else ""


def _own_files(paths: Paths, interpreter: str) -> Iterable[Path]:
    """Yield every file that may be ours, besides resolv.conf."""
    yield paths.names
    yield from _units(paths, interpreter)
    yield from proxy_files.own(paths)
    for source in name_service.SOURCES:
        path = paths.at(source.file)
        if source.file and name_service.is_ours(files.read(path) or ""):
            yield path
    if proxy_files.BEGIN in (files.read(paths.apparmor) or ""):
        yield paths.apparmor


def _units(paths: Paths, interpreter: str) -> dict[Path, str]:
    texts = systemd_units.resolver_texts(paths, interpreter)
    links = {
        paths.units / "multi-user.target.wants" / name: f"{_ARROW}{paths.units / name}"
        for name in systemd_units.RESOLVER_UNITS
    }
    return {**{paths.units / name: text for name, text in texts.items()}, **links}


_ARROW = "-> "


def _change(path: Path, after: str | None) -> Change:
    link = path.parent.name.endswith(".wants")
    before: str | None
    if link:
        before = (
            f"{_ARROW}{path.readlink() if hasattr(path, 'readlink') else path.resolve()}" if path.is_symlink() else None
        )
    else:
        before = files.read(path)
    if after is None and before is not None and proxy_files.BEGIN in before:
        head, _ours, tail = proxy_files.split(before)
        # AppArmor includes its file, also an empty one.
        after = head + tail if path.name == Path(_PROFILE).name else head + tail or None
    if after is None and before is not None and name_service.others(before) != before:
        after = name_service.others(before) or None
    return Change(path, before, after, link)


def _resolv_conf_back(paths: Paths, desired: Mapping[Path, str]) -> list[Change]:
    """Return the change that brings the original resolv.conf back, where it is ours and is not to be any more."""
    # A link leads to the file of another program, such as resolvconf, which has our first lines where we gave it those.
    text = "" if paths.resolv_conf.is_symlink() else files.read(paths.resolv_conf) or ""
    if paths.resolv_conf in desired or not name_service.is_ours(text):
        return []
    original = name_service.original(paths)
    if original["link"] is not None:
        return [Change(paths.resolv_conf, text, f"{_ARROW}{original['link']}", link=True)]
    return [Change(paths.resolv_conf, text, original["text"])]


def _write(paths: Paths, different: Iterable[Change]) -> None:
    done = list(different)
    for change in done:
        change.path.parent.mkdir(mode=0o755, parents=True, exist_ok=True)
        if change.after is None:
            files.remove(change.path)
        elif change.link:
            _link(change.path, change.after[len(_ARROW) :])
        else:
            files.write(change.path, change.after.encode("utf-8", "surrogateescape"), 0o644)
    managers = (paths.units, paths.units / "multi-user.target.wants", paths.at(proxy_files.SYSTEMD).parent)
    if any(change.path.parent in managers for change in done) and clock.systemd_runs(paths):
        run("systemctl", "daemon-reload")
    if any(change.path == paths.apparmor for change in done) and _is_confined(paths):
        run("apparmor_parser", "--replace", _PROFILE)


def _is_confined(paths: Paths) -> bool:
    """Return whether AppArmor applies to unbound here. Its profile comes with unbound, also where AppArmor does not."""
    enabled = (files.read(paths.at("/sys/module/apparmor/parameters/enabled")) or "").strip() == "Y"
    disabled = paths.at(_PROFILE).parent / "disable" / paths.at(_PROFILE).name
    return enabled and shutil.which("apparmor_parser") is not None and not disabled.exists()


def _link(path: Path, target: str) -> None:
    new = path.with_name(f".{path.name}.new")
    with suppress(FileNotFoundError):
        new.unlink()
    new.symlink_to(target)
    files.move(new, path)


def _serve(paths: Paths, text: str, written: Iterable[Change], *, restart: bool) -> None:
    """Have the service run with the document. Raise GuardError (resolver_failed) where nobody runs it in time."""
    if paths.root:
        if not (_runs_with(paths, text) and _answers(paths)):
            log = (files.read(paths.at("/resolver.log")) or "nobody started it").strip()
            raise GuardError("resolver_failed", f"The resolver of {paths.root} does not answer: {log}")
        return
    of_document = [change for change in written if change.path == paths.names]
    other = any(change.path != paths.names for change in written) or restart
    switched = any(
        change.before and json.loads(change.before)["mode"] != json.loads(text)["mode"] for change in of_document
    )
    running = not other and not switched and _is_active()
    if running and of_document:
        run("systemctl", "reload", systemd_units.RESOLVER)
        running = _runs_with(paths, text)
    if not running:
        run("systemctl", "restart", systemd_units.RESOLVER)
    run("systemctl", "start", systemd_units.NAMES_PATH)


def _runs_with(paths: Paths, text: str) -> bool:
    """Wait until the running resolver has taken a document over; return whether it has."""
    end = time.monotonic() + _RELOAD
    while time.monotonic() < end:
        if record.read(paths.resolver_record).get("document") == record.digest(text):
            return True
        time.sleep(0.1)
    return False


def _answers(paths: Paths) -> bool:
    """Wait until the resolver answers; return whether it does."""
    end = time.monotonic() + _RELOAD
    while time.monotonic() < end:
        with suppress(GuardError):
            resolver_document.need_alive(paths)
            return True
        time.sleep(0.1)
    return False


def _is_active() -> bool:
    done = subprocess.run(["systemctl", "is-active", "--quiet", systemd_units.RESOLVER], check=False)
    return done.returncode == 0


def _point(paths: Paths, different: Iterable[Change]) -> None:
    """Change where the host's programs ask, and have those that are about it read that."""
    done = list(different)
    if not done:
        return
    chosen = [source for source in name_service.SOURCES if source.file]
    if any(change.path == paths.resolv_conf and change.after and name_service.is_ours(change.after) for change in done):
        name_service.keep_original(paths)
    _write(paths, done)
    for source in chosen:
        if any(change.path == paths.at(source.file) for change in done):
            with suppress(GuardError):
                run(*source.after)


def need_programs(paths: Paths, text: str) -> None:
    """Raise GuardError (unbound_missing) where a document needs packages that this host does not have."""
    if _mode(text) != RESOLVER:
        return
    missing = [package for program, package in _PROGRAMS.items() if shutil.which(program) is None]
    if not any(True for folder in _MODULE for _file in paths.at("/").glob(f"{folder}/unboundmodule.py")):
        missing.append("python3-unbound")
    if missing:
        packages = list(dict.fromkeys(missing))
        raise GuardError(
            "unbound_missing",
            f"This host does not have {' and '.join(packages)}, which egress_names: resolver needs. {UNCHANGED} Fix: "
            "install what is missing, or set egress_names: periodic.",
            {"missing_packages": packages},
        )


def run(*words: str) -> None:
    """Run a command; raise GuardError (resolver_failed) with its output when it fails."""
    try:
        done = subprocess.run(
            words, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, check=False
        )
        problem = done.stdout.strip() if done.returncode else ""
    except OSError as error:
        problem = f"it cannot be started: {error.strerror}"
    else:
        if done.returncode and not problem:
            problem = f"it ended with {done.returncode}"
    if problem:
        raise GuardError("resolver_failed", f"{' '.join(words)}: {problem}. See journalctl -u tidegate-dns.")
