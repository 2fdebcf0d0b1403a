# Copyright: (c) 2026, the tidegate developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Turn what the hosts of a play were refused into drafts of entries, each with its proof."""

from __future__ import annotations

import datetime as dt
import time
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

from ansible_collections.tidegate.nftables.plugins.plugin_utils import policy
from ansible_collections.tidegate.nftables.plugins.plugin_utils.action import evidence, output
from ansible_collections.tidegate.nftables.plugins.plugin_utils.action.base import TidegateAction
from ansible_collections.tidegate.nftables.plugins.plugin_utils.action.module_result import ModuleFailed
from ansible_collections.tidegate.nftables.plugins.plugin_utils.action.tier_words import TierWords
from ansible_collections.tidegate.nftables.plugins.plugin_utils.confirm import connection, guard
from ansible_collections.tidegate.nftables.plugins.plugin_utils.enforce import decisions
from ansible_collections.tidegate.nftables.plugins.plugin_utils.enforce.tier_state import tier_state
from ansible_collections.tidegate.nftables.plugins.plugin_utils.inventory import ages
from ansible_collections.tidegate.nftables.plugins.plugin_utils.inventory.fleet import (
    FleetHost,
    fleet_hosts,
)
from ansible_collections.tidegate.nftables.plugins.plugin_utils.inventory.host_policy import Preview, run_directory
from ansible_collections.tidegate.nftables.plugins.plugin_utils.inventory.world import InventoryWorld
from ansible_collections.tidegate.nftables.plugins.plugin_utils.policy.sets.addresses import AddressError
from ansible_collections.tidegate.nftables.plugins.plugin_utils.records.destinations import by_destination
from ansible_collections.tidegate.nftables.plugins.plugin_utils.records.recorder import Recorder, policy_hash
from ansible_collections.tidegate.nftables.plugins.plugin_utils.report.sources import read_file, read_folder
from ansible_collections.tidegate.nftables.plugins.plugin_utils.review.entries import HostUsage, Times, rows
from ansible_collections.tidegate.nftables.plugins.plugin_utils.review.usage import of_ledger
from ansible_collections.tidegate.nftables.plugins.plugin_utils.suggest import document, drafts, proof
from ansible_collections.tidegate.nftables.plugins.plugin_utils.suggest.document import Suggestion
from ansible_collections.tidegate.nftables.plugins.plugin_utils.suggest.drafts import Draft, Tier
from ansible_collections.tidegate.nftables.plugins.plugin_utils.suggest.rules import Surroundings, number

Record = Mapping[str, Any]


class ActionModule(TidegateAction):
    """Phase host reads one host, report makes the drafts of all, accept writes those of an earlier report."""

    ARGUMENTS = {
        "phase": {"type": "str", "choices": ["host", "report", "accept"], "default": "host"},
        **evidence.ARGUMENTS,
        "results": {"type": "str"},
        "records": {"type": "list", "elements": "str", "default": []},
        "ignored": {"type": "raw"},
        "directory": {"type": "str"},
        "document": {"type": "str"},
        "names": {"type": "list", "elements": "str", "default": []},
    }

    def act(self, arguments: Mapping[str, Any]) -> dict[str, Any]:
        """Run a phase; never changed, since a host or a policy is not."""
        if arguments["phase"] == "host":
            return self._host(arguments)
        fleet = {host.name: host for host in self._fleet()}
        return self._accept(arguments, fleet) if arguments["phase"] == "accept" else self._report(arguments, fleet)

    def _host(self, arguments: Mapping[str, Any]) -> dict[str, Any]:
        resolved = self.policy()
        root = resolved.root or connection.own_root(self.connection)
        try:
            ledger = guard.need(self, {"phase": "ledger", "root": root}, needed=("ledger",))["ledger"]
            seen = guard.need(self, {"phase": "observed", "root": root}, needed=("observed",))["observed"]
        except ModuleFailed as error:
            return {"why": " ".join(str(error.result.get("msg", "")).split())}
        recorder, proxied = Recorder(resolved), evidence.of_proxies(self, resolved, arguments)
        of_proxies = recorder.of_proxies(proxied.requests if proxied else ())
        return {
            "records": [*recorder.of_ledger(ledger["lines"]), *of_proxies],
            "evidence": asdict(evidence.of_host(self, resolved, seen, arguments)),
            "incomplete": ledger["overflow"],
            "used": of_ledger(resolved, ledger),
        }

    def _fleet(self) -> Iterable[FleetHost]:
        hosts = self.variables["ansible_play_hosts_all"]
        for host in fleet_hosts(self, self.variables, hosts, Preview(), progress=self.reported):
            if host.resolved is None:
                raise policy.PolicyErrors(host.errors)
            if host.resolved.mode != "absent":
                yield host

    def _report(self, arguments: Mapping[str, Any], fleet: Mapping[str, FleetHost]) -> dict[str, Any]:
        records, evidence, silent = self._data(arguments, fleet)
        used = self._used(arguments["results"], fleet)
        today = dt.datetime.now(dt.UTC).date()
        ignored = decisions.ignored(arguments["ignored"], today)
        self._world = InventoryWorld(self._loader, self.variables, run_dir=run_directory())
        self._words = TierWords(self, self._world)
        tiers = []
        for name in sorted({host.resolved.tier for host in fleet.values() if host.resolved}):
            hosts = {
                host.name: host.resolved for host in fleet.values() if host.resolved and host.resolved.tier == name
            }
            known = self._tier(name, hosts, ignored)
            own = [record for record in records if record["host"] in hosts]
            row = self._tier_row(known, hosts, own, [evidence[host] for host in hosts if host in evidence])
            tiers.append({**row, "narrow": _narrow(hosts, used)})
        made = today.isoformat()
        self.say_lines(document.text(tiers, silent))
        written: list[str] = []
        if arguments["directory"]:
            content = {document.FILE: document.dump(tiers, silent, made), **document.files(tiers, made)}
            written = output.write(Path(arguments["directory"]), content)
        return {"tiers": tiers, "no_data": silent, "files": written}

    def _data(
        self, arguments: Mapping[str, Any], fleet: Mapping[str, FleetHost]
    ) -> tuple[list[Record], dict[str, Mapping[str, Any]], dict[str, str]]:
        """Return records as the policies judge them now, the evidence by host, and why hosts have none."""
        if arguments["records"]:
            paths = [Path(text) for text in arguments["records"]]
            sources = (read_folder(path) if path.is_dir() else read_file(path) for path in paths)
            read = [record for source in sources for data in source for record in data.records]
            others = sorted({str(record["host"]) for record in read} - set(fleet))
            if others:
                self.warn(f"Records of hosts that are not in this play are left out: {', '.join(others)}.")
            heard = {str(record["host"]) for record in read}
            silent = {host: "no record in the files" for host in fleet if host not in heard}
            return list(self._again(read, fleet)), {}, silent
        results = self.registered(arguments["results"])
        records: list[Record] = []
        evidence, silent = {}, {}
        for host in fleet:
            result = results.get(host)
            if isinstance(result, Mapping) and "records" in result:
                records += result["records"]
                evidence[host] = result["evidence"]
                for item in result["incomplete"]:
                    self.warn(f"{host}: the ledger has not every flow of {item['user']}, so suggestions may lack some.")
            else:
                reason = result.get("why") or result.get("msg") if isinstance(result, Mapping) else ""
                silent[host] = " ".join(str(reason or "gave no answer").split())
        return list(self._again(records, fleet)), evidence, silent

    def _used(self, name: str | None, fleet: Mapping[str, FleetHost]) -> dict[str, HostUsage]:
        """Return what used the entries of each host that registered it."""
        results = self.registered(name) if name else {}
        used_by_host = {host: results[host].get("used") for host in fleet if isinstance(results.get(host), Mapping)}
        return {host: HostUsage(**used) for host, used in used_by_host.items() if used}

    def _again(self, records: Sequence[Record], fleet: Mapping[str, FleetHost]) -> Iterable[Record]:
        """Yield the records of the fleet, judged by the policies that it has now."""
        recorders: dict[int, Recorder] = {}
        for record in records:
            host = fleet.get(str(record["host"]))
            if host is None or host.resolved is None:
                continue
            recorder = recorders.setdefault(id(host.resolved), Recorder(host.resolved))
            try:
                yield {**recorder.again(record), "host": host.name}
            except AddressError:
                continue

    def _tier(
        self,
        name: str,
        hosts: Mapping[str, policy.ResolvedPolicy],
        ignored: Sequence[decisions.Ignored],
    ) -> Tier:
        host, resolved = next(iter(hosts.items()))
        return Tier(
            name=name,
            hosts=max(len(hosts), len(self._world.tiers.get(name, ()))),
            vocabulary=self._words.of_host(host, names=resolved.names.feeder != "none"),
            around=Surroundings(resolved.internal),
            entries=frozenset(entry.name for each in hosts.values() for entry in each.all_entries()),
            ignored=ignored,
        )

    def _tier_row(
        self,
        tier: Tier,
        hosts: Mapping[str, policy.ResolvedPolicy],
        records: Sequence[Record],
        evidence: Sequence[Mapping[str, Any]],
    ) -> dict[str, Any]:
        tier_drafts = drafts.drafts(records, tier)
        open_lines = by_destination(drafts.refused(records))
        now = dt.datetime.now(dt.UTC).timestamp()
        state = tier_state(
            tier.name,
            evidence,
            silent=len(hosts) - len(evidence),
            enforced=all(resolved.mode == "enforce" for resolved in hosts.values()),
            newest=max((line.first for line in open_lines), default=0),
            now=now,
        )
        suggestions = [
            Suggestion(draft=draft, proof=self._proof(draft, hosts), hosts=tier.hosts) for draft in tier_drafts.drafts
        ]
        hashes = {id(resolved): policy_hash(resolved) for resolved in hosts.values()}
        policies = {host: hashes[id(resolved)] for host, resolved in hosts.items()}
        return document.tier_row(state, policies, suggestions, tier_drafts, [line.first for line in open_lines])

    def _proof(self, draft: Draft, hosts: Mapping[str, policy.ResolvedPolicy]) -> proof.Proof:
        """Return the proof for every different policy of the tier; the first that does not accept the draft decides."""
        different = {id(resolved): (host, resolved) for host, resolved in hosts.items()}
        proofs = [proof.prove(draft, resolved, host, self._words.build) for host, resolved in different.values()]
        return next((each for each in proofs if not each.accepted), proofs[0])

    def _accept(self, arguments: Mapping[str, Any], fleet: Mapping[str, FleetHost]) -> dict[str, Any]:
        if not arguments["directory"] or not arguments["document"]:
            raise document.DocumentError("There is no folder for the drafts. Fix: give -e egress_suggest_dir=DIR.")
        read = document.load(Path(arguments["document"]))
        document.check_fresh(read, {name: policy_hash(host.resolved) for name, host in fleet.items() if host.resolved})
        known = Counter(row["name"] for tier in read["tiers"] for row in tier["suggestions"])
        unknown = [name for name in arguments["names"] if name not in known]
        if unknown:
            raise document.DocumentError(
                f"{arguments['document']} has no draft {', '.join(unknown)}. Fix: it has {', '.join(known) or 'none'}."
            )
        content = document.files(read["tiers"], str(read["made"]), arguments["names"])
        written = output.write(Path(arguments["directory"]), content)
        self.say_lines(f"written: {path}" for path in written)
        return {"files": written}


def _narrow(hosts: Mapping[str, policy.ResolvedPolicy], used: Mapping[str, HostUsage]) -> list[dict[str, str]]:
    """Return the entries, and parts of entries, that nothing used though they were there for all of the time."""
    times = Times(now=time.time(), unused_days=int(number("unused_days")), changed=ages.changed)
    return [
        {"name": row.name, "where": row.origin or row.where, "text": finding.text}
        for row in rows(hosts, used, times)
        for finding in row.findings
        if finding.kind in ("unused", "unused_part")
    ]
