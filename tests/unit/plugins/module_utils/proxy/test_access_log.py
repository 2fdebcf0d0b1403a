# Copyright: (c) 2026, the tidegate developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The log of the proxy: counted once, over rotations; what was rejected, by client and name."""

from __future__ import annotations

import gzip
import json
import os
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest

from ansible_collections.tidegate.nftables.plugins.module_utils.proxy import access_log
from ansible_collections.tidegate.nftables.plugins.module_utils.proxy.access_log import Position, Rejected


def line(decision: str = "rejected", **changes: Any) -> str:
    """Return a line as Squid writes it."""
    known = {"time": 1796058409.0, "client": "10.1.0.2", "method": "CONNECT", "name": "bad.example", "port": "443"}
    known |= {"sni": "-", "decision": decision, "entry": "-", "result": "NONE_NONE", "status": "403"}
    peer = "-" if decision == "rejected" else "50.0.0.1"
    return json.dumps({**known, "tls": "splice", "peer": peer, "bytes": 3, **changes}, separators=(",", ":")) + "\n"


BEGIN = line("allowed", peer="-")
OTHER_SNI = line("allowed", peer="-", tls="terminate")


@pytest.fixture
def log(tmp_path: Path) -> Path:
    """Return where the log is."""
    return tmp_path / "access.log"


def test_a_request_is_counted_once_with_its_decision(log: Path) -> None:
    log.write_text(BEGIN + line("allowed") + line() + line("would_reject", peer="-") + line("would_reject") + OTHER_SNI)
    counted, position = access_log.count(log, Position())
    assert counted == {"allowed": 1, "rejected": 2, "would_reject": 1}
    assert access_log.count(log, position)[0] == {}


def test_half_a_line_waits_for_its_end(log: Path) -> None:
    whole = line()
    log.write_text(whole + whole[:40])
    counted, position = access_log.count(log, Position())
    log.write_text(whole * 2)
    assert (counted, access_log.count(log, position)[0]) == ({"rejected": 1}, {"rejected": 1})


def test_what_was_written_before_a_rotation_counts(log: Path) -> None:
    log.write_text(line())
    _counted, position = access_log.count(log, Position())
    with log.open("a") as writer:
        writer.write(line("allowed"))
    log.rename(f"{log}.1")
    log.write_text(line())
    counted, position = access_log.count(log, position)
    assert counted == {"allowed": 1, "rejected": 1}
    # Emptied in place.
    log.write_text("")
    assert access_log.count(log, position)[1].offset == 0


def test_no_log_is_an_error_for_who_counts_and_nothing_for_who_shows(log: Path) -> None:
    with pytest.raises(FileNotFoundError):
        access_log.count(log, Position())
    assert access_log.rejected(log, 0) == []


def test_what_was_rejected_is_grouped_the_most_frequent_first(log: Path) -> None:
    old = line(time=5.0, name="old.example")
    many = line() + line(time=1796058499.0)
    observed = line("would_reject", name="new.example")
    log.write_text(old + BEGIN + observed + many + "[1]\nno JSON\n" + line(time="x") + line("allowed") + OTHER_SNI)
    assert access_log.rejected(log, 100) == [
        Rejected("10.1.0.2", "bad.example", "443", observed=False, times=3, last=1796058499.0, first=1796058409.0),
        Rejected("10.1.0.2", "new.example", "443", observed=True, times=1, last=1796058409.0, first=1796058409.0),
    ]


def test_a_client_that_asks_for_any_number_of_names_hides_no_other(log: Path) -> None:
    flood = "".join(line(name=f"x{number}.example") for number in range(3000))
    log.write_text(flood + line(client="10.1.0.3") + flood)
    rejected = access_log.rejected(log, 100)
    assert len(rejected) == 1002
    assert (rejected[0].name, rejected[0].times) == (access_log.OTHER_NAMES, 4000)
    assert (
        Rejected("10.1.0.3", "bad.example", "443", observed=False, times=1, last=1796058409.0, first=1796058409.0)
        in rejected
    )


def test_the_history_of_a_client_goes_through_the_logs_that_were_rotated(log: Path) -> None:
    for number, text in ((2, line(time=1796000000.0)), (1, line(time=1796050000.0, client="10.1.0.3"))):
        Path(f"{log}.{number}").write_text(text)
    Path(f"{log}.3.gz").write_bytes(gzip.compress((line("would_reject", time=1795900000.0) + line()).encode()))
    log.write_text(line() + line(client="10.1.0.20", name="other.example"))
    history = access_log.history(log, ["10.1.0.2"], 1795000000.0)
    assert (history.since, history.complete) == (1795000000.0, True)
    rejected = [(each.observed, each.times, each.first, each.last) for each in history.rejected]
    assert rejected == [(False, 3, 1796000000.0, 1796058409.0), (True, 1, 1795900000.0, 1795900000.0)]
    # The oldest one that is kept: what was before it is gone.
    Path(f"{log}.3.gz").rename(f"{log}.14.gz")
    assert access_log.history(log, ["10.1.0.2"], 1795000000.0).since == 1795900000.0


def test_a_history_that_lacks_something_says_so(log: Path) -> None:
    assert not access_log.history(log, ["10.1.0.2"], 5.0).complete
    log.write_text(line())
    assert access_log.history(log, ["10.1.0.2"], 5.0).complete
    Path(f"{log}.2.gz").write_bytes(gzip.compress(line().encode() * 100)[:-20])
    assert not access_log.history(log, ["10.1.0.2"], 5.0).complete
    Path(f"{log}.2.gz").unlink()
    log.write_text("".join(line(name=f"x{number}.example") for number in range(10_002)))
    assert not access_log.history(log, ["10.1.0.2"], 5.0).complete


def hostile_pipe(log: Path) -> None:
    os.mkfifo(log)


def hostile_link(log: Path) -> None:
    log.symlink_to("/dev/zero")


def hostile_texts(log: Path) -> None:
    wrong = [line(time=time) for time in (1e300, float("inf"), float("nan"), -1.0, True, [1.0])]
    deep = '{"decision":' + "[" * 100_000 + "\n"
    without = '{"tls":"terminate","time":1796058409.0}\n'
    log.write_text("".join(wrong) + deep + without + '{"decision":"rejected"' + "x" * 200_000 + "\n" + "\x00" * 100)


@pytest.mark.parametrize("write", [hostile_pipe, hostile_link, hostile_texts])
def test_whatever_the_file_is_the_watcher_and_the_console_go_on(log: Path, write: Callable[[Path], None]) -> None:
    """Whoever took over Squid is the user whose file it is."""
    write(log)
    with suppress(OSError):
        access_log.count(log, Position(1, 5))
    # The names of a request without any, for people.
    assert [each.name for each in access_log.rejected(log, 100)] in ([], ["None"])
    assert [each.name for each in access_log.history(log, ["10.1.0.2"], 5.0).rejected] == []
