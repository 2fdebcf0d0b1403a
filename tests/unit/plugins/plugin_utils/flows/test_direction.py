# Copyright: (c) 2026, the tidegate developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Who opened a flow of a VPC flow log, and flows that are recorded at both of their ends."""

from __future__ import annotations

from pathlib import Path

import pytest

from ansible_collections.tidegate.nftables.tests.unit.plugins.plugin_utils.flows.reading import flows, keys

BALANCER, BACKEND = "10.0.0.200", "10.0.0.5"


def record(
    source: str, destination: str, ports: str, *, interface: str = "eni-1", start: int = 100, status: str = "ACCEPT"
) -> str:
    return f"2 1 {interface} {source} {destination} {ports} 6 10 1000 {start} {start + 60} {status} OK"


def write(path: Path, *lines: str) -> None:
    path.write_text("\n".join(lines) + "\n")


@pytest.mark.parametrize("port", [443, 1023])
@pytest.mark.parametrize("client", [1024, 2500, 32767, 32768, 65535])
def test_from_a_well_known_port_to_any_other_is_a_reply(port: int, client: int, tmp_path: Path) -> None:
    reply, opened = record(BACKEND, BALANCER, f"{port} {client}"), record(BALANCER, BACKEND, f"{client} {port}")
    write(tmp_path / "both", reply, opened)
    logs, rows = flows(tmp_path, {"vpc": "both"})
    assert keys(rows) == {(BALANCER, BACKEND, 6, port)}
    assert logs.skipped == {"reply": 1}
    write(tmp_path / "reply", reply)
    logs, rows = flows(tmp_path, {"vpc": "reply"})
    assert (rows, logs.skipped) == ([], {"reply": 1})


def test_between_well_known_ports_and_between_others_a_single_record_is_a_flow(tmp_path: Path) -> None:
    write(tmp_path / "a", record(BACKEND, BALANCER, "500 500"), record(BACKEND, BALANCER, "8080 2500"))
    logs, rows = flows(tmp_path, {"vpc": "a"})
    assert keys(rows) == {(BACKEND, BALANCER, 6, 500), (BACKEND, BALANCER, 6, 2500)}
    assert logs.skipped == {}


def test_of_two_directions_the_one_from_the_end_that_many_talk_to_is_the_reply(tmp_path: Path) -> None:
    # Load balancers take their client ports from 1024 up, below and above those of services.
    clients = [1025, 2500, 9000, 20000]
    opened = [record(BALANCER, BACKEND, f"{client} 8080") for client in clients]
    replies = [record(BACKEND, BALANCER, f"8080 {client}") for client in clients]
    write(tmp_path / "a", *opened, *replies)
    logs, rows = flows(tmp_path, {"vpc": "a"})
    assert keys(rows) == {(BALANCER, BACKEND, 6, 8080)}
    assert (rows[0]["flows"], logs.skipped) == (4, {"reply": 4})


@pytest.mark.parametrize(("ports", "begins"), [(("2500", "8080"), (100, 101)), (("9000", "8080"), (100, 100))])
def test_of_a_single_connection_the_later_record_is_the_reply_else_that_from_the_lower_port(
    ports: tuple[str, str], begins: tuple[int, int], tmp_path: Path
) -> None:
    client, service = ports
    write(
        tmp_path / "a",
        record(BACKEND, BALANCER, f"{service} {client}", start=begins[1]),
        record(BALANCER, BACKEND, f"{client} {service}", start=begins[0]),
    )
    logs, rows = flows(tmp_path, {"vpc": "a"})
    assert keys(rows) == {(BALANCER, BACKEND, 6, int(service))}
    assert logs.skipped == {"reply": 1}


def test_of_two_directions_never_both_are_replies(tmp_path: Path) -> None:
    write(tmp_path / "a", record(BACKEND, BALANCER, "5000 5000"), record(BALANCER, BACKEND, "5000 5000"))
    logs, rows = flows(tmp_path, {"vpc": "a"})
    assert (len(rows), logs.skipped) == (2, {})


def test_a_flow_that_two_interfaces_recorded_counts_once(tmp_path: Path) -> None:
    at_sender = [record(BACKEND, "10.0.0.9", f"{40000 + n} 5432", interface="eni-a", start=100 + n) for n in range(3)]
    at_receiver = [record(BACKEND, "10.0.0.9", f"{40000 + n} 5432", interface="eni-b", start=100 + n) for n in range(2)]
    write(tmp_path / "a", *at_sender, *at_receiver, record(BACKEND, "203.0.113.7", "40000 443", interface="eni-a"))
    logs, rows = flows(tmp_path, {"vpc": "a"})
    assert {row["destination"]: (row["flows"], row["packets"], row["bytes"]) for row in rows} == {
        "10.0.0.9": (3, 30, 3000),
        "203.0.113.7": (1, 10, 1000),
    }
    assert (logs.records, logs.skipped) == (6, {"second interface": 2})
    assert (rows[0]["first"], rows[0]["last"]) == (100, 162)


def test_an_address_that_moved_to_another_interface_counts_at_both(tmp_path: Path) -> None:
    before = record(BACKEND, "203.0.113.7", "40000 443", interface="eni-a", start=100)
    after = record(BACKEND, "203.0.113.7", "40001 443", interface="eni-b", start=100_000)
    write(tmp_path / "a", before, after)
    logs, rows = flows(tmp_path, {"vpc": "a"})
    assert (rows[0]["flows"], rows[0]["bytes"], logs.skipped) == (2, 2000, {})


def test_what_was_rejected_at_one_end_is_not_what_was_accepted_at_the_other(tmp_path: Path) -> None:
    out = record(BACKEND, "10.0.0.9", "40000 5432", interface="eni-a")
    rejected = record(BACKEND, "10.0.0.9", "40000 5432", interface="eni-b", status="REJECT")
    write(tmp_path / "a", out, rejected)
    _logs, rows = flows(tmp_path, {"vpc": "a"})
    assert sorted(row["accepted"] for row in rows) == [False, True]


def test_a_format_without_interfaces_or_times_counts_every_record(tmp_path: Path) -> None:
    write(tmp_path / "a", *[f"{BACKEND} 203.0.113.7 {40000 + n} 443 6" for n in range(3)])
    logs, rows = flows(tmp_path, {"vpc": "a", "format": "srcaddr dstaddr srcport dstport protocol"})
    assert (rows[0]["flows"], logs.skipped) == (3, {})
