# Copyright: (c) 2026, the tidegate developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Find the ansible-playbook that this process belongs to."""

from __future__ import annotations

import os
from pathlib import Path

from .topology import LabError


def owner() -> int:
    """Return the process number of the ansible-playbook above this process. Raises LabError when there is none.

    Ansible runs tasks in forks of itself with the same command line, which end with their task. So the topmost of
    consecutive processes with the same command line is the one that lives as long as the playbook.
    """
    pid = os.getppid()
    while not is_playbook(_arguments(pid)):
        pid = _parent(pid)
        if pid <= 1:
            raise LabError(
                "the lab belongs to no playbook. Fix: run ansible-playbook playbooks/lab.yml, or name an --owner"
            )
    arguments = _arguments(pid)
    while _arguments(_parent(pid)) == arguments:
        pid = _parent(pid)
    return pid


def is_playbook(arguments: list[str]) -> bool:
    """Return whether a command line is Python with ansible-playbook, not a shell or sudo that mentions it."""
    if len(arguments) < 2 or not Path(arguments[0]).name.startswith("python"):
        return False
    return Path(arguments[1]).name == "ansible-playbook" or arguments[1:4] == ["-m", "ansible", "playbook"]


def _arguments(pid: int) -> list[str]:
    try:
        return Path(f"/proc/{pid}/cmdline").read_text("utf-8", "surrogateescape").split("\0")[:-1]
    except OSError:
        return []


def _parent(pid: int) -> int:
    try:
        status = Path(f"/proc/{pid}/stat").read_text("utf-8", "surrogateescape")
    except OSError:
        return 0
    return int(status.rpartition(")")[2].split()[1])
