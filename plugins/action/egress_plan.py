# Copyright: (c) 2026, the tidegate developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Compare the policies of a whole inventory with those of another commit of its repository."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from ansible import context
from ansible.plugins.action import ActionBase

from ansible_collections.tidegate.nftables.plugins.plugin_utils.inventory.checkout import (
    CheckoutError,
    Repository,
    play_there,
    repository,
    worktree,
)
from ansible_collections.tidegate.nftables.plugins.plugin_utils.inventory.host_policy import run_directory
from ansible_collections.tidegate.nftables.plugins.plugin_utils.plan.compare import compare
from ansible_collections.tidegate.nftables.plugins.plugin_utils.plan.formats import files
from ansible_collections.tidegate.nftables.plugins.plugin_utils.plan.markdown import markdown
from ansible_collections.tidegate.nftables.plugins.plugin_utils.plan.model import Plan
from ansible_collections.tidegate.nftables.plugins.plugin_utils.plan.source_paths import fleet_from

Policies = dict[str, Mapping[str, Any]]
_FAILING = {"errors": ("errors",), "tests": ("errors", "tests"), "changes": ("errors", "tests", "different")}


class ActionModule(ActionBase):
    """Runs on the controller only; reads what egress_policy returned for each host of the play."""

    TRANSFERS_FILES = False
    _requires_connection = False

    def run(self, tmp: str | None = None, task_vars: dict[str, Any] | None = None) -> dict[str, Any]:
        """Print the plan and write it where it is wanted; fail as `fail_on` says."""
        result: dict[str, Any] = super().run(tmp, task_vars)
        variables = task_vars or {}
        _checked, given = self.validate_argument_spec(
            {
                "policies": {"type": "str", "required": True},
                "base": {"type": "str"},
                "hosts": {"type": "str", "default": "all"},
                "directory": {"type": "path"},
                "fail_on": {"type": "str", "choices": list(_FAILING), "default": "tests"},
                "write_policies": {"type": "path"},
            }
        )
        here: Policies = {
            host: variables["hostvars"][host][given["policies"]] for host in variables["ansible_play_hosts_all"]
        }
        if given["write_policies"]:
            kept = {host: {key: one[key] for key in ("managed", "policy", "errors")} for host, one in here.items()}
            Path(given["write_policies"]).write_text(json.dumps(kept), encoding="utf-8")
            return {**result, "changed": False}
        if not given["base"]:
            msg = "Name the commit to compare with, such as -e egress_plan_base=origin/main."
            return {**result, "failed": True, "msg": msg}
        try:
            plan = self._plan(here, given["base"], given["hosts"], variables)
        except CheckoutError as error:
            return {**result, "failed": True, "msg": str(error)}
        self._display.display(markdown(plan))
        written = _write(plan, given["directory"])
        answer = {**result, "changed": False, "outcome": plan.outcome, "files": written}
        if plan.outcome in _FAILING[given["fail_on"]]:
            return {**answer, "failed": True, "msg": f"{_why(plan)} (egress_plan_fail_on: {given['fail_on']})"}
        return answer

    def _plan(self, here: Policies, base: str, hosts: str, variables: Mapping[str, Any]) -> Plan:
        project = self._loader.get_basedir()
        found = repository(variables["ansible_inventory_sources"], project)
        with worktree(found, base) as place, TemporaryDirectory(prefix="tidegate-plan-") as private:
            answer = Path(private) / "policies.json"
            play_there(found, place, _play(hosts, project, answer), _options())
            there: Policies = json.loads(answer.read_text(encoding="utf-8"))
            before = fleet_from(there, str(_moved(found, place)), str(place))
        after = fleet_from(here, str(found.directory), str(found.top))
        return compare(before, after, name=base, unmanaged=sum(not one["managed"] for one in here.values()))


def _play(hosts: str, project: str, answer: Path) -> dict[str, Any]:
    """What the run on the other commit does: build the policies, with the lists of this run, and hand them over."""
    build = {"lists_of_run": run_directory(), "lists_of_project": project}
    hand_over = {"policies": "plan_policy", "write_policies": str(answer)}
    return {
        "name": "Build the policies of the base",
        "hosts": hosts,
        "gather_facts": False,
        "tasks": [
            {"name": "Build", "tidegate.nftables.egress_policy": build, "register": "plan_policy"},
            {"name": "Hand over", "tidegate.nftables.egress_plan": hand_over, "run_once": True},
        ],
    }


def _moved(found: Repository, place: Path) -> Path:
    inside = found.inside(found.directory)
    return place / inside if inside is not None else place


def _options() -> list[str]:
    """The options of this run that decide what variables there are."""
    arguments = context.CLIARGS
    options = [text for one in arguments.get("extra_vars") or () for text in ("-e", str(one))]
    options += [text for one in arguments.get("vault_ids") or () for text in ("--vault-id", str(one))]
    for file in arguments.get("vault_password_files") or ():
        # It is rarely under version control, so it is only here.
        options += ["--vault-password-file", str(Path(file).resolve())]
    if arguments.get("subset"):
        options += ["--limit", str(arguments["subset"])]
    return [*options, "--forks", str(arguments.get("forks") or 5)]


def _write(plan: Plan, directory: str | None) -> list[str]:
    if not directory:
        return []
    Path(directory).mkdir(parents=True, exist_ok=True)
    written = []
    for name, content in files(plan).items():
        target = Path(directory) / name
        target.write_text(content, encoding="utf-8")
        written.append(str(target))
    return written


def _why(plan: Plan) -> str:
    return {
        "errors": "Not every policy of what is proposed can be read, see above.",
        "tests": "A test is not true of what is proposed, see above.",
        "different": "What hosts can reach changes, see above.",
    }[plan.outcome]
