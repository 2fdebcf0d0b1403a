# Copyright: (c) 2026, the tidegate developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Where units are in the tree: instances, slices, scopes and users' managers, each by its own entry."""

from __future__ import annotations

from ansible_collections.tidegate.nftables.tests.support.waiting import wait_for

from .conftest import Site

TEMPLATE, SLICE, SCOPE, USER = ("restic@.service",), ("batch.slice",), ("job.scope",), ("user@1000.service",)


def test_each_kind_of_unit_is_found_at_its_level(site: Site) -> None:
    applied = site.apply(TEMPLATE, SLICE, SCOPE, USER)
    assert applied["missing_units"] == ["batch.slice", "job.scope"]
    site.service("day", "Slice=batch.slice")
    site.service("night", "Slice=batch-night.slice")
    site.systemctl("start", "restic@home", "restic@etc", "day", "night", "other")
    for name in ("restic@home", "restic@etc", "day", "night"):
        site.wait(name, "reached")
    site.wait("other", "refused")
    assert site.ids(*SLICE) == ["batch.slice"]
    assert {path.rpartition("/")[2] for path in site.ids(*TEMPLATE)} == {"restic@home.service", "restic@etc.service"}
    site.systemctl("stop", "restic@home", "restic@etc", "day", "night")
    assert site.ids(*TEMPLATE) == []


def test_a_scope_and_the_manager_of_a_user_are_units(site: Site) -> None:
    # A scope is made around a process that runs already, so it may have to wait for the watcher.
    site.run("systemd-run", "--quiet", "--unit", "starter", "systemd-run", "--scope", "--unit", "job", "try", "job")
    site.wait("job", "reached")
    site.systemctl("start", "user@1000")
    site.run(
        "setpriv", "--reuid", "1000", "--regid", "1000", "--clear-groups", "env", "XDG_RUNTIME_DIR=/run/user/1000",
        "systemd-run", "--user", "--quiet", "--unit", "tool", "try", "tool",
    )  # fmt: skip
    site.wait("tool", "reached")
    assert site.ids(*USER) == ["user.slice/user-1000.slice/user@1000.service"]
    site.wait("other", "refused")


def test_an_alias_opens_nothing_and_is_reported(site: Site) -> None:
    site.run("ln", "-sf", "other.service", "/etc/systemd/system/alias.service")
    site.systemctl("daemon-reload")
    site.systemctl("stop", "other")
    site.run("rm", "-f", "/run/tries/other")
    applied = site.apply(("alias.service",))
    site.systemctl("start", "other")
    site.wait("other", "refused")
    assert site.tries("other").reached == 0
    assert applied["missing_units"] == ["alias.service"]
    assert not (site.machine.root / "etc/systemd/system/alias.service.d").exists()
    site.run("rm", "/etc/systemd/system/alias.service")


def test_a_unit_that_is_renamed_keeps_its_name_until_it_stops(site: Site) -> None:
    former = ("former.service",)
    site.service("former")
    site.apply(former)
    site.systemctl("start", "former")
    site.wait("former", "reached")
    site.run("mv", "/etc/systemd/system/former.service", "/etc/systemd/system/later.service")
    site.systemctl("daemon-reload")
    assert site.apply(former, confirm=False)["missing_units"] == ["former.service"]
    site.wait("former", "reached")
    # The file still writes to the tries of its former name.
    site.systemctl("stop", "former")
    wait_for(lambda: not site.ids(*former), "the watcher to remove what has stopped")
    site.systemctl("start", "later")
    site.wait("former", "refused")
    site.systemctl("stop", "later")
