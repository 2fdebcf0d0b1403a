# Copyright: (c) 2026, the tidegate developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Compare the policies of a whole inventory with those of another commit of its repository."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from tempfile import TemporaryDirectory
from time import monotonic
from typing import Any

from ansible import context

from ansible_collections.tidegate.nftables.plugins.plugin_utils.action import output
from ansible_collections.tidegate.nftables.plugins.plugin_utils.action.base import TidegateAction
from ansible_collections.tidegate.nftables.plugins.plugin_utils.errors import ControllerError
from ansible_collections.tidegate.nftables.plugins.plugin_utils.inventory.checkout import (
    Repository,
    play_there,
    repository,
    worktree,
)
from ansible_collections.tidegate.nftables.plugins.plugin_utils.inventory.fleet import fleet_hosts
from ansible_collections.tidegate.nftables.plugins.plugin_utils.inventory.host_policy import Preview, run_directory
from ansible_collections.tidegate.nftables.plugins.plugin_utils.parallel import cores
from ansible_collections.tidegate.nftables.plugins.plugin_utils.plan.compare import compare
from ansible_collections.tidegate.nftables.plugins.plugin_utils.plan.formats import plan_files
from ansible_collections.tidegate.nftables.plugins.plugin_utils.plan.markdown import markdown
from ansible_collections.tidegate.nftables.plugins.plugin_utils.plan.model import EgressPlan, HostPolicy
from ansible_collections.tidegate.nftables.plugins.plugin_utils.plan.serialise import fleet_data, fleet_from
from ansible_collections.tidegate.nftables.plugins.plugin_utils.plan.source_paths import relocated
from ansible_collections.tidegate.nftables.plugins.plugin_utils.plural import count

_FAIL_ON = ("errors", "tests", "guards", "changes")
"""What fails the task; each word includes those before it."""


class BaseMissing(ControllerError):
    """There is nothing to compare with."""

    reason = "bad_request"


class ActionModule(TidegateAction):
    """Runs on the controller only, once for all hosts of the play."""

    _requires_connection = False
    ARGUMENTS = {
        "base": {"type": "str"},
        "hosts": {"type": "str", "default": "all"},
        "directory": {"type": "path"},
        "fail_on": {"type": "str", "choices": list(_FAIL_ON), "default": "tests"},
        "write_policies": {"type": "path"},
        "lists_of_run": {"type": "path"},
        "lists_of_project": {"type": "path"},
    }

    def act(self, arguments: Mapping[str, Any]) -> dict[str, Any]:
        """Print the plan and write it where ``directory`` says; fail as ``fail_on`` says."""
        if arguments["write_policies"]:
            path = Path(arguments["write_policies"])
            fleet = self._fleet(Preview(arguments["lists_of_run"], arguments["lists_of_project"]))
            output.write(path.parent, {path.name: json.dumps(fleet_data(fleet))})
            return {}
        if not arguments["base"]:
            raise BaseMissing(
                "There is no commit to compare with. Fix: name one, such as -e egress_plan_base=origin/main."
            )
        plan = self._plan(arguments["base"], arguments["hosts"])
        written = output.write(Path(arguments["directory"]), plan_files(plan)) if arguments["directory"] else []
        answer = {"outcome": plan.outcome, "files": written}
        reasons = _reasons(plan)
        for word in _FAIL_ON[: _FAIL_ON.index(arguments["fail_on"]) + 1]:
            if word in reasons:
                return {
                    **answer,
                    "failed": True,
                    "msg": f"{reasons[word]} (egress_plan_fail_on: {arguments['fail_on']})",
                }
        return answer

    def _plan(self, base: str, hosts: str) -> EgressPlan:
        project = self._loader.get_basedir()
        checkout = repository(self.variables["ansible_inventory_sources"], project)
        with worktree(checkout, base) as place, TemporaryDirectory(prefix="tidegate-plan-") as private:
            answer = Path(private) / "policies.json"
            begin = monotonic()
            with play_there(checkout, place, _play(hosts, project, answer), _options()) as finish:
                here = self._fleet(Preview())
                finish()
            there = fleet_from(json.loads(answer.read_text(encoding="utf-8")))
            before = relocated(there, str(_moved(checkout, place)), str(place))
        after = relocated(here, str(checkout.directory), str(checkout.top))
        unmanaged = len(self.variables["ansible_play_hosts_all"]) - len(here)
        built = monotonic()
        plan = compare(before, after, name=base, unmanaged=unmanaged)
        self.say(markdown(plan))
        different = len({id(policy.resolved) for policy in (*before.values(), *after.values())})
        took = f"built in {built - begin:.1f} s, compared in {monotonic() - built:.1f} s"
        policies = count(different, "different policy", "different policies")
        self.say_aside(f"{count(len(before | after), 'host')}, {policies} of both commits: {took}.")
        return plan

    def _fleet(self, preview: Preview) -> dict[str, HostPolicy]:
        """Return the policies of all hosts of the play that have a tier."""
        # Both commits are built at once.
        hosts, share = self.variables["ansible_play_hosts_all"], (cores() + 1) // 2
        built = fleet_hosts(self, self.variables, hosts, preview, progress=self.reported, processes=share)
        return {host.name: HostPolicy(host.resolved, tuple(map(str, host.errors)), host.own) for host in built}


def _play(hosts: str, project: str, answer: Path) -> dict[str, Any]:
    """Return the play for the other commit: write the policies to a file, built with the lists of this run."""
    build = {"write_policies": str(answer), "lists_of_run": run_directory(), "lists_of_project": project}
    task = {"name": "Build the policies", "tidegate.nftables.egress_plan": build, "run_once": True}
    return {"name": "Build the policies of the base", "hosts": hosts, "gather_facts": False, "tasks": [task]}


def _moved(checkout: Repository, place: Path) -> Path:
    inside = checkout.inside(checkout.directory)
    return place / inside if inside is not None else place


def _options() -> list[str]:
    """Return the options of this run that decide which variables exist."""
    arguments = context.CLIARGS
    options = [text for value in arguments.get("extra_vars") or () for text in ("-e", str(value))]
    options += [text for value in arguments.get("vault_ids") or () for text in ("--vault-id", str(value))]
    for file in arguments.get("vault_password_files") or ():
        # A password file is rarely under version control, so the other commit's worktree has none.
        options += ["--vault-password-file", str(Path(file).resolve())]
    if arguments.get("subset"):
        options += ["--limit", str(arguments["subset"])]
    return [*options, "--forks", str(arguments.get("forks") or 5)]


def _reasons(plan: EgressPlan) -> dict[str, str]:
    """Return why the plan fails, by the words of fail_on that it fails for."""
    weakened = plan.of("weakened")
    sentences = {
        "errors": (plan.outcome == "errors", "A policy of the proposed commit has errors, see above."),
        "tests": (plan.outcome == "tests", "A policy test fails in the proposed commit, see above."),
        "guards": (weakened, "The proposed commit weakens what guards the policies, see above."),
        "changes": (plan.outcome == "different", "The proposed commit changes what hosts can reach, see above."),
    }
    if plan.settings and plan.outcome != "different":
        sentences["changes"] = (True, "The proposed commit changes what guards the policies, see above.")
    return {word: sentence for word, (applies, sentence) in sentences.items() if applies}
