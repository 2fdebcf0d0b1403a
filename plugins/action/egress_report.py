# Copyright: (c) 2026, the tidegate developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Collect what a host knows of its egress, and write the report of all of them."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from ansible_collections.tidegate.nftables.plugins.plugin_utils.action import evidence, output
from ansible_collections.tidegate.nftables.plugins.plugin_utils.action.base import TidegateAction
from ansible_collections.tidegate.nftables.plugins.plugin_utils.action.first_host import seconds_of_run
from ansible_collections.tidegate.nftables.plugins.plugin_utils.action.module_result import ModuleFailed
from ansible_collections.tidegate.nftables.plugins.plugin_utils.action.tier_words import TierWords
from ansible_collections.tidegate.nftables.plugins.plugin_utils.confirm import connection, guard
from ansible_collections.tidegate.nftables.plugins.plugin_utils.inventory.world import InventoryWorld
from ansible_collections.tidegate.nftables.plugins.plugin_utils.plural import count
from ansible_collections.tidegate.nftables.plugins.plugin_utils.policy import PolicyErrors
from ansible_collections.tidegate.nftables.plugins.plugin_utils.records.recorder import Recorder, policy_hash
from ansible_collections.tidegate.nftables.plugins.plugin_utils.report import previous, sources
from ansible_collections.tidegate.nftables.plugins.plugin_utils.report.naming import name_destinations
from ansible_collections.tidegate.nftables.plugins.plugin_utils.report.page import page
from ansible_collections.tidegate.nftables.plugins.plugin_utils.report.sources import HOST_LIMIT, HostData
from ansible_collections.tidegate.nftables.plugins.plugin_utils.report.totals import Totals
from ansible_collections.tidegate.nftables.plugins.plugin_utils.summary import fleet

_NEEDED = ("status", "observed", "ledger", "events", "entries")


class ActionModule(TidegateAction):
    """Phase host writes the file of one host; phase report makes the page of the files."""

    ARGUMENTS = {
        "phase": {"type": "str", "choices": ["host", "report"], "default": "host"},
        "directory": {"type": "str", "default": "egress-report"},
        **evidence.ARGUMENTS,
        "results": {"type": "str"},
        "source": {"type": "str"},
    }

    def act(self, arguments: Mapping[str, Any]) -> dict[str, Any]:
        """Run a phase; hosts are not changed."""
        seconds_of_run()
        directory = Path(arguments["directory"])
        if arguments["phase"] == "host":
            return self._host(directory / sources.FOLDER, arguments)
        return self._report(directory, arguments)

    def _host(self, folder: Path, arguments: Mapping[str, Any]) -> dict[str, Any]:
        resolved = self.policy()
        host = {"host": resolved.host, "tier": resolved.tier or None}
        request = {"phase": "report", "root": resolved.root or connection.own_root(self.connection)}
        try:
            known = guard.need(self, request, needed=_NEEDED)
        except ModuleFailed as error:
            return {"data": {**host, "row": fleet.without_state(resolved, str(error.result.get("msg", "")))}}
        recorder, ledger, allowed = Recorder(resolved), known["ledger"], known["ledger"]["allowed"]
        incomplete = [{"user": item["user"], "packets": item["packets"]} for item in ledger["overflow"]]
        if allowed["left_out"]:
            incomplete.append({"user": "allowed flows", "packets": allowed["left_out"]})
        # A host that is not as it should be has no more room in the report than the others.
        lines = (ledger["lines"][: HOST_LIMIT + 1], allowed["lines"][: HOST_LIMIT + 1])
        records = [*recorder.of_ledger(lines[0]), *recorder.of_allowed(lines[1])]
        proxied = evidence.of_proxies(self, resolved, arguments)
        records += recorder.of_proxies(proxied.requests[:HOST_LIMIT] if proxied else ())
        data = {
            **host,
            "row": fleet.row(resolved, known["status"], evidence.of_host(self, resolved, known["observed"], arguments)),
            "policy": policy_hash(resolved),
            "now": ledger["now"],
            "events": known["events"],
            "entries": known["entries"],
            "incomplete": incomplete,
            "unreadable": recorder.unreadable,
            "records": records,
        }
        name = sources.file_name(resolved.host)
        output.write(folder, {name: sources.document(data)})
        return {"data": host, "file": name, "records": len(records)}

    def _report(self, directory: Path, arguments: Mapping[str, Any]) -> dict[str, Any]:
        totals, hosts, world = Totals(), [], self.world()
        tiers = _tiers(world)
        total = 0 if arguments["source"] else len(self.variables["ansible_play_hosts_all"])
        for data in self.reported(self._sources(directory, arguments, tiers), total, "hosts are in the report"):
            totals.add(data)
            # Of a host's records the sums are enough, or a large fleet would take all memory.
            hosts.append(HostData(**{**vars(data), "records": ()}))
        words = TierWords(self, world)
        # Whether a name would open something here is not asked: people read it all the same.
        known_words = {
            tier: words.of_host(own[0], names=True) for tier, own in tiers.items() if tier in totals.tier_hosts
        }
        name_destinations(totals, known_words, words.of_everybody())
        path = directory / previous.FILE
        before = previous.parse(output.read(path), str(path))
        text, known = page(totals, hosts, before, f"from {arguments['source']}" if arguments["source"] else "")
        files = output.write(directory, {"report.html": text, previous.FILE: previous.dump(totals.end, known)})
        silent = sum((data.row or {}).get("level") == fleet.NO_DATA for data in hosts)
        figures = {"hosts": len(hosts), "silent": silent, "records": totals.records, "not_allowed": totals.flows}
        self.say(_sentence(files[0], figures))
        if len(hosts) > 1:
            took = f"reported in {seconds_of_run():.1f} s"
            self.say_aside(f"{count(len(hosts), 'host')}, {count(totals.records, 'record')}: {took}.")
        return {"file": files[0], **figures}

    def _sources(
        self, directory: Path, arguments: Mapping[str, Any], by_tier: Mapping[str, list[str]]
    ) -> Iterator[HostData]:
        if arguments["source"]:
            yield from sources.read_folder(Path(arguments["source"]))
            return
        tiers = {host: tier for tier, own in by_tier.items() for host in own}
        for host, result in self.registered(arguments["results"]).items():
            file = result.get("file") if isinstance(result, Mapping) else None
            if isinstance(file, str) and file == sources.file_name(host):
                yield from sources.read_file(directory / sources.FOLDER / file)
            else:
                yield _without_data(host, tiers.get(host), result)


def _tiers(world: InventoryWorld) -> Mapping[str, list[str]]:
    """Return the hosts of each tier; none where the tier of a host cannot be known, whose own row says so."""
    try:
        return world.tiers
    except PolicyErrors:
        return {}


def _without_data(host: str, tier: str | None, result: Any) -> HostData:
    """Return a host that gave no data, with the reason where it has one."""
    data = result.get("data") if isinstance(result, Mapping) else None
    if isinstance(data, Mapping) and "row" in data:
        row = data["row"]
    elif isinstance(result, Mapping) and not result.get("unreachable"):
        row = fleet.no_data(host, sources.shown(" ".join(str(result.get("msg", "")).split())))
    else:
        row = fleet.no_data(host)
    return HostData(host=sources.shown(host), tier=tier, row=row)


def _sentence(file: str, figures: Mapping[str, int]) -> str:
    silent = f", {count(figures['silent'], 'host')} without data" if figures["silent"] else ""
    flows = count(figures["not_allowed"], "flow")
    return f"{file}: {count(figures['hosts'], 'host')}{silent}, {flows} not allowed."
