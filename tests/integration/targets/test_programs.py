# Copyright: (c) 2026, the tidegate developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Squid and dnsmasq themselves read what is rendered for them."""

from __future__ import annotations

import subprocess
from pathlib import Path
from typing import Any

import pytest

from ansible_collections.tidegate.nftables.plugins.plugin_utils.policy.sets import addresses
from ansible_collections.tidegate.nftables.plugins.plugin_utils.targets import host_contribution, registry, render_units
from ansible_collections.tidegate.nftables.tests.unit.plugins.plugin_utils.policy.support import build, entry
from ansible_collections.tidegate.nftables.tests.unit.plugins.plugin_utils.targets.test_names import FED, LISTS, NAME

ENTRIES: list[dict[str, Any]] = [
    entry(to=[NAME, "203.0.113.0/24", "2001:db8::/48"], services=["https", "tcp/9600-9610"]),
    entry(name="inside", to=["internal"], services=["http"], **{"except": ["10.9.0.0/16"]}),
]


def squid(directory: Path, text: str) -> subprocess.CompletedProcess[str]:
    """Squid's own opinion of a configuration; it writes nothing outside the directory."""
    (directory / "unit.conf").write_text(text, encoding="utf-8")
    main = directory / "squid.conf"
    main.write_text(
        f"include {directory}/unit.conf\nhttp_access deny all\nhttp_port 127.0.0.1:3128\n"
        f"pid_filename none\ncache_log {directory}/cache.log\naccess_log none\ncoredump_dir {directory}\n",
        encoding="utf-8",
    )
    return subprocess.run(["squid", "-k", "parse", "-f", main], capture_output=True, text=True, check=False)


def rendered(target: str, **changes: Any) -> str:
    variables = {"egress_approximate": {"dnsmasq": "wider"}}
    data = host_contribution.contribution(
        build(**changes), registry.target(target), variables, addresses.parse("10.1.2.0/30")
    )
    (built,) = render_units.render_units([data])
    return str(built.text)


@pytest.mark.parametrize("entries", [ENTRIES, []])
def test_squid_reads_the_file_without_a_complaint(tmp_path: Path, entries: list[Any]) -> None:
    done = squid(tmp_path, rendered("squid", egress_allow_app=entries, egress_never=[{"to": "cloud-metadata"}]))
    assert done.returncode == 0, done.stderr
    assert not [line for line in done.stderr.splitlines() if "WARNING" in line or "ERROR" in line or "FATAL" in line]


@pytest.mark.parametrize(
    ("good", "bad"),
    [("tidegate_app_1_to tidegate", "tidegate_app_9_to tidegate"), ("http_access deny", "http_acess deny")],
)
def test_squid_complains_about_a_damaged_file(tmp_path: Path, good: str, bad: str) -> None:
    text = rendered("squid", egress_allow_app=ENTRIES)
    assert good in text
    done = squid(tmp_path, text.replace(good, bad))
    assert done.returncode != 0 or "ERROR" in done.stderr


@pytest.mark.parametrize("entries", [[entry(to=["prefix_list:payments"])], []])
def test_dnsmasq_reads_the_file(tmp_path: Path, entries: list[Any]) -> None:
    file = tmp_path / "unit.conf"
    file.write_text(rendered("dnsmasq", inventory=FED, egress_allow_app=entries, **LISTS), encoding="utf-8")
    done = subprocess.run(["dnsmasq", "--test", f"--conf-file={file}"], capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr.strip()) == (0, "dnsmasq: syntax check OK.")
