# Copyright: (c) 2026, the tidegate developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What is refused before anything is touched, because there would be no way back."""

from __future__ import annotations

import stat
import subprocess
import sys
from pathlib import Path

import pytest

from ansible_collections.tidegate.nftables.plugins.module_utils.guard.host.errors import GuardError
from ansible_collections.tidegate.nftables.plugins.module_utils.guard.program import package
from ansible_collections.tidegate.nftables.plugins.module_utils.netlink.ruleset import table_handle
from ansible_collections.tidegate.nftables.plugins.module_utils.table_names import TABLE

from .conftest import NEW, OLD, GuardedHost, timeless


def refused(host: GuardedHost, reason: str) -> str:
    """Assert that a change is refused and nothing was touched; return what is message."""
    before, handle = host.listing(), table_handle(*TABLE)
    with pytest.raises(GuardError) as caught:
        host.apply(NEW)
    assert caught.value.reason == reason, caught.value
    assert timeless(host.listing()) == timeless(before)
    assert table_handle(*TABLE) == handle
    assert not host.paths.pending.exists()
    return caught.value.message


def test_no_timer_no_change(host: GuardedHost, monkeypatch: pytest.MonkeyPatch) -> None:
    host.load(OLD)
    monkeypatch.setattr(package, "build", lambda: b"#!/nonexistent/python\n")
    message = refused(host, "cannot_arm")
    assert "The process that rolls the change back could not be started" in message
    assert "The table was not changed." in message
    assert not host.paths.snapshot.exists()
    assert not host.paths.candidate.exists()


def test_a_timer_that_dies_at_once_is_no_guard(host: GuardedHost, monkeypatch: pytest.MonkeyPatch) -> None:
    host.load(OLD)
    monkeypatch.setattr(package, "build", lambda: b"#!/bin/true\n")
    assert "ended at once" in refused(host, "cannot_arm")


def test_a_timer_that_cannot_fork_is_no_guard(host: GuardedHost, monkeypatch: pytest.MonkeyPatch) -> None:
    host.load(OLD)
    sources = package._sources()
    name = next(name for name in sources if name.endswith("guard/trial/timer.py"))
    refusing = sources[name].replace(b"os.fork()", b"os.open('/proc/self/mem/nothing', 0)")
    assert refusing != sources[name]
    monkeypatch.setattr(package, "_sources", lambda: {**sources, name: refusing})
    package.build.cache_clear()
    message = refused(host, "cannot_arm")
    package.build.cache_clear()
    assert "No process could be started" in message


def test_systemd_that_refuses_the_timer_stops_the_change(
    host: GuardedHost, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    host.load(OLD)
    folder = tmp_path / "bin"
    folder.mkdir()
    tool = folder / "systemd-run"
    tool.write_text("#!/bin/sh\necho Failed to start transient timer unit: access denied >&2\nexit 1\n")
    tool.chmod(0o755)
    monkeypatch.setenv("PATH", f"{folder}:/usr/sbin:/usr/bin:/bin")
    monkeypatch.setattr(
        "ansible_collections.tidegate.nftables.plugins.module_utils.guard.trial.timer.kind",
        lambda _paths: "timer",
    )
    message = refused(host, "cannot_arm")
    assert "The systemd timer" in message
    assert "access denied" in message


# Mounts are made in a mount namespace of the process that runs the change and its guard, so nobody else sees them.
INSIDE = """
import ctypes, os, subprocess, sys
sys.path.insert(0, {tests!r})
from guard import conftest
from ansible_collections.tidegate.nftables.plugins.module_utils.guard.host.errors import GuardError
assert ctypes.CDLL(None).unshare(0x00020000) == 0
subprocess.run(["mount", "--make-rprivate", "/"], check=True)
host = conftest.GuardedHost.at({root!r}, conftest.Path({nft!r}))
state = host.paths.state
os.environ["TMPDIR"] = str(state)
for command in {mounts!r}:
    subprocess.run(command.format(state=state), shell=True, check=True)
try:
    host.apply(conftest.NEW, seconds={seconds})
    {then}
except GuardError as error:
    print(error.reason, error.message)
finally:
    subprocess.run(["umount", "-l", str(state)], check=False)
"""


def inside(host: GuardedHost, mounts: list[str], folder: Path, then: str = "pass", seconds: int = 600) -> str:
    """Run a change with something mounted over the state's folder; return what it prints. seconds: to its rollback."""
    script = folder / "run.py"
    tests = str(Path(__file__).parent.parent)
    script.write_text(
        INSIDE.format(tests=tests, root=host.paths.root, nft=str(host.nft), mounts=mounts, then=then, seconds=seconds)
    )
    done = subprocess.run([sys.executable, str(script)], text=True, capture_output=True, check=False)
    assert done.returncode == 0, done.stderr
    return done.stdout


@pytest.mark.parametrize(
    ("mounts", "problem"),
    [
        (["mount -t tmpfs -o size=16k tmpfs {state}"], "No space left on device"),
        (["mount --bind {state} {state}", "mount -o remount,bind,ro {state}"], "Read-only file system"),
    ],
    ids=["full", "read-only"],
)
def test_a_disk_that_takes_nothing_stops_the_change(
    host: GuardedHost, mounts: list[str], problem: str, tmp_path: Path
) -> None:
    host.has(OLD)
    host.load("add element inet tidegate fed4 { 10.0.0.1 }\n")
    before, handle = host.listing(), table_handle(*TABLE)
    printed = inside(host, mounts, tmp_path)
    assert printed.startswith("cannot_write "), printed
    assert problem in printed
    assert timeless(host.listing()) == timeless(before)
    assert table_handle(*TABLE) == handle
    assert not host.paths.pending.exists()
    assert not host.paths.snapshot.exists()


def test_a_table_that_could_not_be_restored_is_not_touched(host: GuardedHost) -> None:
    # The kernel reports this statement in another form than it takes.
    host.load(OLD + 'add chain inet tidegate odd\nadd rule inet tidegate odd osf name "Linux"\n')
    message = refused(host, "no_way_back")
    assert "could not be restored after a change, so it was not changed" in message


def test_what_is_installed_is_roots_and_nobody_reads_the_state(host: GuardedHost) -> None:
    host.has(OLD)
    for path in (host.paths.state, host.paths.run):
        assert stat.S_IMODE(path.stat().st_mode) == 0o700, path
    for path in [*host.paths.state.glob("*.*"), host.paths.last_loaded]:
        assert stat.S_IMODE(path.stat().st_mode) == 0o600, path


FILL = """
    subprocess.run(f"dd if=/dev/zero of={state}/rest bs=4k 2>/dev/null; ! echo x >{state}/more", shell=True, check=True)
    conftest.wait_for(lambda: not host.paths.pending.exists())
    print("restored" if "203.0.113.0/24" in host.listing() else host.listing())
"""


def test_the_timer_acts_on_a_full_disk(host: GuardedHost, tmp_path: Path) -> None:
    host.load(OLD)
    host.paths.state.mkdir(parents=True)
    assert inside(host, ["mount -t tmpfs -o size=2m tmpfs {state}"], tmp_path, FILL.strip(), seconds=2) == "restored\n"


OPEN = """
    host.run("confirm")
    fill = f"dd if=/dev/zero of={state}/rest bs=1k 2>/dev/null || truncate -s -128k {state}/rest"
    subprocess.run(fill, shell=True, check=True)
    print(host.run("open", "5").stdout, "emergency: open" in host.listing(), host.run("rollback").stdout)
"""


def test_a_host_whose_disk_is_nearly_full_can_be_opened(host: GuardedHost, tmp_path: Path) -> None:
    host.load(OLD)
    host.paths.state.mkdir(parents=True)
    message = inside(host, ["mount -t tmpfs -o size=2m tmpfs {state}"], tmp_path, OPEN.strip())
    assert "All outbound traffic is allowed for 5 minutes" in message, message
    assert "True Ended the emergency (open for 5 minutes)." in message, message


READ_ONLY = """
    from ansible_collections.tidegate.nftables.plugins.module_utils.guard.trial import decide
    from ansible_collections.tidegate.nftables.plugins.module_utils.guard.saved import pending
    subprocess.run(["mount", "-o", "remount,ro", str(state)], check=True)
    decide.confirm(host, pending.read(host.paths).token)
"""


def test_a_disk_that_turns_read_only_during_a_pending_change_ends_in_the_old_policy_and_that_is_said(
    host: GuardedHost, tmp_path: Path
) -> None:
    host.load(OLD)
    host.paths.state.mkdir(parents=True)
    printed = inside(host, ["mount -t tmpfs -o size=4m tmpfs {state}"], tmp_path, READ_ONLY.strip())
    assert printed.startswith("cannot_write The old policy is loaded again."), printed
    assert "Read-only file system" in printed
    assert "203.0.113.0/24" in host.listing()
    assert "8443" not in host.listing()
