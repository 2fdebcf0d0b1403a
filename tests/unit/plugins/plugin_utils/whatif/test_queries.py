# Copyright: (c) 2026, the tidegate developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The queries for logs that stay where they are, run: they leave exactly what has to be judged."""

from __future__ import annotations

import dataclasses
import ipaddress
import re
from pathlib import Path
from typing import Any

import pytest
import sqlglot

from ansible_collections.tidegate.nftables.plugins.plugin_utils.flows import database
from ansible_collections.tidegate.nftables.plugins.plugin_utils.whatif import athena, insights, queries
from ansible_collections.tidegate.nftables.plugins.plugin_utils.whatif.certain import conditions
from ansible_collections.tidegate.nftables.plugins.plugin_utils.whatif.judge import ALLOWED, Judge
from ansible_collections.tidegate.nftables.tests.unit.plugins.plugin_utils.flows.reading import flows
from ansible_collections.tidegate.nftables.tests.unit.plugins.plugin_utils.policy.support import build, entry
from ansible_collections.tidegate.nftables.tests.unit.plugins.plugin_utils.prove.policies import app

POLICY = app(
    egress_never=[{"to": ["203.0.113.66"], "services": "any"}],
    egress_allow_more=[
        {
            "name": "anything",
            "to": ["198.51.100.0/25", "2001:db8:5::/48"],
            "services": ["tcp/9000-9099", "udp/4500", "icmp"],
        },
        {"name": "all-of-it", "to": ["198.51.100.200", "203.0.113.66"], "services": ["https", "proto/112"]},
    ],
)

HOSTS = ["10.0.0.5", "fd12:3456:789a::5"]
DESTINATIONS = [
    "203.0.113.5", "203.0.113.66", "198.51.100.7", "198.51.100.127", "198.51.100.128", "198.51.100.200", "10.1.2.3",
    "10.0.0.53", "10.200.0.1", "192.0.2.1", "2001:db8:5::1", "2001:db8:6::1", "fd12:3456:789a::53",
]  # fmt: skip
PORTS = [(6, 22), (6, 9099), (6, 9100), (6, 443), (17, 53), (17, 4500), (6, 8005), (1, 0), (58, 0), (112, 0)]
TABLE = [
    "interface_id",
    "srcaddr",
    "dstaddr",
    "srcport",
    "dstport",
    "protocol",
    "packets",
    "bytes",
    "start",
    "end",
    "action",
    "log_status",
]


def records() -> list[tuple[Any, ...]]:
    rows: list[tuple[Any, ...]] = []
    for destination in DESTINATIONS:
        for protocol, port in PORTS:
            if (":" in destination and protocol == 1) or (":" not in destination and protocol == 58):
                continue
            source = HOSTS[":" in destination]
            rows.append((source, destination, 40000, port, protocol, 2, 100, 5, 9, "ACCEPT", "OK"))
    rows.append(("10.0.0.99", "192.0.2.1", 40000, 443, 6, 2, 100, 5, 9, "ACCEPT", "OK"))
    # Replies, the second to a client of a load balancer.
    rows.append((HOSTS[0], "192.0.2.1", 8443, 40000, 6, 2, 100, 5, 9, "ACCEPT", "OK"))
    rows.append((HOSTS[0], "192.0.2.1", 443, 2500, 6, 2, 100, 5, 9, "ACCEPT", "OK"))
    rows.append((HOSTS[0], "192.0.2.1", 40000, 443, 6, 2, 100, 5, 9, "REJECT", "OK"))
    rows.append((None, None, None, None, None, None, None, 5, 9, None, "NODATA"))
    # Inside a VPC a flow is recorded at the sender's interface and at the receiver's.
    return [(interface, *row) for row in rows for interface in ("eni-a", "eni-b")]


def contains(network: str, address: str) -> bool:
    return ipaddress.ip_address(address) in ipaddress.ip_network(network)


@pytest.fixture
def table(tmp_path: Path) -> Any:
    connection = database.connect(tmp_path)
    kinds = dict.fromkeys(("interface_id", "srcaddr", "dstaddr", "action", "log_status"), "VARCHAR")
    columns = ", ".join(f'"{name}" {kinds.get(name, "BIGINT")}' for name in TABLE)
    connection.execute(f"CREATE TABLE logs ({columns})")
    connection.executemany(f"INSERT INTO logs VALUES ({', '.join('?' * len(TABLE))})", records())
    connection.create_function("within", contains, ["VARCHAR", "VARCHAR"], "BOOLEAN")
    yield connection
    connection.close()


def run_athena(connection: Any, text: str) -> list[tuple[Any, ...]]:
    """Run a query for Athena: parsed as Trino's, written as DuckDB's, with the two functions that it has not."""
    tree = sqlglot.parse_one(text, read="trino")
    made = tree.sql(dialect="duckdb").replace("AS IPADDRESS", "AS VARCHAR").replace("AS INET", "AS VARCHAR")
    member = r"ANY_MATCH\((\[[^]]*\]), LAMBDA network : ARRAY_CONTAINS\(network, ip\)\)"
    made = re.sub(member, r"len(list_filter(\1, lambda n : within(n, ip))) > 0", made)
    made = re.sub(r"ARRAY_CONTAINS\(('[^']*'), ip\)", r"within(\1, ip)", made)
    return connection.execute(made).fetchall()  # type: ignore[no-any-return]


def run_insights(connection: Any, text: str) -> set[tuple[Any, ...]]:
    """Run the filters of a query for Insights: its conditions are written almost as SQL's."""
    filters = [line.removeprefix("| filter ") for line in text.splitlines() if line.startswith("| filter ")]
    where = " AND ".join(f"({condition})" for condition in filters)
    for name, column in {
        "logStatus": "log_status",
        "srcAddr": "srcaddr",
        "dstPort": "dstport",
        "srcPort": "srcport",
    }.items():
        where = re.sub(rf"\b{name}\b", column, where)
    where = re.sub(r"isIpv[46]InSubnet\(destination, (\"[^\"]*\")\)", r"within(\1, dstaddr)", where)
    where = re.sub(r"in \[([^]]*)\]", r"in (\1)", where).replace('"', "'")
    return set(connection.execute(f"SELECT srcaddr, dstaddr, protocol, dstport FROM logs WHERE {where}").fetchall())


def judged() -> set[tuple[Any, ...]]:
    """What the hosts' own accepted flows leave to be judged: all but those that anybody may open."""
    judge = Judge(POLICY)
    left = set()
    for _interface, source, destination, srcport, dstport, protocol, *_rest, action, _status in records():
        port = {1: 8, 58: 128}.get(protocol, dstport)
        if source in HOSTS and action == "ACCEPT" and srcport == 40000:
            judgement = judge(destination, protocol, port, None)
            if judgement.outcome != ALLOWED:
                left.add((source, destination, protocol, dstport))
    return left


def test_athena_answers_with_what_is_left_to_be_judged(table: Any) -> None:
    answer = run_athena(table, athena.rejected("logs", HOSTS, conditions(POLICY)))
    left = {
        (source, destination, protocol, 0 if protocol in (1, 58) else port)
        for source, destination, protocol, port, *_sums in answer
    }
    assert left == judged()
    assert len(left) > 20, "the records prove nothing"
    assert {row[4:] for row in answer} == {(1, 2, 100, 5, 9)}


def test_insights_answers_with_the_same(table: Any) -> None:
    assert run_insights(table, insights.rejected(HOSTS, conditions(POLICY))) == judged()


def test_the_classic_query_leaves_internal_addresses_out(table: Any) -> None:
    answer = run_athena(table, athena.top_external("logs"))
    assert {row[0] for row in answer} == {address for address in DESTINATIONS if not address.startswith("10.")}


def test_a_policy_that_allows_nothing_leaves_everything(table: Any) -> None:
    nothing = dataclasses.replace(POLICY, entries=(), floor=())
    assert len(run_athena(table, athena.rejected("logs", HOSTS, conditions(nothing)))) > len(judged())


def test_what_is_open_to_some_sockets_stays_in_the_answer() -> None:
    for whose in ({"users": ["payd"]}, {"units": ["agent.service"]}):
        resolved = build(
            egress_internal_services=[],
            egress_allow_app=[entry(name="one", **whose), entry(name="two", to=["192.0.2.1"])],
        )
        assert [line.v4 for line in conditions(resolved)] == [("192.0.2.1/32",)]


def test_hosts_of_one_policy_share_a_query_and_long_ones_are_not_written() -> None:
    allowed = [dataclasses.asdict(condition) for condition in conditions(POLICY)]
    few: dict[str, Any] = {"tier": "app", "addresses": ["10.0.0.5"], "allowed": allowed}
    hosts = {"app1": few, "app2": {**few, "addresses": ["10.0.0.6"]}, "db1": {**few, "tier": "database", "allowed": []}}
    made = queries.write({**hosts, "lost": {**few, "addresses": []}}, "logs")
    assert sorted(made.files) == [
        "app.athena.sql", "app.insights", "database.athena.sql", "database.insights", "top-external.athena.sql",
        "top-external.insights",
    ]  # fmt: skip
    assert "'10.0.0.5', '10.0.0.6'" in made.files["app.athena.sql"]
    assert made.notices == ["lost: no address is known, so no query asks about it"]
    wide = {**few, "allowed": [{**allowed[0], "v4": tuple(f"10.{i}.{j}.0/25" for i in range(9) for j in range(250))}]}
    long = queries.write({"app1": wide}, "logs")
    assert "app.insights" not in long.files
    assert "app.athena.sql" in long.files
    (notice,) = long.notices
    assert re.search(r"app\.insights: not written, [\d,]+ bytes where 10,000 are accepted. Fix: use the query", notice)


def test_answers_are_read_back(tmp_path: Path) -> None:
    (tmp_path / "a.csv").write_text(
        '"source","destination","protocol","port","flows","packets","bytes","first","last"\n'
        '"10.0.0.5","192.0.2.1","6","443","3","30","4000","5","9"\n'
    )
    cells = {"source": "10.0.0.5", "destination": "192.0.2.1", "protocol": "6", "port": "443", "flows": "3.0",
             "packets": "30.0", "bytes": "4000.0", "first": "5.0", "last": "9.0", "@ptr": "x"}  # fmt: skip
    row = ", ".join(f'{{"field": "{name}", "value": "{value}"}}' for name, value in cells.items())
    (tmp_path / "a.json").write_text(f'{{"status": "Complete", "results": [[{row}]]}}')
    for source in ({"athena": "a.csv"}, {"insights": "a.json"}):
        _logs, rows = flows(tmp_path, source)
        assert [(row["source"], row["destination"], row["protocol"], row["port"]) for row in rows] == [
            ("10.0.0.5", "192.0.2.1", 6, 443)
        ]
        assert [rows[0][name] for name in ("flows", "packets", "bytes", "first", "last")] == [3, 30, 4000, 5, 9]
