# Copyright: (c) 2026, the tidegate developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""From the module's parameters to its result, one function for each phase."""

from __future__ import annotations

import json
import os
import time
from dataclasses import asdict, replace
from typing import Any, Callable, Mapping

from ansible.module_utils.basic import AnsibleModule

from ansible_collections.tidegate.nftables.plugins.module_utils.guard.host import ssh_session
from ansible_collections.tidegate.nftables.plugins.module_utils.guard.host.errors import UNCHANGED, GuardError
from ansible_collections.tidegate.nftables.plugins.module_utils.guard.host.lock import exclusive
from ansible_collections.tidegate.nftables.plugins.module_utils.guard.host.paths import Paths
from ansible_collections.tidegate.nftables.plugins.module_utils.guard.program import emergency, temporary_allow
from ansible_collections.tidegate.nftables.plugins.module_utils.guard.saved import (
    confirmed_policy,
    history,
    journal,
    settings,
)
from ansible_collections.tidegate.nftables.plugins.module_utils.guard.saved.confirmed_policy import Request
from ansible_collections.tidegate.nftables.plugins.module_utils.guard.saved.records import Record
from ansible_collections.tidegate.nftables.plugins.module_utils.guard.saved.settings import Settings
from ansible_collections.tidegate.nftables.plugins.module_utils.guard.sight import observed, own_connection, status
from ansible_collections.tidegate.nftables.plugins.module_utils.guard.table import restore
from ansible_collections.tidegate.nftables.plugins.module_utils.guard.table.fingerprint import observes, shape
from ansible_collections.tidegate.nftables.plugins.module_utils.guard.table.host import Host
from ansible_collections.tidegate.nftables.plugins.module_utils.guard.table.live_table import LiveTable
from ansible_collections.tidegate.nftables.plugins.module_utils.guard.trial import policy_tests, rollback
from ansible_collections.tidegate.nftables.plugins.module_utils.nft.canonical.preview import objects
from ansible_collections.tidegate.nftables.plugins.module_utils.nft.command import Nft
from ansible_collections.tidegate.nftables.plugins.module_utils.nft.desired import parse
from ansible_collections.tidegate.nftables.plugins.module_utils.nft.engine import Engine
from ansible_collections.tidegate.nftables.plugins.module_utils.nft.errors import EngineError
from ansible_collections.tidegate.nftables.plugins.module_utils.nft.nf_tables import counters
from ansible_collections.tidegate.nftables.plugins.module_utils.nft.state.run_directory import RunDirectory
from ansible_collections.tidegate.nftables.plugins.module_utils.preflight import facts
from ansible_collections.tidegate.nftables.plugins.module_utils.preflight.findings import Wanted, findings, stopping
from ansible_collections.tidegate.nftables.plugins.module_utils.preflight.host import Host as PreflightHost
from ansible_collections.tidegate.nftables.plugins.module_utils.table_names import PORTED_PROTOCOLS, TABLE

from . import apply

Given = Mapping[str, Any]
SPARE = 10.0
"""Seconds of a trial that are not the tests': for the change itself and for the new connection."""


def run(module: AnsibleModule) -> None:
    """Run one phase and end the module."""
    paths = Paths(module.params["root"] or "")
    try:
        if os.geteuid() != 0:
            raise GuardError("not_root", f"This needs root on the host: become: true. {UNCHANGED}")
        result = PHASES[module.params["phase"]](paths, module.params, module.check_mode)
    except GuardError as error:
        module.fail_json(msg=error.message, reason=error.reason, **error.details)
    except EngineError as error:
        module.fail_json(msg=str(error), reason=error.reason, where=error.where)
    for sentence in result.pop("said", ()):
        module.warn(sentence)
    module.exit_json(**result)


def _apply(paths: Paths, given: Given, check: bool) -> dict[str, Any]:
    tables = given["tables"] or []
    wanted = parse.tables(tables)
    notes = RunDirectory(str(paths.run) if paths.root else None)

    def engine(*, check: bool) -> Mapping[str, Any]:
        result = Engine(Nft(), check=check, state=notes).run(wanted)
        return {**result.as_dict(), "said": result.warnings}

    if tables and tables[0].get("state") == "absent":
        apply.request_of(tables, "")
        return _remove(paths, engine, check=check)
    looked = _look(paths, given)
    host = Host(paths, LiveTable())
    chosen = settings.parse({key: given[key] for key in ("drift", "mode", "dns", "ntp")})
    request = apply.request_of(tables, given["who"], given["what"])
    plan = _plan(host, request, chosen, len(json.dumps(tables)), given)

    def foreseen() -> None:
        policy_tests.possible(given["tests"] or [], given["test_timeout"])
        if given["keep_connection"]:
            own_connection.need_open(objects(Nft(), wanted[0], notes), ssh_session.connection())

    plan = replace(plan, foreseen=foreseen)
    result = apply.apply_guarded(host, engine, plan, check=check)
    return {
        **result,
        "counters": {" ".join(TABLE): counters(*TABLE)},
        "connection": ssh_session.connection(),
        "preflight": looked,
    }


def _remove(paths: Paths, engine: apply.Engine, *, check: bool) -> dict[str, Any]:
    try:
        host = Host(paths, LiveTable())
    except EngineError as error:
        if error.reason != "nft_missing":
            raise
        return apply.remove_without_nft(paths, check=check)
    return apply.remove(host, engine, check=check)


def _look(paths: Paths, given: Given) -> list[dict[str, Any]]:
    """Look around before the first policy of a host, and before the first that refuses; raise when that must not be."""
    refusing = given["mode"] == "enforce" and settings.read(paths).mode != "enforce"
    if given["preflight"] is None or (paths.confirmed.exists() and not refusing):
        return []
    wanted = Wanted(given["mode"], given["preflight"]["containers"], given["preflight"]["untracked"])
    found = findings(facts.gather(PreflightHost(paths.root)), wanted)
    against = stopping(found, wanted)
    told = [asdict(one) for one in found]
    if against:
        why = " ".join(str(one) for one in against)
        raise GuardError("preflight", f"This host cannot enforce yet: {why} {UNCHANGED}", {"preflight": told})
    return told


def _rollback(paths: Paths, given: Given, check: bool) -> dict[str, Any]:
    record = history.find(paths, given["to"] or "1")
    host = Host(paths, LiveTable())

    def engine(*, check: bool) -> Mapping[str, Any]:
        return _go_back(host, record, check=check)

    what = confirmed_policy.back_to(record) + (f": {given['what']}" if given["what"] else "")
    request = Request(given["who"], what, record.others, record.spec)
    mode = "observe" if observes(record.listing) else "enforce"
    chosen = replace(settings.read(paths), mode=mode)
    plan = _plan(host, request, chosen, len(record.listing), given)
    result = apply.apply_guarded(host, engine, plan, check=check)
    return {**result, "connection": ssh_session.connection()}


def _plan(host: Host, request: Request, chosen: Settings, size: int, given: Given) -> apply.Plan:
    """Return the module's options for a trial. size: characters of what was asked for."""
    tests, timeout = given["tests"] or [], given["test_timeout"]
    return apply.Plan(
        request=request,
        settings=chosen,
        seconds=given["timeout"],
        needed=policy_tests.needed(tests, timeout) + SPARE if tests else 0.0,
        tried=given["trial"],
        size=size,
        before=lambda: policy_tests.failing(policy_tests.run(host.table, tests, timeout)),
    )


def _go_back(host: Host, record: Record, *, check: bool) -> dict[str, Any]:
    before = host.table.listing()
    changed = shape(before, record.others) != shape(record.listing, record.others)
    if changed and not check:
        age = max(0.0, time.time() - record.when)
        restore.put_back(host.table, record.listing, age, record.others, record.nft)
    after = host.table.listing() if not check else record.listing
    diff = {"before": shape(before, record.others), "after": shape(after, record.others)}
    return {"changed": changed, "diff": diff, "changes": [], "transaction": "", "nft_version": host.table.version}


def _confirm(paths: Paths, given: Given, check: bool) -> dict[str, Any]:
    """Run the tests over whatever connection brought us here, then keep the change or put it back."""
    host = Host(paths, LiveTable())
    _need_another_connection(host, given, check)
    judged = policy_tests.run(host.table, given["tests"] or [], given["test_timeout"])
    already = given["failing_before"] or []
    broken = policy_tests.broken(judged, already)
    told = {
        "tests": [asdict(one) for one in judged],
        "broken_before": [label for label in policy_tests.failing(judged) if label in already],
    }
    if broken and given["mode"] == "enforce" and not check:
        apply.reject(host, given["token"], f"tests failed: {policy_tests.sentence(broken)}")
        raise GuardError(
            "tests_failed",
            f"The change was put back: {policy_tests.sentence(broken)}. The old policy stands.",
            {**told, "broken": policy_tests.failing(broken)},
        )
    if check:
        return {"changed": True, **told, "broken": policy_tests.failing(broken)}
    about = apply.confirm(host, given["token"])
    return {"changed": True, **told, "broken": policy_tests.failing(broken), "confirmed": about}


def _need_another_connection(host: Host, given: Given, check: bool) -> None:
    """Put the change back when this run came over the very connection that it was made over: that proves nothing."""
    if given["not_over"] and ssh_session.connection() == given["not_over"] and not check:
        apply.reject(host, given["token"], "no new connection was made")
        raise GuardError(
            "same_connection",
            "The change was put back: it was to be confirmed over a new connection, but this is still the one that it "
            f"was made over ({given['not_over']}). End what keeps it open (ControlPersist, a connection plugin), or "
            "run with -e egress_confirm=false.",
        )


def _reject(paths: Paths, given: Given, check: bool) -> dict[str, Any]:
    if not check:
        apply.reject(Host(paths, LiveTable()), given["token"], given["what"] or "the run asked for it")
    return {"changed": True}


def _emergency(paths: Paths, given: Given, check: bool) -> dict[str, Any]:
    host = Host(paths, LiveTable())
    request = Request(given["who"], given["what"] or f"emergency: {given['emergency']}", confirmed_policy.others(paths))
    if check:
        return {"changed": True}
    with exclusive(paths, apply.WAIT):
        said = rollback.recover(host)
        made = emergency.declare(host, given["emergency"], given["minutes"], request)
    return {
        "changed": True,
        "recovered": said,
        "guard": {"token": made.token, "seconds": made.seconds, "kind": made.guard},
    }


def _allow(paths: Paths, given: Given, check: bool) -> dict[str, Any]:
    flows = temporary_allow.parse(given["flows"] or [])
    host = Host(paths, LiveTable())
    asked = temporary_allow.Asked(flows, given["minutes"], given["who"], given["what"])
    with exclusive(paths, apply.WAIT):
        return {"changed": True, "until": temporary_allow.allow(host, asked, check=check)}


def _status(paths: Paths, given: Given, _check: bool) -> dict[str, Any]:
    fate = journal.fate(paths, given["token"]) if given["token"] else None
    return {"changed": False, "status": status.facts(Host(paths, LiveTable())), "fate": fate}


def _observed(paths: Paths, _given: Given, _check: bool) -> dict[str, Any]:
    return {"changed": False, "observed": observed.facts(Host(paths, LiveTable()))}


Phase = Callable[[Paths, Given, bool], "dict[str, Any]"]
PHASES: Mapping[str, Phase] = {
    "apply": _apply,
    "confirm": _confirm,
    "reject": _reject,
    "rollback": _rollback,
    "emergency": _emergency,
    "allow": _allow,
    "status": _status,
    "observed": _observed,
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
    "missing_user": {"type": "str", "choices": ["error", "skip"], "default": "error"},
    "expect": {"type": "str", "choices": [policy_tests.REACH, policy_tests.NOT_REACH], "default": policy_tests.REACH},
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
    "trial": {"type": "bool", "default": True},
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
        },
    },
    "drift": {"type": "str", "choices": list(settings.DRIFT), "default": "report"},
    "dns": {"type": "list", "elements": "str"},
    "ntp": {"type": "list", "elements": "str"},
    "to": {"type": "str"},
    "emergency": {"type": "str", "choices": [emergency.OPEN, emergency.CLOSE]},
    "minutes": {"type": "int"},
    "flows": {"type": "list", "elements": "dict", "options": FLOW},
    "root": {"type": "str"},
}
