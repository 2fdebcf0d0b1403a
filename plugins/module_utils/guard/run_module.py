# Copyright: (c) 2026, the tidegate developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The entry point of the module egress_guard: parse the parameters of a phase and run it."""

from __future__ import annotations

import json
import os
from collections import Counter
from dataclasses import replace
from typing import TYPE_CHECKING, Any, Callable, Mapping

from ansible_collections.tidegate.nftables.plugins.module_utils.errors import REPORTED, failure
from ansible_collections.tidegate.nftables.plugins.module_utils.guard.host import ssh_session, system_log, ulogd
from ansible_collections.tidegate.nftables.plugins.module_utils.guard.host.errors import UNCHANGED, GuardError
from ansible_collections.tidegate.nftables.plugins.module_utils.guard.host.paths import Paths
from ansible_collections.tidegate.nftables.plugins.module_utils.guard.program import (
    emergency,
    requested_names,
    requested_units,
    temporary_allow,
    uninstall,
)
from ansible_collections.tidegate.nftables.plugins.module_utils.guard.saved import (
    confirmed_policy,
    history,
    host_floor,
    journal,
    settings,
)
from ansible_collections.tidegate.nftables.plugins.module_utils.guard.saved import request as requests
from ansible_collections.tidegate.nftables.plugins.module_utils.guard.saved.recorded_table import RecordedTable
from ansible_collections.tidegate.nftables.plugins.module_utils.guard.saved.request import ChangeRequest
from ansible_collections.tidegate.nftables.plugins.module_utils.guard.saved.settings import Settings
from ansible_collections.tidegate.nftables.plugins.module_utils.guard.sight import ledger_facts, observed, status
from ansible_collections.tidegate.nftables.plugins.module_utils.guard.table import older_connections, unit_sets
from ansible_collections.tidegate.nftables.plugins.module_utils.guard.table.desired import CompiledTable
from ansible_collections.tidegate.nftables.plugins.module_utils.guard.table.fingerprint import observes
from ansible_collections.tidegate.nftables.plugins.module_utils.guard.table.host import Host
from ansible_collections.tidegate.nftables.plugins.module_utils.guard.table.live_table import LiveTable, UtcNft
from ansible_collections.tidegate.nftables.plugins.module_utils.guard.trial import decide, policy_tests, waiting
from ansible_collections.tidegate.nftables.plugins.module_utils.guard.trial.policy_tests import PolicyTests
from ansible_collections.tidegate.nftables.plugins.module_utils.netlink.rule_counters import rule_counters
from ansible_collections.tidegate.nftables.plugins.module_utils.nft.desired import parse
from ansible_collections.tidegate.nftables.plugins.module_utils.nft.errors import EngineError
from ansible_collections.tidegate.nftables.plugins.module_utils.nft.nf_tables import counters
from ansible_collections.tidegate.nftables.plugins.module_utils.nft.state.run_directory import RunDirectory
from ansible_collections.tidegate.nftables.plugins.module_utils.printable import printable
from ansible_collections.tidegate.nftables.plugins.module_utils.table_names import (
    PORTED_PROTOCOLS,
    TABLE,
    TABLE_TEXT,
    is_entry_chain,
)

from . import apply
from .apply import Terms

if TYPE_CHECKING:
    from ansible.module_utils.basic import AnsibleModule

Parameters = Mapping[str, Any]
_EVENTS = 500
"""Events of the journal in a report, the latest."""


def run(module: AnsibleModule) -> None:
    """Run one phase and end the module."""
    result = outcome(module.params, module.check_mode)
    if result.get("failed"):
        module.fail_json(**result)
    for warning in result.pop("warnings", ()):
        module.warn(warning)
    module.exit_json(**result)


def outcome(parameters: Parameters, check: bool) -> dict[str, Any]:
    """Return the result of one phase, failed or not. parameters: all, with their defaults."""
    try:
        if os.geteuid() != 0:
            raise GuardError("not_root", f"This needs root on the host. {UNCHANGED} Fix: become: true.")
        paths = Paths(parameters["root"] or "")
        result = PHASES[parameters["phase"]](paths, parameters, check)
        if result.get("guard") and parameters["phase"] in _CONFIRMED:
            _wait(paths, parameters, result["guard"])
    except REPORTED as error:
        return {"failed": True, **failure(error)}
    return result


def with_defaults(arguments: Mapping[str, Any], spec: Mapping[str, Any] | None = None) -> dict[str, Any]:
    """Return arguments of the controller's own, of their types, with the defaults that AnsibleModule would give them.

    spec: of options below an argument; by default that of the module.
    """
    filled = {}
    for name, about in (ARGUMENTS if spec is None else spec).items():
        value = arguments.get(name, about.get("default"))
        if "options" in about and value is not None:
            below = about["options"]
            several = about["type"] == "list"
            value = [with_defaults(each, below) for each in value] if several else with_defaults(value, below)
        filled[name] = value
    return filled


def _apply(paths: Paths, parameters: Parameters, check: bool) -> dict[str, Any]:
    tables = parameters["tables"] or []
    run_directory = RunDirectory(str(paths.run) if paths.root else None)
    request = requests.of_tables(tables, parameters["who"], parameters["what"], parameters["policy"])
    if tables[0].get("state") == "absent":
        return _uninstall(paths, CompiledTable(parse.tables(tables), run_directory), check=check)
    names = requested_names.text_of(paths, parameters["names"])
    units = requested_units.of_module(paths, parameters["units"])
    requested_units.need_ledger(tables)
    missing = requested_names.missing(paths, names, check=check)
    # Before the table is read: rules name that user.
    requested_names.make_user(names, check=check)
    host = Host(paths, LiveTable())
    first = None if host.table.exists() else parse.tables(older_connections.kept(tables))
    desired = CompiledTable(parse.tables(tables), run_directory, first)
    values = settings.parse(
        {
            "drift": parameters["drift"],
            "mode": parameters["mode"],
            "floor": host_floor.of_host(parameters["floor"] or ()),
            "interfaces": parameters["interfaces"] or (),
            "forward": host_floor.of_host(parameters["forward"] or ()),
            **(parameters["sight"] or {}),
        }
    )
    missing += ulogd.missing(paths, values.ulogd_group, check=check)
    warnings = [*system_log.kernel_log_warnings((parameters["sight"] or {}).get("log", "none")), *missing]
    terms = replace(_terms(parameters, request, values, size=len(json.dumps(tables))), names=names, units=units)
    if warnings:
        # Every run says so, and a question does not.
        terms = replace(terms, digest="")
    connection = ssh_session.connection()
    kept = connection if parameters["keep_connection"] else ""
    result = apply.apply_policy(host, desired, terms, connection=kept, decisions=parameters["preflight"], check=check)
    return {
        **result,
        "counters": {TABLE_TEXT: counters(*TABLE)},
        "connection": connection,
        "warnings": [*result.get("warnings", ()), *warnings],
    }


def _uninstall(paths: Paths, absent: CompiledTable, *, check: bool) -> dict[str, Any]:
    try:
        host = Host(paths, LiveTable(UtcNft()))
    except EngineError as error:
        if error.reason != "nft_missing":
            raise
        return uninstall.uninstall_without_nft(paths, check=check)
    return uninstall.uninstall(host, absent, check=check)


def _rollback(paths: Paths, parameters: Parameters, check: bool) -> dict[str, Any]:
    record = history.find(paths, parameters["to"] or "1")
    host = Host(paths, LiveTable())
    what = confirmed_policy.description_of_return(record) + (f": {parameters['what']}" if parameters["what"] else "")
    request = ChangeRequest(parameters["who"], what, record.others, record.spec, record.policy)
    mode = "observe" if observes(record.listing) else "enforce"
    known = unit_sets.read(paths)
    units = {name: known[name] for name in record.others if name in known}
    values = replace(settings.read(paths), mode=mode)
    terms = replace(_terms(parameters, request, values, size=len(record.listing)), units=units)
    result = apply.change_table(host, RecordedTable(host, record), terms, check=check)
    returned_to = {"policy": confirmed_policy.description_of_return(record), "policy_after": record.policy}
    return {**result, **returned_to, "connection": ssh_session.connection()}


def _wait(paths: Paths, parameters: Parameters, guard: Mapping[str, Any]) -> None:
    """Wait on the host for the confirmation of the change that this run made."""
    known = {**parameters, "failing_before": guard["before"]}
    waiting.offer(
        paths,
        guard["token"],
        lambda request, session: _confirmed(
            paths, {**known, **{key: request[key] for key in ("token", "not_over", "what")}}, session, check=False
        ),
    )


def _confirm(paths: Paths, parameters: Parameters, check: bool) -> dict[str, Any]:
    return _confirmed(paths, parameters, ssh_session.connection(), check=check)


def _confirmed(paths: Paths, parameters: Parameters, session: str, *, check: bool) -> dict[str, Any]:
    host, token = Host(paths, LiveTable()), parameters["token"]
    decide.need_new_connection(host, token, parameters["not_over"] or "", session, check=check)
    return decide.confirm_if_tests_pass(
        host,
        token,
        _tests(parameters),
        failed_before=parameters["failing_before"] or [],
        enforce=parameters["mode"] == "enforce",
        check=check,
        what=printable(parameters["what"]),
    )


def _reject(paths: Paths, parameters: Parameters, check: bool) -> dict[str, Any]:
    if not check:
        decide.reject(Host(paths, LiveTable()), parameters["token"], parameters["what"] or "the run rejected it")
    return {"changed": True}


def _emergency(paths: Paths, parameters: Parameters, check: bool) -> dict[str, Any]:
    host, kind = Host(paths, LiveTable()), parameters["emergency"]
    if check:
        return {"changed": True}
    recovered, change = emergency.begin(host, kind, parameters["minutes"], parameters["who"], parameters["what"])
    guard = {"token": change.token, "seconds": change.seconds_left, "kind": change.timer}
    return {"changed": True, "recovered": recovered, "guard": guard}


def _allow(paths: Paths, parameters: Parameters, check: bool) -> dict[str, Any]:
    destinations = temporary_allow.parse(parameters["flows"] or [])
    until = temporary_allow.allow(
        Host(paths, LiveTable()),
        destinations,
        parameters["minutes"],
        who=parameters["who"],
        why=parameters["what"],
        unit=parameters["unit"],
        check=check,
    )
    return {"changed": True, "until": until}


def _status(paths: Paths, parameters: Parameters, _check: bool) -> dict[str, Any]:
    token = parameters["token"]
    fate = journal.last_event(paths, token) if token else None
    host = Host(paths, LiveTable())
    # Not a part of what the console shows, which starts no nft: it may hang.
    version = "" if token else _nft_version(host)
    return {"changed": False, "status": {**status.facts(host), "nft": version}, "fate": fate}


def _nft_version(host: Host) -> str:
    """Return the version of nft, "" where it does not run."""
    try:
        return host.table.nft_version
    except EngineError:
        return ""


def _observed(paths: Paths, _parameters: Parameters, _check: bool) -> dict[str, Any]:
    return {"changed": False, "observed": observed.facts(Host(paths, LiveTable()))}


def _ledger(paths: Paths, _parameters: Parameters, _check: bool) -> dict[str, Any]:
    return {"changed": False, "ledger": ledger_facts.facts(paths)}


def _report(paths: Paths, parameters: Parameters, check: bool) -> dict[str, Any]:
    """Everything that a report shows of a host, in one run."""
    entries: Counter[str] = Counter()
    for rule in rule_counters(*TABLE):
        if rule.comment and is_entry_chain(rule.chain):
            entries[rule.comment] += rule.packets
    return {
        "changed": False,
        "status": _status(paths, {**parameters, "token": None}, check)["status"],
        "observed": observed.facts(Host(paths, LiveTable())),
        "ledger": ledger_facts.facts(paths),
        "events": journal.read(paths)[-_EVENTS:],
        "entries": dict(entries),
    }


def _terms(parameters: Parameters, request: ChangeRequest, values: Settings, *, size: int) -> Terms:
    return Terms(
        request=request,
        settings=values,
        seconds=parameters["timeout"],
        confirm=parameters["confirm"],
        tests=_tests(parameters),
        size=size,
        digest=parameters["digest"],
    )


def _tests(parameters: Parameters) -> PolicyTests:
    return PolicyTests(parameters["tests"] or (), parameters["test_timeout"])


_CONFIRMED = ("apply", "rollback")
"""Phases whose change is confirmed; an emergency ends by itself."""
Phase = Callable[[Paths, Parameters, bool], "dict[str, Any]"]
PHASES: Mapping[str, Phase] = {
    "apply": _apply,
    "confirm": _confirm,
    "reject": _reject,
    "rollback": _rollback,
    "emergency": _emergency,
    "allow": _allow,
    "status": _status,
    "observed": _observed,
    "ledger": _ledger,
    "report": _report,
}

FLOW: dict[str, Any] = {
    "to": {"type": "str", "required": True},
    "protocol": {"type": "str", "choices": list(PORTED_PROTOCOLS), "default": "tcp"},
    "port": {"type": "int", "required": True},
}
TEST: dict[str, Any] = {
    "name": {"type": "str", "required": True},
    "to": {"type": "str", "required": True},
    "protocol": {"type": "str", "choices": ["tcp", "udp"], "default": "tcp"},
    "port": {"type": "int", "required": True},
    "user": {"type": "str"},
    "unit": {"type": "str"},
    "missing_user": {"type": "str", "choices": ["error", "skip"], "default": "error"},
    "expect": {"type": "str", "choices": [policy_tests.REACH, policy_tests.NOT_REACH], "default": policy_tests.REACH},
}
SIGHT: dict[str, Any] = {
    "tier": {"type": "str", "default": ""},
    "ledger_days": {"type": "int", "default": Settings.ledger_days},
    "never": {"type": "list", "elements": "str", "default": []},
    "contact": {"type": "str", "default": ""},
    "metrics_dir": {"type": "str", "default": ""},
    "internal": {"type": "list", "elements": "str", "default": []},
    "expires": {"type": "list", "elements": "int", "default": []},
    "log": {"type": "str", "choices": ["none", "kernel", "nflog"], "default": "none"},
    "ulogd_group": {"type": "int"},
}
NEEDED = [
    ("phase", "apply", ["tables"]),
    ("phase", "confirm", ["token"]),
    ("phase", "reject", ["token"]),
    ("phase", "emergency", ["emergency", "minutes"]),
    ("phase", "allow", ["flows", "minutes"]),
]
ARGUMENTS: dict[str, Any] = {
    "phase": {"type": "str", "choices": list(PHASES), "required": True},
    "tables": {"type": "list", "elements": "dict"},
    "who": {"type": "str", "default": ""},
    "what": {"type": "str", "default": ""},
    "policy": {"type": "str", "default": ""},
    "confirm": {"type": "bool", "default": True},
    "timeout": {"type": "float", "default": 60.0},
    "token": {"type": "str", "no_log": False},
    "tests": {"type": "list", "elements": "dict", "options": TEST},
    "test_timeout": {"type": "float", "default": 2.0},
    "failing_before": {"type": "list", "elements": "str"},
    "not_over": {"type": "str"},
    "keep_connection": {"type": "bool", "default": False},
    "mode": {"type": "str", "choices": list(settings.MODES), "default": "enforce"},
    "preflight": {
        "type": "dict",
        "options": {
            "containers": {"type": "bool", "default": False},
            "untracked": {"type": "bool", "default": False},
            "interfaces": {"type": "list", "elements": "str", "default": []},
        },
    },
    "digest": {"type": "str", "default": ""},
    "names": {"type": "dict"},
    "units": {"type": "dict"},
    "drift": {"type": "str", "choices": list(settings.DRIFT), "default": "report"},
    "floor": {"type": "list", "elements": "str"},
    "interfaces": {"type": "list", "elements": "str"},
    "forward": {"type": "list", "elements": "str"},
    "sight": {"type": "dict", "options": SIGHT},
    "to": {"type": "str"},
    "emergency": {"type": "str", "choices": [emergency.OPEN, emergency.CLOSE]},
    "minutes": {"type": "int"},
    "flows": {"type": "list", "elements": "dict", "options": FLOW},
    "unit": {"type": "str", "default": ""},
    "root": {"type": "str"},
}
