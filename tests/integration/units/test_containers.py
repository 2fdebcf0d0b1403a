# Copyright: (c) 2026, the tidegate developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Whose a container's packets are: this machine's own Podman and runc, run in the machine, with its network."""

from __future__ import annotations

import re
import shutil
import subprocess
from pathlib import Path

from .conftest import Site

PROGRAMS = ("podman", "conmon", "runc")
# The container has the machine's files. There is no limit of processes, for a hybrid tree has no controllers to give.
_RUN = """#!/bin/sh
set -e
podman --storage-driver vfs --cgroup-manager systemd --runtime runc --events-backend file \\
    run --detach --name "$1" --network host --log-driver k8s-file --pids-limit 0 --security-opt seccomp=unconfined \\
    --volume /run/tries:/run/tries $2 --rootfs /opt/root /usr/local/bin/try "$1"
exec /usr/local/bin/try "by-$1"
"""
_POLICY = '{"default": [{"type": "insecureAcceptAnything"}]}\n'


def install(site: Site) -> None:
    """Copy the programs and the libraries that the machine does not have."""
    root = site.machine.root
    for name in PROGRAMS:
        program = shutil.which(name)
        assert program is not None, f"{name} is not installed: apt-get install podman"
        shutil.copy(program, root / "usr/local/bin")
        linked = subprocess.run(["ldd", program], check=True, capture_output=True, text=True).stdout
        for library in re.findall(r"=> (/\S+)", linked):
            if not (root / library[1:]).exists():
                shutil.copy(library, root / "usr/local/lib" / Path(library).name)
    site.run("ldconfig")
    site.run("mkdir", "-p", "/opt/root")
    site.run("mount", "--bind", "/", "/opt/root")
    site.machine.write("/etc/containers/policy.json", _POLICY)
    site.machine.write("/usr/local/bin/contain", _RUN, 0o755)


def test_a_container_is_its_own_scope_or_a_part_of_its_service(site: Site) -> None:
    install(site)
    site.service("engine", "KillMode=process", command="/usr/local/bin/contain alone")
    # As Podman's generator writes units for Quadlet files.
    site.service("quadlet", "Delegate=yes", command="/usr/local/bin/contain split --cgroups=split")
    site.systemctl("start", "engine", "quadlet")
    everybody = {"by-alone", "alone", "by-split", "split"}
    for name in everybody:
        site.wait(name, "reached")
    (scope,) = re.findall(r"libpod-\S+\.scope", site.run("ls", "/sys/fs/cgroup/machine.slice"))
    try:
        for opened, reached in (
            ([("engine.service",)], {"by-alone"}),
            ([(scope,), ("quadlet.service",)], {"alone", "by-split", "split"}),
        ):
            site.apply(*opened)
            for name in reached:
                site.wait(name, "reached")
            for name in everybody - reached:
                site.wait(name, "refused")
    finally:
        # The first process of a container ignores SIGTERM.
        site.systemctl("kill", "--signal", "KILL", "engine.service", "quadlet.service", scope)
