# Copyright: (c) 2026, the tidegate developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""`egress_ntp_servers: [pool]`: the time daemon reaches any time server, and nobody else anything more."""

from __future__ import annotations

from typing import Any

import pytest

from ansible_collections.tidegate.nftables.plugins.plugin_utils.targets.nftables.table import compile_table
from ansible_collections.tidegate.nftables.tests.unit.plugins.plugin_utils.policy.support import (
    allowed,
    build,
    entry,
    errors,
)

POOL: dict[str, Any] = {"egress_tier": "database", "egress_ntp_servers": ["10.10.0.20", "pool"]}


@pytest.mark.parametrize("servers", ["pool", ["pool"], ["10.10.0.20", "pool"]])
@pytest.mark.parametrize("daemon", ["_chrony", "chrony", "systemd-timesync", "ntp", "ntpsec"])
def test_the_time_daemon_reaches_any_server(servers: Any, daemon: str) -> None:
    resolved = build(**{**POOL, "egress_ntp_servers": servers})
    for address in ("1.1.1.1", "2606:4700::1"):
        assert allowed(resolved, address, "udp/123", daemon)
        assert not allowed(resolved, address, "udp/53", daemon)
        assert not allowed(resolved, address, "tcp/123", daemon)
        assert not allowed(resolved, address, "udp/123", "root")
        assert not allowed(resolved, address, "udp/123", "www-data")
        assert not allowed(resolved, address, "udp/123")
    assert not allowed(resolved, "10.1.1.1", "udp/123", daemon)


def test_named_servers_beside_it_are_for_everybody() -> None:
    assert allowed(build(**POOL), "10.10.0.20", "udp/123", "www-data")


def test_what_is_never_reached_is_not_reached_for_the_time_either() -> None:
    assert not allowed(build(**POOL, egress_never=[{"to": "1.0.0.0/8"}]), "1.1.1.1", "udp/123", "_chrony")


def test_without_the_part_of_the_floor_there_is_no_pool() -> None:
    assert not allowed(build(**POOL, egress_floor_without=["ntp"]), "1.1.1.1", "udp/123", "_chrony")


def test_a_host_has_one_time_daemon_and_need_not_have_the_others() -> None:
    spec = compile_table(build(**POOL, egress_missing_users="error"))
    (chain,) = (chain for chain in spec["chains"] if chain["name"] == "egress_allow")
    assert [rule["missing_users"] for rule in chain["rules"]] == ["skip", "skip"]
    assert "root" not in chain["rules"][0]["users"]


def test_tests_see_it() -> None:
    def messages(**test: Any) -> list[str]:
        return errors(**POOL, egress_tests_db=[{"name": "t", "services": ["ntp"], **test}])

    assert messages(not_reach="internet", user="www-data") == []
    assert messages(reach="internet", user="_chrony") == []
    assert "reaches 1.0.0.0 with udp/123 by the entry ntp-pool" in messages(not_reach="internet")[0]
    assert "not everybody reaches 1.0.0.0" in messages(reach="internet")[0]


def test_its_name_is_taken() -> None:
    (sentence,) = errors(**POOL, egress_allow_db=[entry(name="ntp-pool", to=["10.1.1.1"])])
    assert "another entry is called ntp-pool, too (egress_ntp_servers)" in sentence


def test_only_time_servers_are_called_so() -> None:
    assert '"pool" works only in egress_ntp_servers' in errors(egress_dns_servers="pool")[0]
