# Copyright: (c) 2026, the tidegate developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What people see of a policy at work: the ledger, logs, metrics."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

from ansible_collections.tidegate.nftables.plugins.plugin_utils.policy.errors import ErrorReport, variable

from . import values

LONGEST_LEDGER = 400
"""Days; a year and the month in which it is looked at."""


LogTarget = Literal["none", "kernel", "nflog"]
LOG_TARGETS: tuple[LogTarget, ...] = ("none", "kernel", "nflog")
LedgerScope = Literal["denied", "all"]
LEDGER_SCOPES: tuple[LedgerScope, ...] = ("denied", "all")
_RATE = re.compile(r"([1-9][0-9]{0,5})/(second|minute|hour|day)")
_FOLDER = re.compile(r"(?:/(?!\.\.?(?:/|$))[A-Za-z0-9_.@+-]+)+")
_CONTACT = re.compile(r"[^\x00-\x1f\x7f]{1,200}")
_PREFIX = re.compile(r"[ !#-\[\]-~]{1,40}")
"""Printable ASCII without quotes and backslashes. The kernel keeps 127 characters, and words follow."""


@dataclass(frozen=True)
class Log:
    """How rejected packets are logged.

    target: nowhere, to the kernel's log, or to programs that listen to a group of NFLOG, such as ulogd2.
    rate: lines at most, such as 10/second. prefix: what each line begins with. group: of NFLOG.
    ulogd: whether a ulogd2 of ours writes what the group gets.
    """

    target: LogTarget = "none"
    rate: str = "10/second"
    prefix: str = "tidegate: "
    group: int = 20
    ulogd: bool = False


@dataclass(frozen=True)
class Sight:
    """How a host shows what it rejects.

    ledger: whether it has what is rejected, or also what entries allow.
    ledger_days: days that a line of the ledger is kept after its last packet. ledger_units: whether it notes systemd
    units also where no entry names one. log: its log. contact: whom to ask.
    metrics_dir: the folder for metrics, "" for none.
    """

    ledger: LedgerScope = "denied"
    ledger_days: int = 31
    ledger_units: bool = False
    log: Log = field(default_factory=Log)
    contact: str = ""
    metrics_dir: str = ""


def read(report: ErrorReport, variables: Mapping[str, Any]) -> Sight:
    """Read the variables behind a Sight; a value with an error counts as not set."""
    scope = variables.get("egress_ledger")
    if scope is not None:
        scope = values.choice(report, variable("egress_ledger"), scope, LEDGER_SCOPES)
    return Sight(
        ledger=scope or Sight.ledger,
        ledger_days=_number(report, variables, "egress_ledger_days", Sight.ledger_days, range(1, LONGEST_LEDGER + 1)),
        ledger_units=_switch(report, variables, "egress_ledger_units"),
        log=_log(report, variables),
        metrics_dir=_folder(report, variables, "egress_metrics_dir"),
        contact=_matching(
            report, variables, "egress_contact", "", (_CONTACT, "write one line of at most 200 characters")
        ),
    )


def _switch(report: ErrorReport, variables: Mapping[str, Any], name: str) -> bool:
    value = variables.get(name)
    return value is not None and values.boolean(report, variable(name), value) is True


def _folder(report: ErrorReport, variables: Mapping[str, Any], name: str) -> str:
    fix = "write an absolute path without .. and spaces, such as /var/lib/prometheus/node-exporter"
    return _matching(report, variables, name, "", (_FOLDER, fix))


def _log(report: ErrorReport, variables: Mapping[str, Any]) -> Log:
    default, target = Log(), variables.get("egress_log")
    if target is not None:
        target = values.choice(report, variable("egress_log"), target, LOG_TARGETS)
    rate = "write it as 10/second, with second, minute, hour or day"
    prefix = "write at most 40 characters of ASCII without quotes and backslashes"
    ulogd = _switch(report, variables, "egress_log_ulogd")
    if ulogd and target != "nflog":
        report.error(variable("egress_log_ulogd"), "writes what goes to a group of NFLOG", "add egress_log: nflog")
    return Log(
        target=target or default.target,
        rate=_matching(report, variables, "egress_log_rate", default.rate, (_RATE, rate)),
        prefix=_matching(report, variables, "egress_log_prefix", default.prefix, (_PREFIX, prefix)),
        group=_number(report, variables, "egress_log_group", default.group, range(65536)),
        ulogd=ulogd,
    )


def _matching(
    report: ErrorReport, variables: Mapping[str, Any], name: str, default: str, form: tuple[re.Pattern[str], str]
) -> str:
    """Read a text of a form. form: its pattern, and the fix for a text of another form."""
    value, (pattern, fix) = variables.get(name), form
    if value is None:
        return default
    if isinstance(value, str) and pattern.fullmatch(value):
        return value
    report.error(variable(name), f"{values.show(value)} cannot be used", fix)
    return default


def _number(report: ErrorReport, variables: Mapping[str, Any], name: str, default: int, allowed: range) -> int:
    """Read a whole number; -e gives it as a text."""
    value = variables.get(name)
    if value is None:
        return default
    text = str(value).strip()
    if not isinstance(value, bool) and text.isascii() and text.isdigit() and int(text) in allowed:
        return int(text)
    cause = f"{values.show(value)} is not a whole number from {allowed[0]} to {allowed[-1]}"
    report.error(variable(name), cause, f"write a number without a unit, such as {default}")
    return default
