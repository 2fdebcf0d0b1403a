# Copyright: (c) 2026, the tidegate developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""An application's rejected packets have the same counts wherever they are shown, until a suggestion lets them pass."""

from __future__ import annotations

import json
import pwd
import re
import shutil
import socket
import subprocess
from collections import Counter
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from ansible_collections.tidegate.nftables.plugins.module_utils.guard.host.paths import Paths
from ansible_collections.tidegate.nftables.tests.integration.adopt.test_playbooks import named
from ansible_collections.tidegate.nftables.tests.integration.adopt.test_rollout import write
from ansible_collections.tidegate.nftables.tests.integration.adopt.test_suggest import DAY, drafted, suggest
from ansible_collections.tidegate.nftables.tests.integration.role.project import HostProject
from ansible_collections.tidegate.nftables.tests.support.ulogd import logged, ulogd
from ansible_collections.tidegate.nftables.tests.support.waiting import end, wait_for

PORT, USER = 9999, "www-data"
SENT = {"198.51.100.9": 3, "2001:db8:66::9": 5}
"""Packets by destination."""
METRICS = "/var/lib/node-exporter"
# What leaves the interface, counted at the other end of the cable.
ARRIVALS = """table netdev arrivals {
    counter at4 { }
    counter at6 { }
    chain arrived {
        type filter hook ingress device "lost" priority 0
        ip daddr 198.51.100.9 udp dport { 9998, 9999 } counter name at4
        ip6 daddr 2001:db8:66::9 udp dport { 9998, 9999 } counter name at6
    }
}
"""
# A socket of its own for each packet, so that each is the first of a connection.
SENDER = """
import contextlib, json, socket, sys
for address, number in json.loads(sys.argv[2]).items():
    for _time in range(number):
        kind = socket.AF_INET6 if ":" in address else socket.AF_INET
        with socket.socket(kind, socket.SOCK_DGRAM) as one, contextlib.suppress(PermissionError):
            one.sendto(b"x", (address, int(sys.argv[1])))
"""


def send(project: HostProject, port: int = PORT, user: str = USER) -> None:
    """Send SENT as a user."""
    account = pwd.getpwnam(user)
    words = ("setpriv", f"--reuid={account.pw_uid}", f"--regid={account.pw_gid}", "--clear-groups")
    python = str(shutil.which("python3", path="/usr/bin:/bin"))
    project.namespace.run(*words, python, "-c", SENDER, str(port), json.dumps(SENT))


def arrived(project: HostProject) -> dict[str, int]:
    """Return how many packets left for each destination so far."""
    listing = json.loads(project.nft("-j", "list", "counters", "netdev"))["nftables"]
    counters = {item["counter"]["name"]: item["counter"]["packets"] for item in listing if "counter" in item}
    return dict(zip(SENT, (counters["at4"], counters["at6"]), strict=True))


@contextmanager
def journald(project: HostProject) -> Iterator[socket.socket]:
    """Be the journald of the host."""
    path = Paths(str(project.root)).journald
    path.parent.mkdir(parents=True)
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as bound:
        bound.bind(str(path))
        bound.settimeout(0)
        yield bound


def entries(bound: socket.socket) -> list[dict[str, str]]:
    """Return the entries about rejected destinations that came until now."""
    read = []
    try:
        while True:
            lines = bound.recv(1 << 16).decode().splitlines()
            read.append(dict(line.split("=", 1) for line in lines))
    except BlockingIOError:
        return [entry for entry in read if entry["TIDEGATE_EVENT"] == "denied"]


def exported(project: HostProject) -> str:
    """Have the watcher of the host look once; return its metrics."""
    file = project.root / METRICS[1:] / "tidegate.prom"
    file.unlink(missing_ok=True)
    program = str(project.root / "usr/local/bin/tidegate")
    with subprocess.Popen([*project.namespace.enter, program, "watch"]) as watcher:
        wait_for(file.exists, "the metrics", process=watcher)
        end(watcher)
    return file.read_text()


def cells(page: str, destination: str, column: str) -> list[int]:
    """Return a column of the rows of the report that begin with a destination."""
    rows = [row for row in page.split("<tr ") if f"<code>{destination}</code>" in row]
    texts = [re.findall(rf'data-label="{column}"[^>]*>([\d,]+)<', row) for row in rows]
    return [int(text.replace(",", "")) for found in texts for text in found]


@pytest.fixture(params=["observe", "enforce"])
def watched(request: pytest.FixtureRequest, connected: HostProject) -> HostProject:
    """A host in each mode that logs to a group and writes metrics, whose packets are counted behind its interface."""
    (connected.root / METRICS[1:]).mkdir(parents=True)
    write(connected, egress_mode=request.param, egress_log="nflog", egress_metrics_dir=METRICS)
    connected.play().ok()
    # Nobody answers ARP at the other end.
    connected.namespace.ip("link set out arp off")
    connected.namespace.run("nft", "-f", "-", text=ARRIVALS)
    return connected


def test_counts_agree_everywhere_and_the_suggestion_lets_them_pass(watched: HostProject, tmp_path: Path) -> None:
    mode = "observe" if "egress_mode: observe" in watched.read("group_vars/all/egress.yml") else "enforce"
    decision, words = {"observe": ("would_reject", "would reject"), "enforce": ("rejected", "rejected")}[mode]
    passed: Mapping[str, int] = SENT if mode == "observe" else dict.fromkeys(SENT, 0)
    (tmp_path / "log").mkdir()
    with ulogd(tmp_path / "log", watched.namespace.enter) as log, journald(watched) as bound:
        send(watched)
        lines = logged(log, sum(SENT.values()))
        # What the sender has sent may still be on the cable.
        wait_for(lambda: arrived(watched) == passed, "the packets that pass", instead=lambda: arrived(watched))
        metrics = exported(watched)
        announced = entries(bound)

    reported = named(watched, "tidegate.nftables.report", "-e", "egress_report_dir=out").ok()
    records = {each["destination"]: each for each in json.loads(watched.read("out/hosts/app1.json"))["records"]}
    assert {to: each["packets"] for to, each in records.items()} == SENT, "ledger"
    assert {(each["user"], each["port"], each["decision"]) for each in records.values()} == {(USER, PORT, decision)}
    assert Counter(line["dest_ip"] for line in lines) == SENT, "the log of ulogd2"
    assert {each["TIDEGATE_DESTINATION"]: int(each["TIDEGATE_PACKETS"]) for each in announced} == SENT, "the journal"
    assert {(each["TIDEGATE_USER"], each["TIDEGATE_DECISION"]) for each in announced} == {(USER, decision)}
    labels = rf'\{{tier="app",mode="{mode}",class="internet",family="(ipv.)"\}}'
    counted = re.findall(rf"^tidegate_refused_packets_total{labels} (\d+)$", metrics, re.MULTILINE)
    assert counted == [("ipv4", "3"), ("ipv6", "5")], metrics

    assert "1 host, 2 flows not allowed" in reported.output
    page = watched.read("out/report.html")
    assert {to: cells(page, to, "Packets") for to in SENT} == {to: [packets] for to, packets in SENT.items()}
    reviewed = named(watched, "tidegate.nftables.review", "-e", "egress_review_fail=false").ok()
    assert f"app: {USER}: {words}: 2 flows, 8 packets" in reviewed.output
    suggest(watched, "egress_suggest_dir=out").ok()
    (tier,) = json.loads(watched.read("out/suggest.json"))["tiers"]
    assert {each["to"]: each["packets"] for each in tier["waiting"]} == SENT
    shown = watched.tidegate("denied", "--user", USER)
    assert re.findall(r"^ +(\d+) ", shown, re.MULTILINE) == ["5", "3"], shown

    # The same on two days is evidence; approved, it passes, and nothing else does.
    accept(watched, list(records.values()))
    before, packets = arrived(watched), denied(watched)
    send(watched)
    both = {to: number + SENT[to] for to, number in before.items()}
    wait_for(lambda: arrived(watched) == both, "the packets that an entry lets pass", instead=lambda: arrived(watched))
    assert denied(watched) == packets
    send(watched, PORT - 1)
    send(watched, PORT, "nobody")
    assert denied(watched) == packets + 2 * sum(SENT.values())


def denied(project: HostProject) -> int:
    """Return how many packets were rejected, or would have been."""
    listing = json.loads(project.nft("-j", "list", "counters", "table", "inet", "tidegate"))["nftables"]
    counters = {item["counter"]["name"]: item["counter"]["packets"] for item in listing if "counter" in item}
    return int(counters["denied"] + counters["would_deny"])


def accept(project: HostProject, records: list[dict[str, Any]]) -> None:
    """Suggest from the records as if they had been on two days, say why, and apply it."""
    project.write("records.json", json.dumps([{**each, "first": each["first"] - DAY} for each in records]))
    done = suggest(project, "egress_suggest_dir=group_vars/app", "egress_suggest_from=records.json").ok()
    assert "proven" not in done.output
    allowed = drafted(project, "group_vars/app")["egress_allow_app_suggested"]
    assert {to for entry in allowed for to in entry["to"]} == set(SENT)
    text = project.read("group_vars/app/egress_allow_app_suggested.yml")
    project.write("group_vars/app/egress_allow_app_suggested.yml", text.replace("reason: ''", "reason: heartbeat"))
    (project.path / "group_vars/app/suggest.json").unlink()
    project.play().ok()
