# Copyright: (c) 2026, the tidegate developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Two services of root with different policies, by real packets, over all that happens to a table and to services."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from ansible_collections.tidegate.nftables.plugins.module_utils.guard import unchanged
from ansible_collections.tidegate.nftables.tests.support.waiting import wait_for

from .conftest import PEER, PORT, Site, connect

AGENT = ("agent.service",)


@pytest.fixture
def opened(site: Site) -> Site:
    """The machine with PEER open to the agent alone, and both services trying."""
    if "units_agent.service" not in site.run("nft", "list", "sets", check=False):
        site.apply(AGENT)
    site.systemctl("start", "agent", "other")
    site.wait("agent", "reached")
    site.wait("other", "refused")
    return site


def test_two_services_of_root_have_different_policies(site: Site) -> None:
    site.systemctl("start", "agent", "other")
    for name in ("agent", "other"):
        site.wait(name, "reached")
    applied = site.apply(AGENT)
    assert "/etc/systemd/system/agent.service.d/90-tidegate.conf" in {file["path"] for file in applied["files"]}
    assert applied["missing_units"] == []
    # Without a restart of the service: the run itself added the cgroup that it had.
    site.wait("agent", "reached")
    site.wait("other", "refused")
    assert site.ids(*AGENT) == ["system.slice/agent.service"]
    by = "systemd" if site.machine.name.startswith("tg-trixie") else "their start and the watcher"
    assert f"units      1 in the policy; followed by {by}" in site.run("tidegate", "status")
    again = site.apply(AGENT, confirm=False)
    assert not again["changed"], again["files"]


def test_why_answers_for_a_unit(opened: Site) -> None:
    why = ("tidegate", "why", PEER, str(PORT), "--unit")
    assert "agent.service (root): allowed" in opened.run(*why, "agent.service")
    refused = opened.run(*why, "other.service", check=False)
    assert "other.service (root): rejected" in refused
    assert "nearest: open, for unit agent.service" in refused


def test_a_restart_loses_no_packet_and_a_stop_closes_at_once(opened: Site) -> None:
    for _time in range(3):
        opened.run("rm", "/run/tries/agent")
        opened.systemctl("restart", "agent")
        opened.wait("agent", "reached")
        assert opened.tries("agent").refused == 0
    opened.systemctl("stop", "agent")
    assert opened.ids(*AGENT) == []


def test_a_flush_loses_no_unit(opened: Site) -> None:
    opened.run("nft", "flush", "ruleset")
    wait_for(lambda: opened.ids(*AGENT) == ["system.slice/agent.service"], "the table with the unit")
    opened.wait("agent", "reached")
    opened.wait("other", "refused")


def test_what_others_remove_or_add_comes_right_again(opened: Site) -> None:
    opened.run("nft", "flush", "set", "inet", "tidegate", "units_agent.service")
    opened.run("nft", "add", "element", "inet", "tidegate", "units_agent.service", '{ "system.slice/other.service" }')
    wait_for(lambda: opened.ids(*AGENT) == ["system.slice/agent.service"], "the watcher")
    opened.wait("other", "refused")


def test_a_changed_list_of_units_loses_none_and_rolls_back(opened: Site) -> None:
    before = opened.tries("agent").refused
    both = ("agent.service", "other.service")
    opened.apply(both, confirm=False, seconds=600)
    opened.wait("other", "reached")
    opened.systemctl("restart", "other")
    opened.run("tidegate", "rollback")
    opened.wait("other", "refused")
    opened.wait("agent", "reached")
    assert opened.tries("agent").refused == before
    assert opened.ids(*AGENT) == ["system.slice/agent.service"]
    other = opened.machine.root / "etc/systemd/system/other.service.d"
    wait_for(lambda: not other.exists(), "the file beside the other unit to go")


def test_a_way_back_restores_no_cgroup_that_is_gone(opened: Site) -> None:
    opened.apply(("other.service",), confirm=False, seconds=600)
    opened.systemctl("restart", "agent")
    opened.run("tidegate", "rollback")
    # A cgroup that is gone would be listed as a number.
    assert opened.ids(*AGENT) == ["system.slice/agent.service"]
    opened.wait("agent", "reached")


def test_a_reboot_loses_no_unit(opened: Site) -> None:
    opened.machine.reboot()
    connect(opened)
    assert opened.ids(*AGENT) == []
    opened.systemctl("start", "agent", "other")
    opened.wait("agent", "reached")
    opened.wait("other", "refused")
    assert opened.tries("agent").refused == 0


def test_a_host_that_is_right_is_asked_whatever_units_do(opened: Site) -> None:
    opened.apply(AGENT, ("late.service",), digest="d")
    opened.machine.write("/root/ask.py", Path(unchanged.__file__).read_text() + "\nmain(json.loads(sys.argv[1]))\n")
    ask = ("python3", "/root/ask.py", '{"root": "", "digest": "d"}')
    answer = json.loads(opened.run(*ask))
    assert answer["unchanged"], answer
    assert answer["missing_units"] == ["late.service"]
    opened.systemctl("restart", "agent")
    answer = json.loads(opened.run(*ask))
    assert answer["unchanged"], answer
    opened.service("late")
    assert json.loads(opened.run(*ask))["differs"] == "units late.service"
    opened.run("rm", "/etc/systemd/system/late.service", "/etc/systemd/system/agent.service.d/90-tidegate.conf")
    assert json.loads(opened.run(*ask))["differs"].startswith("files /etc/systemd/system/agent.service.d")


def test_a_unit_that_does_not_exist_opens_nothing_and_is_reported(site: Site) -> None:
    late = ("late.service",)
    applied = site.apply(late)
    assert applied["missing_units"] == ["late.service"]
    assert "units      1 in the policy; not on this host: late.service; " in site.run("tidegate", "status")
    site.service("late")
    assert "units      1 in the policy; not running: late.service; " in site.run("tidegate", "status")
    site.systemctl("start", "late")
    site.wait("late", "reached")
    assert site.tries("late").refused == 0


def test_absent_removes_what_is_beside_units(opened: Site) -> None:
    (removed,) = opened.machine.module(
        {"phase": "apply", "tables": [{"family": "inet", "name": "tidegate", "state": "absent"}]}
    )
    assert removed["changed"]
    assert not list((opened.machine.root / "etc/systemd/system").glob("*/90-tidegate.conf"))
    assert not (opened.machine.root / "etc/systemd/system/agent.service.d").exists()
    opened.wait("agent", "reached")
    opened.wait("other", "reached")
