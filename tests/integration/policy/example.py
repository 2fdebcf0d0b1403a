# Copyright: (c) 2026, the tidegate developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The larger example of the documentation, read by a real ansible-playbook through the door of every action."""

from __future__ import annotations

import pickle
import shutil
from pathlib import Path

from ansible_collections.tidegate.nftables.plugins.plugin_utils import policy
from ansible_collections.tidegate.nftables.tests.support.paths import CHECKOUT
from ansible_collections.tidegate.nftables.tests.support.project import Project

EXAMPLE = CHECKOUT / "docs" / "examples" / "bookshop"
# What egress_apply begins with, on a day that does not change.
ACTION = """
import pickle
from datetime import datetime
from pathlib import Path
from ansible.plugins.action import ActionBase
from ansible_collections.tidegate.nftables.plugins.plugin_utils import policy
from ansible_collections.tidegate.nftables.plugins.plugin_utils.inventory import host_policy


class Day(datetime):
    @classmethod
    def now(cls, tz=None):
        return cls(2026, 11, 20, tzinfo=tz)


class ActionModule(ActionBase):
    def run(self, tmp=None, task_vars=None):
        host_policy.datetime = Day
        try:
            found = host_policy.host_policy(self, task_vars)
        except policy.PolicyErrors as errors:
            return {"failed": True, "msg": str(errors)}
        Path(self._task.args["into"], task_vars["inventory_hostname"]).write_bytes(pickle.dumps(found))
        return {}
"""
PLAY = """
- hosts: all:!mirror
  gather_facts: false
  tasks: [{policy_probe: {into: "%s"}}]
"""


def read(example: Path, into: Path) -> dict[str, policy.ResolvedPolicy]:
    """The policy of every host of a project. into: an empty directory for a copy and what else is written."""
    project, answer = into / "project", into / "found"
    shutil.copytree(example, project)
    answer.mkdir()
    (project / "action_plugins").mkdir()
    (project / "action_plugins" / "policy_probe.py").write_text(ACTION, encoding="utf-8")
    (project / "probe.yml").write_text(PLAY % answer, encoding="utf-8")
    environment = {"XDG_CACHE_HOME": str(into / "cache")}
    Project(project, environment=environment).play(playbook="probe.yml").ok()
    # Written by ourselves a moment ago.
    return {path.name: pickle.loads(path.read_bytes()) for path in sorted(answer.iterdir())}
