# Copyright: (c) 2026, the tidegate developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Enter a podman container of this machine by its namespaces: a quarter of the time that ``podman exec`` takes.

For tests only. It needs root, and what runs in the container stays in the control group of the caller.
"""

from __future__ import annotations

DOCUMENTATION = """
name: podman_nsenter
author: The tidegate developers
short_description: Run tasks in a podman container by nsenter
description: Runs commands in the namespaces of a running podman container of this machine. Needs root.
extends_documentation_fragment: [connection_pipelining]
options:
  remote_addr:
    description: Name of the container.
    default: inventory_hostname
    vars:
      - name: inventory_hostname
      - name: ansible_host
"""

import shlex
import shutil
import subprocess
from functools import cached_property

from ansible.errors import AnsibleConnectionFailure
from ansible.plugins.connection.local import Connection as LocalConnection

ENVIRONMENT = ["HOME=/root", "LC_ALL=C.UTF-8", "PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"]


class Connection(LocalConnection):  # type: ignore[misc]  # Ansible ships no types
    """The local connection, with every command inside the container and every file below its root."""

    transport = "podman_nsenter"
    has_pipelining = True

    @cached_property
    def pid(self) -> str:
        """Process id of the container's init, as this machine sees it."""
        name = self.get_option("remote_addr")
        inspect = ["podman", "inspect", "--type", "container", "--format", "{{.State.Pid}}", name]
        inspected = subprocess.run(inspect, capture_output=True, text=True, check=False)
        pid = inspected.stdout.strip()
        if inspected.returncode or pid == "0":
            reason = inspected.stderr.strip() or "it does not run"
            message = f"container {name}: {reason}"
            raise AnsibleConnectionFailure(message)
        return pid

    def exec_command(self, cmd: str, in_data: bytes | None = None, sudoable: bool = True) -> tuple[int, bytes, bytes]:
        enter = ["nsenter", "--target", self.pid, "--mount", "--uts", "--ipc", "--net", "--pid", "--root", "--wd"]
        inside = shlex.join([*enter, "--", "env", "-i", *ENVIRONMENT])
        result: tuple[int, bytes, bytes] = super().exec_command(f"{inside} {cmd}", in_data=in_data, sudoable=sudoable)
        return result

    def put_file(self, in_path: str, out_path: str) -> None:
        shutil.copyfile(in_path, f"/proc/{self.pid}/root{out_path}")

    def fetch_file(self, in_path: str, out_path: str) -> None:
        shutil.copyfile(f"/proc/{self.pid}/root{in_path}", out_path)
