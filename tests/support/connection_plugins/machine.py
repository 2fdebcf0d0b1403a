# Copyright: (c) 2026, the tidegate developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Enter a machine of tests/support/machines.py by its namespaces, that of its cgroups included. Needs root."""

from __future__ import annotations

DOCUMENTATION = """
name: machine
author: The tidegate developers
short_description: Run tasks in a machine of the tests by nsenter
description: Runs commands in all namespaces of a process. Needs root.
extends_documentation_fragment: [connection_pipelining]
options:
  process:
    description: Id of process 1 of the machine, as this machine sees it.
    type: int
    required: true
    vars:
      - name: machine_process
"""

import shlex
import shutil

from ansible.plugins.connection.local import Connection as LocalConnection

from ansible_collections.tidegate.nftables.tests.support.machines import entering


class Connection(LocalConnection):  # type: ignore[misc]  # Ansible ships no types
    """The local connection, with every command inside the machine and every file below its root."""

    transport = "machine"
    has_pipelining = True

    def exec_command(self, cmd: str, in_data: bytes | None = None, sudoable: bool = True) -> tuple[int, bytes, bytes]:
        inside = shlex.join(entering(self.get_option("process")))
        result: tuple[int, bytes, bytes] = super().exec_command(f"{inside} {cmd}", in_data=in_data, sudoable=sudoable)
        return result

    def put_file(self, in_path: str, out_path: str) -> None:
        shutil.copyfile(in_path, f"/proc/{self.get_option('process')}/root{out_path}")

    def fetch_file(self, in_path: str, out_path: str) -> None:
        shutil.copyfile(f"/proc/{self.get_option('process')}/root{in_path}", out_path)
