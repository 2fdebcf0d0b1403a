# Copyright: (c) 2026, the tidegate developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The watcher's metrics of a real table: equal to ledger and counters, valid, cheap, of use to a real Prometheus."""

from __future__ import annotations

import contextlib
import json
import re
import socket
import subprocess
import threading
import time
import urllib.parse
import urllib.request
from collections.abc import Iterator
from functools import partial
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from typing import Any

import pytest

from ansible_collections.tidegate.nftables.plugins.module_utils.guard.program.watcher import Watcher
from ansible_collections.tidegate.nftables.plugins.module_utils.guard.saved.settings import Settings
from ansible_collections.tidegate.nftables.plugins.module_utils.guard.sight import denied_ledger
from ansible_collections.tidegate.nftables.plugins.module_utils.netlink.ruleset import table_counters
from ansible_collections.tidegate.nftables.plugins.module_utils.proxy import health
from ansible_collections.tidegate.nftables.tests.support.paths import CHECKOUT
from ansible_collections.tidegate.nftables.tests.support.waiting import end, wait_for
from ansible_collections.tidegate.nftables.tests.unit.plugins.module_utils.proxy.test_access_log import line

from .conftest import GuardedHost
from .golden_tables import golden

FOLDER = "/var/lib/node-exporter"
PROGRAMS = CHECKOUT / "build" / "prometheus" / "2.42.0"
VALUES = Settings(metrics_dir=FOLDER, tier="app", internal=("10.0.0.0/8",), expires=(int(time.time()) + 86400,))


@pytest.fixture
def measured(host: GuardedHost) -> GuardedHost:
    """A host that enforces and writes metrics, with an interface into nowhere."""
    host.paths.at(FOLDER).mkdir(parents=True)
    for command in (
        "link set lo up",
        "link add tgout type veth peer name tgnowhere",
        "link set tgout arp off up",
        "link set tgnowhere up",
        "address add 198.18.0.1/24 dev tgout",
        "route add default dev tgout",
    ):
        subprocess.run(["ip", *command.split()], check=True)
    host.apply(golden("app-enforce"), settings=VALUES, confirm=False)
    return host


def send(*destinations: tuple[str, int]) -> None:
    for destination in destinations:
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sender, contextlib.suppress(OSError):
            sender.sendto(b"x", destination)


def written(host: GuardedHost) -> str:
    return (host.paths.at(FOLDER) / "tidegate.prom").read_text()


def samples(host: GuardedHost, name: str) -> dict[str, float]:
    """Return the samples of a metric by their labels."""
    series = re.findall(rf"^{name}(?:\{{(.*)\}})? (\S+)$", written(host), re.MULTILINE)
    return {labels: float(value) for labels, value in series}


def need_valid(host: GuardedHost) -> None:
    checked = subprocess.run(
        [str(PROGRAMS / "promtool"), "check", "metrics"],
        input=written(host),
        text=True,
        capture_output=True,
        check=False,
    )
    assert checked.returncode == 0, checked.stdout + checked.stderr


def refused(host: GuardedHost, name: str) -> dict[str, float]:
    """Return the samples of a metric of refusals that are not 0, by class."""
    shown = samples(host, f"tidegate_refused_{name}_total")
    return {re.findall('class="(.*?)"', labels)[0]: value for labels, value in shown.items() if value}


def test_metrics_are_what_ledger_and_counters_say(measured: GuardedHost) -> None:
    watcher = Watcher(measured)
    send(("203.0.113.9", 99), ("203.0.113.9", 99), ("10.1.2.3", 99), ("169.254.169.254", 99), ("8.8.8.8", 53))
    watcher.copy_ledger()
    assert refused(measured, "packets") == {"internet": 2, "internal": 1, "metadata": 1, "dns": 1}
    assert refused(measured, "flows") == {"internet": 1, "internal": 1, "metadata": 1, "dns": 1}
    packets = sum(line.packets for line in denied_ledger.read().lines)
    assert sum(refused(measured, "packets").values()) == packets == table_counters("inet", "tidegate")["denied"][0]
    assert samples(measured, "tidegate_table_packets_total")['counter="denied"'] == 5
    assert samples(measured, "tidegate_ledger_entries")['mode="enforce"'] == 4
    assert samples(measured, "tidegate_entries_expiring") == {'days="7"': 1}
    assert samples(measured, "tidegate_drift") == {"": 0}
    assert samples(measured, "tidegate_events_total")['event="saved"'] == 1
    assert 'entry="payments-api"' in samples(measured, "tidegate_allowed_packets_total")
    need_valid(measured)


def test_names_have_metrics_where_a_resolver_fills_them(measured: GuardedHost) -> None:
    Watcher(measured).copy_ledger()
    assert not samples(measured, "tidegate_names_answers_total")
    measured.paths.resolver_document.parent.mkdir(parents=True, exist_ok=True)
    measured.paths.resolver_document.write_text("{}")
    measured.paths.resolver_record.parent.mkdir(parents=True)
    measured.paths.resolver_record.write_text('{"alive": 1795173600, "written": 7, "problems": 2}')
    measured.load(
        "add set inet tidegate names_api4 { type ipv4_addr; flags timeout; size 64; }\n"
        "add set inet tidegate names_api.within4 { type ipv4_addr; }\n"
        "add element inet tidegate names_api4 { 203.0.113.1 timeout 1h, 203.0.113.2 timeout 1h }\n"
    )
    Watcher(measured).copy_ledger()
    assert samples(measured, "tidegate_collector_success") == {"": 1}
    assert samples(measured, "tidegate_names_answers_total") == {
        'outcome="written"': 7,
        'outcome="refused"': 0,
        'outcome="failed"': 2,
        'outcome="unresolved"': 0,
    }
    assert samples(measured, "tidegate_names_alive_timestamp_seconds") == {"": 1795173600}
    labels = 'entry="api",family="ipv4"'
    assert samples(measured, "tidegate_names_set_elements") == {labels: 2}
    assert samples(measured, "tidegate_names_set_capacity") == {labels: 64}
    need_valid(measured)


def test_a_proxy_has_metrics(measured: GuardedHost) -> None:
    Watcher(measured).copy_ledger()
    assert not samples(measured, "tidegate_proxy_up")
    log = measured.paths.at(health.LOG)
    log.parent.mkdir(parents=True)
    log.write_text(line(time=time.time()) * 2 + line("allowed"))
    measured.paths.at(health.FOLDER).mkdir(parents=True)
    with socket.create_server(("127.0.0.1", 0)) as listening:
        health.record(measured.paths.at, listening.getsockname()[1], [])
        Watcher(measured).copy_ledger()
        assert samples(measured, "tidegate_proxy_up") == {"": 1}
    need_valid(measured)
    # Another watcher goes on where the last one ended.
    with log.open("a") as writer:
        writer.write(line("would_reject"))
    Watcher(measured).copy_ledger()
    assert samples(measured, "tidegate_proxy_up") == {"": 0}
    assert samples(measured, "tidegate_proxy_requests_total") == {
        'decision="allowed"': 1,
        'decision="would_reject"': 1,
        'decision="rejected"': 2,
    }


def test_counters_never_go_back(measured: GuardedHost) -> None:
    send(("203.0.113.9", 99))
    Watcher(measured).copy_ledger()
    measured.load("flush set inet tidegate denied4\n")
    send(("203.0.113.9", 98))
    # Another watcher, as after a reboot.
    Watcher(measured).copy_ledger()
    assert refused(measured, "packets") == {"internet": 2}
    assert refused(measured, "flows") == {"internet": 2}
    measured.load("flush ruleset\n")
    watcher = Watcher(measured)
    watcher.copy_ledger()
    assert refused(measured, "packets") == {"internet": 2}
    assert samples(measured, "tidegate_table_loaded") == {"": 0}


def test_a_full_disk_or_a_missing_folder_stops_nothing(measured: GuardedHost) -> None:
    measured.paths.at(FOLDER).rmdir()
    send(("203.0.113.9", 99))
    Watcher(measured).copy_ledger()
    assert measured.paths.ledger.exists()
    assert not measured.paths.at(FOLDER).exists()


def test_a_minute_costs_less_than_fifty_milliseconds(measured: GuardedHost) -> None:
    send(*((f"203.0.113.{number}", port) for number in range(1, 50) for port in (98, 99)))
    watcher = Watcher(measured)
    watcher.copy_ledger()
    # The least of several: what else the machine does makes the others longer.
    for _look in range(30):
        watcher.next_look, now = 0.0, time.monotonic()
        began = time.process_time()
        watcher.copy_ledger()
        cost = time.process_time() - began
        # A look that costs more is made less often.
        assert watcher.next_look - now > 1200 * cost - 1
        if cost < 0.05:
            break
    assert cost < 0.05


class _Exporter(BaseHTTPRequestHandler):
    file: Path

    def do_GET(self) -> None:
        self.send_response(200)
        self.end_headers()
        self.wfile.write(self.file.read_bytes())

    def log_message(self, *_words: Any) -> None:
        pass


@pytest.fixture
def prometheus(measured: GuardedHost, tmp_path: Path) -> Iterator[str]:
    """A real Prometheus that reads the metrics of the host; its address."""
    handler = type("Exporter", (_Exporter,), {"file": measured.paths.at(FOLDER) / "tidegate.prom"})
    server = HTTPServer(("127.0.0.1", 19100), handler)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    config = tmp_path / "prometheus.yml"
    scrape = {"job_name": "tidegate", "static_configs": [{"targets": ["127.0.0.1:19100"]}]}
    rules = [str(CHECKOUT / "docs" / "monitoring" / "alerts.yml")]
    config.write_text(
        json.dumps({"global": {"scrape_interval": "1s"}, "rule_files": rules, "scrape_configs": [scrape]})
    )
    command = [
        str(PROGRAMS / "prometheus"),
        f"--config.file={config}",
        f"--storage.tsdb.path={tmp_path / 'data'}",
        "--web.listen-address=127.0.0.1:19090",
        "--log.level=error",
    ]
    with subprocess.Popen(command) as process:
        try:
            yield "http://127.0.0.1:19090"
        finally:
            end(process)
            server.shutdown()
            thread.join()
            server.server_close()


def query(address: str, expression: str) -> list[Any]:
    with contextlib.suppress(OSError):
        url = f"{address}/api/v1/query?{urllib.parse.urlencode({'query': expression})}"
        with urllib.request.urlopen(url, timeout=10) as answer:
            return list(json.load(answer)["data"]["result"])
    return []


def test_every_query_of_the_dashboard_has_an_answer(measured: GuardedHost, prometheus: str) -> None:
    watcher = Watcher(measured)
    send(("203.0.113.9", 99))
    watcher.copy_ledger()
    wait_for(lambda: query(prometheus, "tidegate_table_loaded == 1"), "the first samples")
    send(("203.0.113.9", 97))
    watcher.next_look = 0.0
    watcher.copy_ledger()
    wait_for(lambda: query(prometheus, "rate(tidegate_refused_packets_total[1m]) > 0"), "a rate")
    dashboard = json.loads((CHECKOUT / "docs" / "monitoring" / "dashboard.json").read_text())
    queries = [target["expr"] for panel in dashboard["panels"] for target in panel["targets"]]
    assert len(queries) > 10
    for expression in queries:
        filled = expression.replace("$__rate_interval", "1m").replace("$instance", ".*")
        # A scrape that a busy machine does not answer within its second ends every series until the next one.
        wait_for(partial(query, prometheus, filled), filled)
    firing = query(prometheus, 'ALERTS{alertname="EgressTableMissing"}')
    assert not firing
    ids = [panel["id"] for panel in dashboard["panels"]]
    assert len(set(ids)) == len(ids)


def test_the_alert_rules_pass_their_own_tests() -> None:
    for words in (["check", "rules", "alerts.yml"], ["test", "rules", "alerts_test.yml", "alerts_long_test.yml"]):
        done = subprocess.run(
            [str(PROGRAMS / "promtool"), *words],
            cwd=CHECKOUT / "docs" / "monitoring",
            text=True,
            capture_output=True,
            check=False,
        )
        assert done.returncode == 0, done.stdout + done.stderr
    rules = (CHECKOUT / "docs" / "monitoring" / "alerts.yml").read_text()
    tests = "".join(path.read_text() for path in (CHECKOUT / "docs" / "monitoring").glob("*_test.yml"))
    names = re.findall(r"alert: (\w+)", rules)
    assert all(re.search(rf"alertname: {name}\n +exp_alerts:\n", tests) for name in names)
