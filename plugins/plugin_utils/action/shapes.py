# Copyright: (c) 2026, the tidegate developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The shape of each result that an action takes: those of modules on hosts, and those that tasks register.

The keys are those of the RETURN block of the module; a unit test holds both to each other. Required is what the
controller itself reads.
"""

from __future__ import annotations

from collections.abc import Mapping

from ansible_collections.tidegate.nftables.plugins.plugin_utils.policy.sets import services

from .shape import (
    FLAG,
    INTEGER,
    JSON,
    MOMENT,
    NUMBER,
    TEXT,
    TEXTS,
    Choice,
    ListOf,
    MapOf,
    OrNull,
    Record,
    Shape,
    Within,
    Word,
)

_CHANGE = Record(
    required={"action": TEXT, "kind": TEXT},
    optional={
        **dict.fromkeys(("name", "chain", "comment", "text", "set"), TEXT),
        "count": INTEGER,
        "sample": TEXTS,
    },
)
_COUNTERS = MapOf(MapOf(Record({"packets": INTEGER, "bytes": INTEGER})))
_FINDING = Record(dict.fromkeys(("name", "severity", "what", "meaning", "fix"), TEXT))
_TEST = Record(
    required={
        **dict.fromkeys(("name", "to", "protocol", "expect", "verdict", "outcome"), TEXT),
        "port": INTEGER,
        "ok": FLAG,
    },
    optional={"user": OrNull(TEXT), "unit": OrNull(TEXT)},
)
_ENGINE: Mapping[str, Shape] = {
    "transaction": TEXT,
    "changes": ListOf(_CHANGE),
    "missing_users": TEXTS,
    "nft_version": TEXT,
    "path": TEXT,
}
"""What every run of the engine returns."""

_EVENT = Record(
    required={"event": TEXT},
    optional={
        **dict.fromkeys(("when", "token", "who", "what", "why", "trouble"), TEXT),
        "edit": TEXTS,
        "refused": TEXTS,
    },
)
_ABOUT = Record(optional=dict.fromkeys(("token", "who", "what", "when"), TEXT))
_TRACKED = Record(
    {
        "count": OrNull(INTEGER),
        "max": OrNull(INTEGER),
        "users": ListOf(Record({"user": TEXT, "connections": INTEGER})),
    }
)
_STATUS = Record(
    required={
        "pending": OrNull(
            Record(
                required={"token": TEXT, "kind": TEXT},
                optional={**dict.fromkeys(("emergency", "who", "what", "since", "trouble"), TEXT), "seconds": NUMBER},
            )
        ),
    },
    optional={
        **dict.fromkeys(("table", "drift", "saved", "nft"), TEXT),
        "confirmed": OrNull(_ABOUT),
        "allowed": ListOf(Record(dict.fromkeys(("to", "until", "who", "why"), TEXT), {"unit": OrNull(TEXT)})),
        "watcher": FLAG,
        **dict.fromkeys(("resolver", "proxy"), OrNull(Record({"answers": FLAG, "problem": TEXT}))),
        "overflow": ListOf(Record({"user": TEXT, "packets": INTEGER})),
        "units": OrNull(Record(dict.fromkeys(("named", "missing", "stopped"), TEXTS), {"by_systemd": FLAG})),
        "tracked": _TRACKED,
        "events": MapOf(INTEGER),
        "last": ListOf(_EVENT),
        "earlier": ListOf(Record(optional={"number": INTEGER, "name": TEXT, "what": TEXT})),
    },
)
_LEDGER_LINE = Record(
    {
        "address": TEXT,
        "protocol": INTEGER,
        "port": OrNull(INTEGER),
        "uid": OrNull(INTEGER),
        "user": OrNull(TEXT),
        "packets": INTEGER,
        "last": MOMENT,
    }
)
_OBSERVED_LINE = Record(_LEDGER_LINE.required, optional={"unit": OrNull(TEXT)})
_LEDGER_OVERFLOW = Record({"user": TEXT, "packets": INTEGER, "last": MOMENT})
_KEPT_LINE = Record(
    {**_LEDGER_LINE.required, "name": OrNull(TEXT), "observed": FLAG, "bytes": INTEGER, "first": MOMENT},
    optional={"unit": OrNull(TEXT)},
)
_KEPT_OVERFLOW = Record({**_LEDGER_OVERFLOW.required, "observed": FLAG})
_ALLOWED_LINE = Record({**_LEDGER_LINE.required, "first": MOMENT})
_ALLOWED = Record({"since": OrNull(MOMENT), "left_out": INTEGER, "lines": ListOf(_ALLOWED_LINE)})
_GUARD = Record(
    optional={
        **_ENGINE,
        "guard": OrNull(
            Record(required={"token": TEXT, "seconds": NUMBER, "kind": TEXT}, optional={"before": TEXTS}),
        ),
        **dict.fromkeys(("what", "policy_before", "policy_after"), TEXT),
        "undone": TEXTS,
        "missing_units": TEXTS,
        "names_without_address": TEXTS,
        "missing_packages": TEXTS,
        "files": ListOf(Record({"path": TEXT, "action": TEXT})),
        "connection": TEXT,
        "counters": _COUNTERS,
        "preflight": ListOf(_FINDING),
        "recovered": TEXT,
        "tests": ListOf(_TEST),
        "broken": TEXTS,
        "broken_before": TEXTS,
        "unsent": TEXTS,
        "confirmed": _ABOUT,
        "until": TEXT,
        "policy": TEXT,
        "status": _STATUS,
        "observed": Record(
            {
                "confirmed": FLAG,
                "observes": FLAG,
                "since": OrNull(MOMENT),
                "now": MOMENT,
                "ledger": ListOf(_OBSERVED_LINE),
                "overflow": ListOf(_LEDGER_OVERFLOW),
            }
        ),
        "ledger": Record(
            {"now": MOMENT, "lines": ListOf(_KEPT_LINE), "overflow": ListOf(_KEPT_OVERFLOW), "allowed": _ALLOWED}
        ),
        "fate": OrNull(_EVENT),
        "events": ListOf(_EVENT),
        "entries": MapOf(INTEGER),
    }
)
_FACTS = Record(
    {
        "tables": ListOf(
            Record(
                {
                    "family": TEXT,
                    "name": TEXT,
                    "dormant": FLAG,
                    "chains": TEXTS,
                    "rejects": TEXT,
                    "notrack": TEXTS,
                }
            )
        ),
        "iptables": ListOf(Record({"family": TEXT, "backend": TEXT, "rejects": TEXT, "notrack": TEXTS})),
        "loaders": ListOf(Record({"name": TEXT, "active": FLAG, "enabled": FLAG, "flushes": TEXTS})),
        "conntrack": _TRACKED,
        "bridges": TEXTS,
        "forwarding": TEXTS,
        "nft": FLAG,
        "crash": TEXT,
        "unread": TEXTS,
    }
)
_NEED = Record(
    {
        **dict.fromkeys(("what", "where", "host", "unresolved"), TEXT),
        "protocol": Word(tuple(services.PORT_PROTOCOLS)),
        "port": INTEGER,
        "user": OrNull(TEXT),
        "addresses": TEXTS,
    }
)
_RULES = ListOf(
    Choice(
        "kind",
        {
            "nft": Record({"where": TEXT, "family": TEXT, "name": TEXT, "objects": ListOf(MapOf(MapOf(JSON)))}),
            "iptables": Record({"where": TEXT, "family": TEXT, "text": TEXT, "tables": TEXTS}),
            "ufw": Record({"where": TEXT, "family": TEXT, "text": TEXT, "policy": TEXT}),
            "direct": Record({"where": TEXT, "text": TEXT}),
        },
    )
)
_CONFIRMATION = Record(
    {
        "confirmed": FLAG,
        "connection": TEXT,
        "proves": FLAG,
        "tests": INTEGER,
        "broken": TEXTS,
        "broken_before": TEXTS,
        "unsent": TEXTS,
    }
)
_POLICY_IN_NUMBERS = Record(
    {
        "mode": TEXT,
        "observe": TEXTS,
        "tier": OrNull(TEXT),
        "entries": INTEGER,
        "internet_entries": INTEGER,
        "notices": TEXTS,
    }
)

SHAPES: Mapping[str, Record] = {
    "nft_ruleset": Record(optional={**_ENGINE, "counters": _COUNTERS}),
    "nft_set": Record(optional=_ENGINE),
    "egress_guard": _GUARD,
    "egress_squid": Record(optional={"files": ListOf(Record({"path": TEXT, "action": TEXT}))}),
    "egress_proxy_log": Record(
        optional={
            "since": OrNull(MOMENT),
            "complete": FLAG,
            "requests": ListOf(
                Record(
                    {
                        "name": TEXT,
                        "port": Within(INTEGER, 0, 65535),
                        "observed": FLAG,
                        "times": INTEGER,
                        "first": MOMENT,
                        "last": MOMENT,
                    }
                )
            ),
        }
    ),
    "egress_kernel": Record(
        optional={
            "tables": ListOf(
                Record(
                    {
                        "family": TEXT,
                        "name": TEXT,
                        "listing": OrNull(Record({"nftables": ListOf(MapOf(MapOf(JSON)))})),
                        "error": TEXT,
                    }
                )
            ),
            "users": MapOf(INTEGER),
            "now": MOMENT,
            "legacy": TEXTS,
            "beside": ListOf(TEXTS),
            "nft_version": TEXT,
        }
    ),
    "egress_preflight": Record(
        optional={
            "facts": _FACTS,
            "needs": ListOf(_NEED),
            "rules": Record({"live": _RULES, "stored": _RULES, "unread": TEXTS, "own": FLAG}),
        }
    ),
    "egress_probe": Record(
        optional={
            "results": ListOf(
                Record(
                    required={
                        **dict.fromkeys(("name", "to", "protocol", "outcome"), TEXT),
                        "port": INTEGER,
                        "user": OrNull(TEXT),
                        "errno": OrNull(TEXT),
                        "milliseconds": NUMBER,
                    }
                )
            ),
            "counts": MapOf(INTEGER),
        }
    ),
}
"""By module; what its action runs on a host."""

UNCHANGED = Record(
    optional={
        "unchanged": FLAG,
        "differs": TEXT,
        **{
            key: _GUARD.optional[key]
            for key in ("missing_users", "missing_units", "names_without_address", "nft_version", "counters")
        },
    }
)
"""What guard/unchanged.py answers of a host."""

GUARD_ANSWER = Record(optional={**_GUARD.optional, "answered": FLAG, "unanswered": TEXT})
"""What guard/confirmation.py and guard/installed.py answer of a host."""

APPLIED = Record(
    optional={
        **_GUARD.optional,
        "confirmation": OrNull(_CONFIRMATION),
        "effects": TEXTS,
        "egress": _POLICY_IN_NUMBERS,
        "nft_missing": FLAG,
    }
)
"""What the role registers of egress_apply and egress_summary reads."""
