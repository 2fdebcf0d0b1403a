# Copyright: (c) 2026, the tidegate developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What this host's resolver is to do: a document as text, "" for no resolver. program/names.py makes it so."""

from __future__ import annotations

import json
import time
from contextlib import suppress
from typing import Any

from ansible_collections.tidegate.nftables.plugins.module_utils import domain_names
from ansible_collections.tidegate.nftables.plugins.module_utils.errors import TidegateError
from ansible_collections.tidegate.nftables.plugins.module_utils.guard.host import files, systemd_units
from ansible_collections.tidegate.nftables.plugins.module_utils.guard.host.errors import GuardError
from ansible_collections.tidegate.nftables.plugins.module_utils.guard.host.paths import Paths
from ansible_collections.tidegate.nftables.plugins.module_utils.resolver import document, question, record
from ansible_collections.tidegate.nftables.plugins.module_utils.resolver.configuration import ALIVE
from ansible_collections.tidegate.nftables.plugins.module_utils.resolver.document import MODES, RESOLVER
from ansible_collections.tidegate.nftables.plugins.module_utils.table_names import RESOLVER_ADDRESS

_SEEDING = 5.0
"""Seconds that it may take to ask for every exact name; longer, and the next run says which have no address."""
_ALIVE = 5.0
"""Seconds that the resolver may take for an answer that it has."""


def read(paths: Paths) -> str:
    """Return the document, "" for no resolver."""
    return files.read(paths.resolver_document) or ""


def write(paths: Paths, text: str) -> None:
    """Save the document."""
    files.write(paths.resolver_document, text.encode())


def need_alive(paths: Paths) -> None:
    """Raise GuardError (resolver_failed) when this host is to ask a resolver of ours and that does not answer."""
    text = read(paths)
    if not text or json.loads(text)["mode"] != RESOLVER:
        return
    try:
        question.ask(RESOLVER_ADDRESS, ALIVE, question.A, _ALIVE)
    except OSError as error:
        raise GuardError(
            "resolver_failed",
            f"The resolver of this host does not answer at {RESOLVER_ADDRESS}: {error}. "
            "Fix: read journalctl -u tidegate-dns.",
        ) from error


def facts(paths: Paths) -> dict[str, Any] | None:
    """Return the state of the resolver as plain values, None where there is to be none."""
    text = read(paths)
    if not text or json.loads(text)["mode"] not in MODES:
        return None
    recorded, problem = record.read(paths.resolver_record), ""
    try:
        need_alive(paths)
    except GuardError as error:
        problem = str(error)
    if not recorded:
        problem = problem or "it has recorded nothing since it was started"
    last = recorded.get("last", {})
    return {
        "mode": json.loads(text)["mode"],
        "answers": not problem,
        "problem": problem,
        **{kind: recorded.get(kind, 0) for kind in ("written", "refused", "problems", "unknown")},
        "last": f"{last.get('name')}: {last.get('why')}" if last else "",
    }


def without_address(paths: Paths, *, wait: bool) -> list[str]:
    """Return the exact names of the policy that have no address. wait: the resolver may still ask for them."""
    text = read(paths)
    if not text or json.loads(text)["mode"] not in MODES:
        return []
    end = time.monotonic() + (_SEEDING if wait else 0.0)
    while (names := record.without_address(paths.resolver_record)) is None and time.monotonic() < end:
        time.sleep(0.05)
    return names or []


def refusal(paths: Paths, name: str) -> str:
    """Return why the resolver opens no address of a name, "" where nothing is known of it."""
    name = name.lower().rstrip(".")
    with suppress(ValueError, TidegateError):
        desired = document.parse(json.loads(read(paths)))
        if desired.dns_names == document.ONLY and not any(
            domain_names.matches(each, name) for each in desired.patterns
        ):
            return "no entry has this name, and with egress_dns_names: only no other resolves"
    recorded = record.read(paths.resolver_record)
    known = (recorded.get(record.of_names(kind), {}) for kind in record.TROUBLES)
    return next((why for names in known if (why := names.get(name))), "")


def refused(why: str) -> str:
    """Return the sentence about a refusal."""
    return f"The resolver refused its answer: {why}."


def restore(paths: Paths, text: str) -> None:
    """Save the document from before a change, and have systemd make it so: a watcher may not write outside its folders.

    Where that fails, the next boot or run does it.
    """
    write(paths, text)
    systemd_units.run_apart(paths, systemd_units.SETTLE)
