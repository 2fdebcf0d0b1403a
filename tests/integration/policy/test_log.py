# Copyright: (c) 2026, the tidegate developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The log of rejected packets: ulogd2 writes what the ledger has, and its rate limits neither count nor verdict."""

from __future__ import annotations

import json
from collections import Counter
from pathlib import Path
from typing import Any

import pytest
from jsonschema import Draft202012Validator

from ansible_collections.tidegate.nftables.plugins.module_utils.guard.host import system_log
from ansible_collections.tidegate.nftables.plugins.module_utils.guard.sight import denied_ledger
from ansible_collections.tidegate.nftables.plugins.plugin_utils import policy
from ansible_collections.tidegate.nftables.plugins.plugin_utils.flows import groups, sources
from ansible_collections.tidegate.nftables.plugins.plugin_utils.flows.read import read
from ansible_collections.tidegate.nftables.plugins.plugin_utils.policy import Flow
from ansible_collections.tidegate.nftables.plugins.plugin_utils.records.recorder import COLUMNS, Recorder
from ansible_collections.tidegate.nftables.plugins.plugin_utils.targets.nftables.table import compile_table
from ansible_collections.tidegate.nftables.tests.support.paths import CHECKOUT
from ansible_collections.tidegate.nftables.tests.support.ulogd import logged, ulogd

from .conftest import BINARIES, HERE, UIDS, counters, load, send
from .test_packets import built

pytestmark = pytest.mark.usefixtures("network")
SCHEMA = json.loads((CHECKOUT / "docs" / "schema" / "flow-1.json").read_text())
FLOWS = [
    Flow("203.0.113.66", "tcp", 25, "www-data"),
    Flow("203.0.113.67", "udp", 4444, "payd"),
    Flow("2001:db8::66", "udp", 4444, "www-data"),
    Flow("203.0.113.68", 112, None, "root"),
]


def loaded(tmp_path: Path, binary: Path, **variables: Any) -> policy.ResolvedPolicy:
    resolved = built(**variables)
    load(compile_table(resolved), tmp_path, binary)
    return resolved


def records_of(file: Path, resolved: policy.ResolvedPolicy, directory: Path) -> list[dict[str, Any]]:
    read(sources.parse([{"ulogd": str(file)}], directory), directory / "scratch")
    own = [HERE[4], HERE[6]]
    return list(Recorder(resolved).of_logs(groups.of_host(resolved.host, own, directory / "scratch", COLUMNS)))


@pytest.mark.parametrize("mode", ["observe", "enforce"])
def test_ulogd_writes_what_the_ledger_has(mode: str, tmp_path: Path) -> None:
    resolved = loaded(tmp_path, BINARIES[1], egress_mode=mode, egress_log="nflog")
    with ulogd(tmp_path) as file:
        for flow in FLOWS:
            send(flow)
        lines = logged(file, len(FLOWS))
    decision = "would_reject" if mode == "observe" else "rejected"
    assert {line["oob.prefix"] for line in lines} == {f"tidegate: tier=app decision={decision} entry=none "}
    of_log = records_of(file, resolved, tmp_path)
    for record in of_log:
        Draft202012Validator(SCHEMA).validate(record)
    shown = {(each["destination"], each["protocol"], each["port"], each["uid"], each["decision"]) for each in of_log}
    ledger = denied_ledger.read().lines
    assert shown == {(line.address, line.protocol, line.port, line.uid, decision) for line in ledger}
    assert {uid for *_flow, uid, _decision in shown} == {UIDS[flow.user or ""] for flow in FLOWS}
    assert Counter({each["destination"]: each["packets"] for each in of_log}) == {
        line.address: line.packets for line in ledger
    }


@pytest.mark.parametrize("binary", BINARIES, ids=lambda path: path.parent.name)
@pytest.mark.parametrize("target", ["kernel", "nflog"])
def test_the_rate_limits_lines_and_nothing_else(target: str, binary: Path, tmp_path: Path) -> None:
    loaded(tmp_path, binary, egress_mode="enforce", egress_log=target, egress_log_rate="1/day")
    with ulogd(tmp_path) as file:
        for port in range(1, 51):
            send(Flow("203.0.113.66", "udp", port, "payd"))
        assert counters(binary)["denied"] == 50
        assert len(denied_ledger.read().lines) == 50
        if target == "nflog":
            assert {line["oob.uid"] for line in logged(file, 20)} == {UIDS["payd"]}
            assert len(logged(file, 20)) == 20


def test_a_container_does_not_see_the_kernels_log() -> None:
    (warning,) = system_log.kernel_log_warnings("kernel")
    assert "net.netfilter.nf_log_all_netns=1" in warning
    assert not system_log.kernel_log_warnings("nflog")
