# Copyright: (c) 2026, the tidegate developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A host whose names go through a proxy: what its table opens, what its files say, and that it is no second run."""

from __future__ import annotations

from .project import HostProject

NAMES = {
    "egress_names": "proxy",
    "egress_proxies": ["10.10.0.30"],
    "egress_proxy_for": ["login", "systemd", "apt", "dnf", "pip", "git"],
    "egress_allow_names": [{"name": "code", "to": ["*.code.example"], "services": ["https"]}],
}

OWN = (
    *("profile.d/tidegate-proxy.sh", "systemd/system.conf.d/tidegate-proxy.conf", "apt/apt.conf.d/90tidegate-proxy"),
    *("dnf/dnf.conf", "gitconfig"),
)
"""Files that are there for the proxy alone."""


def test_a_host_reaches_its_proxy_and_no_name_itself(project: HostProject) -> None:
    profile = project.root / "etc/profile.d/tidegate-proxy.sh"
    for folder in ("apt", "dnf", "systemd"):
        (project.root / "etc" / folder).mkdir(parents=True)
    pip = project.root / "etc/pip.conf"
    pip.write_text("[global]\ntimeout = 7\n", encoding="utf-8")
    project.cable()
    project.write("group_vars/app/names.yml", NAMES)
    first = project.play().ok()
    assert first.changed()
    assert "export https_proxy='http://10.10.0.30:3128'" in profile.read_text(encoding="utf-8")
    own = [project.root / "etc" / path for path in OWN]
    assert all("10.10.0.30" in path.read_text(encoding="utf-8") for path in (*own, pip))
    assert project.lets_out("10.10.0.30", 3128)
    assert not project.lets_out("10.10.0.31", 3128)
    assert "names_code" not in project.table()
    again = project.play()
    assert (again.changed(), again.module_runs) == (0, ["egress_apply"])

    # Somebody empties a file of ours: the next run sees it.
    profile.write_text("", encoding="utf-8")
    assert project.play().ok().changed()
    assert "10.10.0.30" in profile.read_text(encoding="utf-8")

    project.write("group_vars/app/names.yml", {**NAMES, "egress_mode": "absent"})
    project.play().ok()
    assert not [path for path in own if path.exists()]
    assert pip.read_text(encoding="utf-8") == "[global]\ntimeout = 7\n"
