# Copyright: (c) 2026, the tidegate developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Compare what a host's nf_tables lets through with its policy, for every flow at once."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from ansible_collections.tidegate.nftables.plugins.plugin_utils.action.base import TidegateAction
from ansible_collections.tidegate.nftables.plugins.plugin_utils.action.first_host import seconds_of_run
from ansible_collections.tidegate.nftables.plugins.plugin_utils.plural import count
from ansible_collections.tidegate.nftables.plugins.plugin_utils.verify.compare import other_differences, own_differences
from ansible_collections.tidegate.nftables.plugins.plugin_utils.verify.ruleset import live_ruleset
from ansible_collections.tidegate.nftables.plugins.plugin_utils.verify.sentences import not_compared, sentence


class ActionModule(TidegateAction):
    """Read the host's tables with one module run and compare them with the policy; at the end, count the hosts."""

    ARGUMENTS = {"fail": {"type": "bool", "default": True}, "results": {"type": "str"}}

    def act(self, arguments: Mapping[str, Any]) -> dict[str, Any]:
        """Return the differences as sentences; never changed."""
        seconds = seconds_of_run()
        if arguments["results"]:
            results = self.registered(arguments["results"])
            asked = [
                result for result in results.values() if not (isinstance(result, Mapping) and result.get("skipped"))
            ]
            if len(asked) > 1:
                self.say_aside(_sentence(asked, seconds))
            return {}
        resolved = self.policy()
        users = sorted({user for entry in resolved.entries for user in entry.users or ()} | resolved.named_users())
        listing = self.need_module("egress_kernel", {"users": users}, needed=("tables", "users", "now", "legacy"))
        ruleset = live_ruleset(listing)
        differences = [sentence(difference) for difference in own_differences(resolved, ruleset)]
        answer = {
            "equal": not differences,
            "differences": differences,
            "others": [sentence(difference) for difference in other_differences(resolved, ruleset)],
            "not_compared": not_compared(resolved),
        }
        if differences and arguments["fail"]:
            lines = "\n".join(f"  {difference}" for difference in differences)
            return {**answer, "failed": True, "msg": f"The kernel does not hold what the policy says:\n{lines}"}
        return answer


def _sentence(results: Sequence[Any], seconds: float) -> str:
    """Return how many hosts hold their policies, and what it took."""
    equal, different = (
        sum(isinstance(result, Mapping) and result.get("equal") is value for result in results)
        for value in (True, False)
    )
    silent = len(results) - equal - different
    others = [f"{number} {what}" for number, what in ((different, "not"), (silent, "without an answer")) if number]
    rest = f" ({', '.join(others)})" if others else ""
    return f"{equal} of {count(len(results), 'host')} proven to hold their policies{rest}: verified in {seconds:.1f} s."
