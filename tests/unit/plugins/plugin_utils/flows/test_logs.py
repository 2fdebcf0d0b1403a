# Copyright: (c) 2026, the tidegate developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Logs that the real programs wrote about the same six connections: one of them redirected, one of them a ping.

The files in logs/ were written by conntrack 1.4.7 and ulogd2 2.0.8 of Debian 12 and by Linux 6.18.
"""

from __future__ import annotations

import gzip
from pathlib import Path

import pytest

from ansible_collections.tidegate.nftables.tests.unit.plugins.plugin_utils.flows.reading import LOGS, flows, keys

HERE, HERE6 = "10.10.2.10", "fd12:3456:789a::2:10"
SEEN = {
    (HERE, "10.10.0.10", 17, 53),
    (HERE, "198.51.100.7", 6, 8443),
    (HERE, "198.51.100.9", 1, 8),
    (HERE, "203.0.113.10", 6, 443),
    (HERE, "203.0.113.80", 6, 8080),  # asked for 192.0.2.80:80, and was redirected
    (HERE6, "2001:db8::5", 6, 443),
}


@pytest.mark.parametrize(
    ("kind", "name"),
    [
        ("conntrack", "conntrack-1.4.7.txt"),
        ("conntrack", "conntrack-1.4.7-extended.txt"),
        ("ulogd", "ulogd-2.0.8.logemu"),
        ("ulogd", "ulogd-2.0.8.json"),
        ("ulogd", "ulogd-2.0.8-connections.json"),
    ],
)
def test_each_program_says_where_the_connections_went(kind: str, name: str, tmp_path: Path) -> None:
    logs, rows = flows(tmp_path, {kind: str(LOGS / name)})
    assert keys(rows) == SEEN
    assert not logs.skipped
    assert all(row["accepted"] for row in rows)


def test_the_kernels_own_listing_writes_ipv6_in_full(tmp_path: Path) -> None:
    _logs, rows = flows(tmp_path, {"conntrack": str(LOGS / "nf_conntrack-6.18.txt")})
    full = "fd12:3456:789a:0000:0000:0000:0002:0010", "2001:0db8:0000:0000:0000:0000:0000:0005", 6, 443
    assert keys(rows) == {key for key in SEEN if key[0] == HERE} | {full}


@pytest.mark.parametrize("name", ["ulogd-2.0.8.logemu", "ulogd-2.0.8.json"])
def test_a_logged_packet_has_its_sockets_owner(name: str, tmp_path: Path) -> None:
    _logs, rows = flows(tmp_path, {"ulogd": str(LOGS / name)})
    assert {row["destination"]: row["uid"] for row in rows}["198.51.100.7"] == "1000"
    assert sum(row["bytes"] for row in rows) == 60 + 60 + 80 + 29 + 60 + 84


def test_what_came_in_is_no_flow_of_the_host(tmp_path: Path) -> None:
    line = "Nov 20 14:44:40 app1 x IN=eth0 OUT= MAC= SRC=198.51.100.7 DST=10.10.2.10 LEN=60 PROTO=TCP SPT=9 DPT=22 \n"
    (tmp_path / "log").write_text(line)
    logs, rows = flows(tmp_path, {"ulogd": "log"})
    assert (rows, logs.skipped) == ([], {"inbound": 1})


def test_a_prefix_that_says_denied_is_believed(tmp_path: Path) -> None:
    text = (LOGS / "ulogd-2.0.8.logemu").read_text().replace("would deny", "denied")
    (tmp_path / "log").write_text(text)
    assert not any(row["accepted"] for row in flows(tmp_path, {"ulogd": "log"})[1])


SQUID = """\
1795185880.123    150 10.10.2.10 TCP_TUNNEL/200 5120 CONNECT api.example:443 - HIER_DIRECT/203.0.113.10 -
1795185881.000     12 10.10.2.10 TCP_MISS/200 900 GET http://mirror.example/debian - HIER_DIRECT/198.51.100.30 text/html
1795185882.000     12 10.10.2.10 TCP_MISS/200 70 GET http://m.example:8080/x alice HIER_DIRECT/2001:db8::30 text/html
1795185883.000      0 10.10.2.10 TCP_DENIED/403 3900 CONNECT bad.example:443 - HIER_NONE/- text/html
1795185884.000      0 10.10.2.10 TCP_DENIED/403 3900 CONNECT 198.51.100.66:22 - HIER_DIRECT/198.51.100.66 text/html
"""


def test_a_proxys_log_says_whom_its_clients_reached(tmp_path: Path) -> None:
    (tmp_path / "access.log").write_text(SQUID)
    logs, rows = flows(tmp_path, {"squid": "access.log"})
    assert {(row["destination"], row["port"], row["accepted"], row["bytes"]) for row in rows} == {
        ("203.0.113.10", 443, True, 5120),
        ("198.51.100.30", 80, True, 900),
        ("2001:db8::30", 8080, True, 70),
        ("198.51.100.66", 22, False, 3900),
        ("bad.example", 443, False, 3900),
    }
    assert not logs.skipped


OF_A_PROXY = """\
{"time":1796058407.086,"client":"10.10.2.10","method":"CONNECT","name":"api.example","port":"443","sni":"api.example",\
"decision":"allowed","entry":"pay","result":"NONE_NONE","status":"200","tls":"splice","peer":"-","bytes":0}
{"time":1796058407.146,"client":"10.10.2.10","method":"CONNECT","name":"api.example","port":"443","sni":"api.example",\
"decision":"allowed","entry":"pay","result":"TCP_TUNNEL","status":"500","tls":"splice","peer":"203.0.113.10","bytes":5120}
{"time":1796058408.066,"client":"10.10.2.10","method":"CONNECT","name":"api.example","port":"443","sni":"bad.example",\
"decision":"allowed","entry":"pay","result":"NONE_NONE","status":"200","tls":"terminate","peer":"-","bytes":0}
{"time":1796058409.000,"client":"10.10.2.10","method":"CONNECT","name":"bad.example","port":"443","sni":"-",\
"decision":"rejected","entry":"-","result":"NONE_NONE","status":"403","tls":"splice","peer":"-","bytes":300}
{"time":1796058410.000,"client":"10.10.2.10","method":"CONNECT","name":"new.example","port":"443","sni":"new.example",\
"decision":"would_reject","entry":"-","result":"TCP_TUNNEL","status":"200","tls":"splice","peer":"2600::1","bytes":70}
"""


def test_the_log_of_a_proxy_for_names_has_names_as_destinations(tmp_path: Path) -> None:
    """Lines that Squid 5.7 wrote."""
    (tmp_path / "access.log").write_text(OF_A_PROXY)
    logs, rows = flows(tmp_path, {"squid": "access.log"})
    assert {(row["destination"], row["name"], row["port"], row["accepted"], row["bytes"]) for row in rows} == {
        ("api.example", "api.example", 443, True, 5120),
        ("api.example", "api.example", 443, False, 0),
        ("bad.example", "bad.example", 443, False, 300),
        ("new.example", "new.example", 443, True, 70),
    }
    assert logs.skipped == {"begin of a tunnel": 1}


def test_a_folder_of_rotated_logs_is_read_whole(tmp_path: Path) -> None:
    """As logrotate leaves them beside the one that is written; Squid's own format and JSON beside each other."""
    folder = tmp_path / "logs"
    folder.mkdir()
    (folder / "access.log").write_text(SQUID)
    (folder / "access.log.1").write_text(OF_A_PROXY)
    (folder / "access.log.2.gz").write_bytes(gzip.compress(SQUID.replace("203.0.113.10", "203.0.113.11").encode()))
    logs, rows = flows(tmp_path, {"squid": "logs"})
    assert {"203.0.113.10", "203.0.113.11", "new.example"} <= {row["destination"] for row in rows}
    assert not logs.damaged
