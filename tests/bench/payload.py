# Copyright: (c) 2026, the tidegate developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A module as Ansible sends it to a host: one file of Python with everything in it.

payload.py NAME ARGUMENTS FILE: a process of its own, because Ansible does not find a collection that is imported.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

NOTHING = "ansible.builtin.ping"
"""The module that does nothing."""

_ALWAYS: dict[str, Any] = {
    "_ansible_check_mode": False,
    "_ansible_no_log": False,
    "_ansible_debug": False,
    "_ansible_diff": True,
    "_ansible_verbosity": 0,
    "_ansible_version": "2.17",
    "_ansible_syslog_facility": "LOG_USER",
    "_ansible_selinux_special_fs": [],
    "_ansible_socket": None,
    "_ansible_shell_executable": "/bin/sh",
    "_ansible_keep_remote_files": False,
    "_ansible_tmpdir": None,
    "_ansible_remote_tmp": "/tmp",
    "_ansible_ignore_unknown_opts": False,
}


def write(path: Path, name: str, arguments: dict[str, Any]) -> Path:
    """Write the file for one task, which Python runs alone; return its path."""
    collections = Path(sys.prefix) / "collections"
    environment = {**os.environ, "ANSIBLE_COLLECTIONS_PATH": str(collections)}
    command = [sys.executable, __file__, name, json.dumps(arguments), str(path)]
    subprocess.run(command, env=environment, check=True)
    return path


def main() -> None:
    from ansible.executor.module_common import modify_module
    from ansible.parsing.dataloader import DataLoader
    from ansible.plugins.loader import init_plugin_loader, module_loader
    from ansible.template import Templar

    name, arguments = sys.argv[1], json.loads(sys.argv[2])
    init_plugin_loader([])
    plugin = module_loader.find_plugin_with_context(name)
    built = modify_module(
        module_name=name,
        module_path=plugin.plugin_resolved_path,
        module_args={**arguments, **_ALWAYS, "_ansible_module_name": name},
        templar=Templar(loader=DataLoader()),
        task_vars={"ansible_python_interpreter": sys.executable},
        module_compression="ZIP_DEFLATED",
    )
    Path(sys.argv[3]).write_bytes(built.b_module_data)


if __name__ == "__main__":
    main()
