# Copyright: (c) 2026, the tidegate developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Machines with systemd as process 1 and a pure tree of cgroup v2, which a container of podman may not have here.

A cgroup below the unified hierarchy becomes the root of the tree (a cgroup namespace), wherever this machine has it.
The root of the file system is an unpacked Debian release below a layer of the machine's own, which outlives a reboot.
"""

from __future__ import annotations

import functools
import os
import re
import subprocess
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from .own_names import is_orphan, own_name
from .paths import CHECKOUT
from .project import run_tasks
from .waiting import children, kill_tree, run, wait_for

ENVIRONMENT = ("HOME=/root", "LC_ALL=C.UTF-8", "PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin")
_LAYERS = """
mount -t tmpfs tmpfs "$1"
mkdir "$1/upper" "$1/work" "$1/root"
mount -t overlay overlay -o "lowerdir=$2,upperdir=$1/upper,workdir=$1/work" "$1/root"
"""
_BOOT = """
mount --make-rprivate /
mount --bind "$1/root" "$1/root"
cd "$1/root"
mount -t proc proc proc
mount -t sysfs sysfs sys
mount -t cgroup2 cgroup2 sys/fs/cgroup
mount -t tmpfs -o mode=755 tmpfs run
mount -t tmpfs -o mode=755 tmpfs dev
for device in null zero full random urandom tty; do
    touch "dev/$device"
    mount --bind "/dev/$device" "dev/$device"
done
mkdir dev/pts dev/shm
mount -t devpts -o newinstance,ptmxmode=0666,mode=620 devpts dev/pts
ln -s pts/ptmx dev/ptmx
ln -s /proc/self/fd dev/fd
mount -t tmpfs tmpfs dev/shm
mkdir -p old
pivot_root . old
umount -l old
exec env -i container=tests /lib/systemd/systemd
"""
_HARMLESS = (
    "systemd-modules-load.service",
    "sys-kernel-config.mount",
    "systemd-udevd.service",
    "apt-daily.timer",
    "e2scrub_reap.service",
)
"""Units that a machine without a kernel of its own cannot use or does not need."""


def entering(process: int) -> list[str]:
    """Return the words before a command that runs in a machine. process: its process 1.

    Also in the cgroup of its process 1, once that has one of its own: nobody enters the tree from inside.
    """
    namespaces = ("--mount", "--uts", "--ipc", "--net", "--pid", "--cgroup", "--root", "--wd")
    words = ["nsenter", "--target", str(process), *namespaces, "--", "env", "-i", *ENVIRONMENT]
    path = ""
    with suppress(OSError):
        lines = Path(f"/proc/{process}/cgroup").read_text().splitlines()
        path = next((line[3:] for line in lines if line.startswith("0::")), "")
    if not path.endswith("/init.scope"):
        return words
    return ["sh", "-euc", 'echo 0 >"$0"; exec "$@"', f"{unified()}{path}/cgroup.procs", *words]


@dataclass
class Machine:
    """A running machine. folder: of the test; holder: keeps its file system; process: of its process 1."""

    name: str
    folder: Path
    holder: subprocess.Popen[str]
    launcher: subprocess.Popen[bytes] | None = None

    @property
    def process(self) -> int:
        """Id of its process 1 as this machine sees it."""
        assert self.launcher is not None
        return children(self.launcher.pid)[0]

    @property
    def root(self) -> Path:
        """Its file system as this machine sees it."""
        return Path(f"/proc/{self.process}/root")

    def run(self, *words: str, check: bool = True, text: str | None = None) -> str:
        """Return what a command in it prints."""
        return run([*entering(self.process), *words], check=check, text=text).stdout

    def write(self, path: str, text: str, mode: int = 0o644) -> None:
        """Write a file."""
        file = self.root / path.lstrip("/")
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(text, encoding="utf-8")
        file.chmod(mode)

    def module(self, *tasks: dict[str, Any], may_fail: bool = False) -> list[dict[str, Any]]:
        """Run egress_guard once for each of the arguments, by Ansible, from outside."""
        named = [{"tidegate.nftables.egress_guard": each, "register": f"run{at}"} for at, each in enumerate(tasks)]
        results = run_tasks(
            self.folder, named, host=self.name, variables=self.variables, env=self.environment, may_fail=may_fail
        )
        return [result for result in results if "changed" in result or "failed" in result]

    @property
    def variables(self) -> Mapping[str, Any]:
        """Variables of Ansible by which a play reaches it."""
        return {
            "ansible_connection": "machine",
            "machine_process": self.process,
            "ansible_python_interpreter": "/usr/bin/python3",
        }

    @property
    def environment(self) -> Mapping[str, str]:
        """Environment of such a play."""
        return {"ANSIBLE_CONNECTION_PLUGINS": str(Path(__file__).parent / "connection_plugins")}

    def boot(self) -> None:
        """Start it, in a cgroup and a network namespace of its own."""
        cgroup = unified() / self.name
        cgroup.mkdir()
        namespaces = ("--cgroup", "--mount", "--pid", "--net", "--ipc", "--uts")
        # The shell enters the cgroup before unshare makes it the root of a tree.
        unshare = f"unshare {' '.join(namespaces)} --fork --kill-child"
        start = f'echo $$ >"$2/cgroup.procs"; exec {unshare} sh -euc "$3" sh "$1"'
        enter = ["nsenter", "--target", str(self.holder.pid), "--mount", "sh", "-euc", start, "sh"]
        self.launcher = subprocess.Popen(
            [*enter, str(self.folder / "machine"), str(cgroup), _BOOT],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        launcher = self.launcher
        wait_for(lambda: children(launcher.pid), "process 1", process=launcher)
        # Before, it is a shell with this machine's files, and a question to systemd would be this machine's to answer.
        name = Path(f"/proc/{self.process}/comm")
        wait_for(lambda: name.read_text() == "systemd\n", "systemd", process=launcher)
        self.settled()

    def settled(self) -> None:
        """Wait until systemd has done what it does at boot."""
        states = ("running", "degraded")
        wait_for(
            lambda: self.run("systemctl", "is-system-running", check=False).strip() in states,
            "the end of the boot",
            process=self.launcher,
        )

    def stop(self) -> None:
        """End it as a loss of power does."""
        if self.launcher is not None:
            kill_tree(self.launcher.pid)
            self.launcher.wait()
            _remove(unified() / self.name)
            self.launcher = None

    def reboot(self) -> None:
        """End it and start it again, with the same files."""
        self.stop()
        self.boot()


def exposure(run_in: Callable[..., str], unit: str) -> float:
    """Return how exposed systemd-analyze(1) calls a unit, from 0 to 10: ours have to be below 3. run_in: its host."""
    last = run_in("systemd-analyze", "security", "--no-pager", unit, check=False).strip().splitlines()[-1]
    level = re.search(r"Overall exposure level for \S+: (\d+\.\d+)", last)
    assert level is not None, last
    return float(level[1])


@contextmanager
def machine(release: str, folder: Path) -> Iterator[Machine]:
    """Boot a machine with a Debian release; end it whatever happens. folder: of the test."""
    _remove_orphans()
    mounted = folder / "machine"
    mounted.mkdir()
    with subprocess.Popen(["unshare", "--mount", "--propagation", "private", "sleep", "infinity"], text=True) as holder:
        made = Machine(own_name(release), folder, holder)
        try:
            outside = Path("/proc/self/ns/mnt").readlink()
            wait_for(lambda: Path(f"/proc/{holder.pid}/ns/mnt").readlink() != outside, "a namespace", process=holder)
            enter = ["nsenter", "--target", str(holder.pid), "--mount", "sh", "-euc", _LAYERS, "sh"]
            run([*enter, str(mounted), str(_unpacked(release))])
            for unit in _HARMLESS:
                masked = f"{mounted}/root/etc/systemd/system/{unit}"
                run(["nsenter", "--target", str(holder.pid), "--mount", "ln", "-sf", "/dev/null", masked])
            made.boot()
            yield made
        finally:
            made.stop()
            holder.kill()


def unified() -> Path:
    """Return the folder of cgroup v2, which a hybrid tree has beside the others."""
    hybrid = Path("/sys/fs/cgroup/unified")
    return hybrid if hybrid.is_dir() else Path("/sys/fs/cgroup")


def _unpacked(release: str) -> Path:
    """Return the root of an unpacked release, which `make nft` leaves."""
    folders = (CHECKOUT / "build" / "debian").glob(f"{release}-*/.complete")
    complete = [path for path in folders if not path.parent.name.endswith(".package")]
    assert complete, f"Debian {release} is not unpacked: run `make nft`"
    return complete[0].parent


@functools.cache
def _remove_orphans() -> None:
    """End, once in a run, the machines of runs that were killed."""
    for cgroup in [path for path in unified().glob("tg-*") if is_orphan(path.name)]:
        # Another worker of this run may be removing it as well.
        with suppress(FileNotFoundError):
            (cgroup / "cgroup.kill").write_text("1")
        _remove(cgroup)


def _remove(cgroup: Path) -> None:
    """Remove a cgroup and all below it, once their processes have ended."""

    def gone() -> bool:
        for folder, _folders, _files in os.walk(cgroup, topdown=False):
            with suppress(OSError):
                Path(folder).rmdir()
        return not cgroup.exists()

    wait_for(gone, f"the end of {cgroup}")
