# Copyright: (c) 2026, the tidegate developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A table that would cut the connection that applies it is refused before it is loaded, and says which address."""

from __future__ import annotations

import json
import subprocess
from typing import Any

import pytest

from ansible_collections.tidegate.nftables.plugins.module_utils.guard.host import ssh_session
from ansible_collections.tidegate.nftables.plugins.module_utils.guard.host.errors import GuardError
from ansible_collections.tidegate.nftables.plugins.module_utils.guard.run_module import ARGUMENTS, PHASES
from ansible_collections.tidegate.nftables.plugins.module_utils.guard.sight import login_needs, own_connection
from ansible_collections.tidegate.nftables.plugins.module_utils.nft.canonical.preview import objects
from ansible_collections.tidegate.nftables.plugins.module_utils.nft.command import Nft
from ansible_collections.tidegate.nftables.plugins.module_utils.nft.desired import parse
from ansible_collections.tidegate.nftables.plugins.module_utils.nft.state.run_directory import RunDirectory
from ansible_collections.tidegate.nftables.plugins.module_utils.preflight.host_files import HostFiles
from ansible_collections.tidegate.nftables.tests.golden.cases import ROOT, Case, cases

from .conftest import GuardedHost

OVER = "192.0.2.9 51234 192.0.2.1 22"
ELSEWHERE = "192.0.2.9 51234 192.0.2.1 2200"


def objects_of(host: GuardedHost, spec: dict[str, Any]) -> list[dict[str, Any]]:
    (desired,) = parse.tables([spec])
    return objects(Nft(str(host.nft)), desired, RunDirectory())


def error_of(table: list[dict[str, Any]], connection: str, *, tracked: bool = True) -> str:
    """What is message of a table; "" when it may be."""
    try:
        own_connection.need_open(table, connection, tracked=tracked)
    except GuardError as error:
        return f"{error.reason}: {error.message}"
    return ""


def error_for(host: GuardedHost, spec: dict[str, Any], connection: str, *, tracked: bool = True) -> str:
    return error_of(objects_of(host, spec), connection, tracked=tracked)


def without(spec: dict[str, Any], text: str) -> dict[str, Any]:
    """The spec without the rules that hold a text."""
    chains = [
        {**chain, "rules": [rule for rule in chain["rules"] if isinstance(rule, dict) or text not in rule]}
        for chain in spec["chains"]
    ]
    return {**spec, "chains": chains}


def test_no_policy_of_ours_cuts_it(host: GuardedHost) -> None:
    # Users of the golden cases that this machine lacks are no matter here.
    text = [(case, json.dumps(case.spec()).replace('"error"', '"skip"')) for case in cases()]
    present = [
        (case, spec) for case, spec in ((case, json.loads(spec)) for case, spec in text) if spec["state"] == "present"
    ]
    for case, spec in present:
        table = objects_of(host, spec)
        for connection in (OVER, "2001:db8::9 51234 2001:db8::1 22"):
            assert error_of(table, connection) == "", case
            # A host that never tracked connections takes the one that there is for a new one.
            unknown = error_of(table, connection, tracked=False)
            assert bool(unknown) == (case.folder.name == "floor-without"), case
    assert host.listing() == ""
    assert len(present) > 10


def test_a_table_that_drops_replies_is_refused_with_the_address(each_host: GuardedHost) -> None:
    message = error_for(
        each_host, without(without(Case(ROOT / "app-enforce").spec(), "established"), "tcp flags"), OVER
    )
    assert "egress_reject rejects replies to 192.0.2.9 from port 22" in message
    assert "The table was not changed." in message


def test_a_kernel_that_does_not_know_the_connection_needs_the_older_ones(each_host: GuardedHost) -> None:
    spec = without(Case(ROOT / "app-enforce").spec(), "tcp flags")
    assert error_for(each_host, spec, OVER) == ""
    message = error_for(each_host, spec, OVER, tracked=False)
    assert "what port 22 sends to 192.0.2.9" in message
    assert "keep older-connections in the floor" in message


OVER_IPV6 = "2001:db8::9 51234 2001:db8::1 22"


def test_a_path_that_ends_with_the_neighbour_cache_is_refused(each_host: GuardedHost) -> None:
    spec = without(Case(ROOT / "app-enforce").spec(), "icmpv6 type { 133")
    message = error_for(each_host, spec, OVER_IPV6)
    assert "rejects neighbour discovery, so 2001:db8::9 is out of reach when the cache ages" in message
    assert "Fix: remove neighbours from egress_floor_without." in message
    # Over IPv4 it is not the path; in mode observe nothing is rejected.
    assert error_for(each_host, spec, OVER) == ""
    assert error_for(each_host, without(Case(ROOT / "app-observe").spec(), "icmpv6 type { 133"), OVER_IPV6) == ""


def test_a_path_that_ends_with_the_lease_is_refused(each_host: GuardedHost) -> None:
    spec = without(Case(ROOT / "app-enforce").spec(), "udp dport 67")
    address = "ip address add 192.0.2.1/32 dev lo"
    subprocess.run(address, shell=True, check=True)
    assert error_for(each_host, spec, OVER) == ""
    subprocess.run(f"ip address flush dev lo; {address} valid_lft 600 preferred_lft 600", shell=True, check=True)
    message = error_for(each_host, spec, OVER)
    assert "rejects DHCP, so the host loses 192.0.2.1 when its lease ends" in message
    assert error_for(each_host, Case(ROOT / "app-enforce").spec(), OVER) == ""


def logins_refused(host: GuardedHost, spec: dict[str, Any], user: str) -> str:
    """What is said of a policy to who logs in as this user, by the files of the host."""
    table = objects_of(host, spec)
    try:
        needs = login_needs.of_user(HostFiles(host.paths.root), user)
        own_connection.need_open(table, OVER, logins=needs, tracked=True)
    except GuardError as error:
        return f"{error.reason}: {error.message}"
    return ""


def has_file(host: GuardedHost, path: str, text: str) -> None:
    host.paths.at(path).parent.mkdir(parents=True, exist_ok=True)
    host.paths.at(path).write_text(text)


@pytest.mark.parametrize("without_dns", [False, True])
def test_logins_that_need_dns_are_not_cut_off_from_it(each_host: GuardedHost, without_dns: bool) -> None:
    spec = Case(ROOT / "app-enforce").spec()
    server = next(item["elements"][0] for item in spec["sets"] if item["name"] == "floor_dns4")
    has_file(each_host, "/etc/resolv.conf", f"nameserver {'192.0.2.53' if without_dns else server}\n")
    assert logins_refused(each_host, spec, "ops") == ""
    has_file(each_host, "/etc/ssh/sshd_config", "UseDNS yes\n")
    reason = logins_refused(each_host, spec, "ops")
    if not without_dns:
        assert reason == ""
        return
    assert "rejects DNS (192.0.2.53 udp/53), and sshd asks for the names of its clients" in reason
    assert "(/etc/ssh/sshd_config:1)" in reason
    assert "Fix: let it through, or set UseDNS no." in reason
    assert logins_refused(each_host, Case(ROOT / "app-observe").spec(), "ops") == ""


def test_a_user_of_a_directory_is_not_cut_off_from_it(each_host: GuardedHost) -> None:
    spec = Case(ROOT / "app-enforce").spec()
    has_file(each_host, "/etc/passwd", "root:x:0:0::/root:/bin/sh\n")
    has_file(each_host, "/etc/nsswitch.conf", "passwd: files sss\n")
    has_file(each_host, "/etc/sssd/sssd.conf", "ldap_uri = ldaps://192.0.2.7\n")
    reason = logins_refused(each_host, spec, "ops")
    assert "would end logins after this run" in reason
    assert "rejects the directory (192.0.2.7 tcp/636), and user ops comes from there" in reason
    assert logins_refused(each_host, spec, "root") == ""


def test_an_inbound_policy_must_let_the_next_connection_in(each_host: GuardedHost) -> None:
    spec = Case(ROOT / "inbound").spec()
    assert error_for(each_host, spec, OVER) == ""
    message = error_for(each_host, spec, ELSEWHERE)
    assert "rejects new connections from 192.0.2.9 to port 2200" in message
    assert "set ansible_port: 2200" in message


def test_what_is_only_observed_of_what_leaves_lets_no_next_connection_in(each_host: GuardedHost) -> None:
    # As nft_denied.py writes it for `egress_observe: [internal]`, with this host and one client of two inside.
    spec = Case(ROOT / "inbound").spec()
    observed = [
        f"{hook} ip {end} 192.0.2.0/28 goto egress_observed"
        for hook, end in (("oif != 0", "daddr"), ("oif 0", "saddr"))
    ]
    chains = [
        {**chain, "rules": [*observed, *chain["rules"]]} if chain["name"] == "egress_denied" else chain
        for chain in spec["chains"]
    ]
    table = objects_of(each_host, {**spec, "chains": chains})

    assert error_of(table, ELSEWHERE) == ""
    message = error_of(table, ELSEWHERE.replace("192.0.2.9", "198.51.100.9"))
    assert "egress_enforced rejects new connections from 198.51.100.9 to port 2200" in message


@pytest.mark.parametrize("connection", ["", "nonsense", "127.0.0.1 5 127.0.0.1 2222"])
def test_without_a_connection_over_the_network_nothing_is_said(host: GuardedHost, connection: str) -> None:
    assert error_for(host, without(Case(ROOT / "inbound").spec(), "established"), connection) == ""


def test_the_module_refuses_it_in_check_mode_too(host: GuardedHost, monkeypatch: pytest.MonkeyPatch) -> None:
    subprocess.run("ip address add 192.0.2.1/32 dev lo", shell=True, check=True)
    monkeypatch.setattr(ssh_session, "connection", lambda: OVER)
    spec = {**without(without(Case(ROOT / "app-enforce").spec(), "established"), "tcp flags"), "max_removed": None}
    defaults = {name: option.get("default") for name, option in ARGUMENTS.items()}
    for check in (True, False):
        with pytest.raises(GuardError, match="would cut the SSH connection"):
            PHASES["apply"](host.paths, {**defaults, "tables": [spec], "keep_connection": True}, check)
        assert host.listing() == ""
        assert not host.paths.program.exists()
