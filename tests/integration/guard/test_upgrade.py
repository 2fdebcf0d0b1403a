# Copyright: (c) 2026, the tidegate developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A host that another release of this collection left: the next run makes it its own."""

from __future__ import annotations

import json
from typing import Any

from ansible_collections.tidegate.nftables.plugins.module_utils.guard.program import package
from ansible_collections.tidegate.nftables.plugins.module_utils.guard.saved import records

from .conftest import OLD, GuardedHost


def saved(host: GuardedHost) -> tuple[dict[str, Any], str]:
    """What the confirmed policy says of itself, and its script."""
    first, _end, script = host.paths.confirmed.read_text().partition("\n")
    return json.loads(first.split(" ", 4)[4]), script


def test_a_policy_that_an_older_release_saved_is_read_for_what_it_says(host: GuardedHost) -> None:
    host.has(OLD)
    about, script = saved(host)
    older = json.dumps({key: about[key] for key in ("token", "who", "when")} | {"unheard": 1, "listing": 1})
    rest = f"{older}\n{script}"
    host.paths.confirmed.write_text(f"# tidegate 1 {records.checksum(rest)} {rest}")

    assert "by alice@control" in host.run("status").stdout
    host.reboot()
    assert host.run("boot").stdout == "loaded\n"
    assert host.listing()
    host.apply(OLD)
    assert saved(host)[0]["others"] == ["fed4"]


def test_a_policy_in_a_form_of_another_release_is_named_and_replaced(host: GuardedHost) -> None:
    host.has(OLD)
    text = host.paths.confirmed.read_text()
    host.paths.confirmed.write_text(text.replace("# tidegate 1 ", "# tidegate 2 ", 1))

    assert "another release of tidegate wrote it" in host.run("status").stdout
    changed = host.apply(OLD)
    assert [file["path"] for file in changed["files"]] == [str(host.paths.confirmed)]
    assert "as confirmed" in host.run("status").stdout
    assert host.apply(OLD)["changed"] is False


def test_the_program_of_another_release_is_replaced(host: GuardedHost) -> None:
    host.has(OLD)
    host.paths.program.write_text("#!/bin/false\n")
    assert host.apply(OLD)["files"] == [{"path": str(host.paths.program), "action": "change"}]
    assert host.paths.program.read_bytes() == package.build()
