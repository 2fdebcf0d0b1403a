# Copyright: (c) 2026, the tidegate developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""rsyslog itself with the example of docs/observe.md: the lines of rejected packets go to a file of their own."""

from __future__ import annotations

import re
import socket
import subprocess
from pathlib import Path

from ansible_collections.tidegate.nftables.tests.support.paths import CHECKOUT
from ansible_collections.tidegate.nftables.tests.support.waiting import end, wait_for

PROGRAM = CHECKOUT / "build" / "rsyslog" / "8.2302.0" / "rsyslogd"
KERNEL = "<4>Nov 20 14:44:40 kernel: "


def example() -> str:
    """Return the lines for rsyslog of the page."""
    page = (CHECKOUT / "docs" / "observe.md").read_text(encoding="utf-8")
    (configuration,) = re.findall(r"^# rsyslog, .*?\n(.*?)```", page, re.DOTALL | re.MULTILINE)
    return str(configuration)


def logged_line() -> str:
    """Return the line of the kernel's log that the page shows."""
    page = (CHECKOUT / "docs" / "observe.md").read_text(encoding="utf-8")
    (line,) = re.findall(r"^Nov 20 .* kernel: (tidegate: tier=.*)$", page, re.MULTILINE)
    return str(line)


def test_lines_of_rejected_packets_have_a_file_of_their_own(tmp_path: Path) -> None:
    (modules,) = (CHECKOUT / "build" / "debian").glob("bookworm-rsyslog.package/usr/lib/*/rsyslog")
    own, rest, inbox = (tmp_path / name for name in ("tidegate.log", "syslog", "inbox"))
    assert "/var/log/tidegate.log" in example()
    configuration = tmp_path / "rsyslog.conf"
    configuration.write_text(
        'module(load="imuxsock" SysSock.Use="off")\n'
        f'input(type="imuxsock" Socket="{inbox}")\n'
        f"{example().replace('/var/log/tidegate.log', str(own))}"
        f"*.* {rest}\n"
    )
    command = [str(PROGRAM), "-M", str(modules), "-f", str(configuration)]
    checked = subprocess.run([*command, "-N1"], stderr=subprocess.PIPE, text=True, check=False)
    assert checked.returncode == 0, checked.stderr
    with subprocess.Popen([*command, "-n", "-i", str(tmp_path / "pid")]) as process:
        try:
            wait_for(inbox.exists, "the socket of rsyslog", process=process)
            with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as log:
                for text in (logged_line(), "something else", logged_line()):
                    log.sendto(f"{KERNEL}{text}".encode(), str(inbox))
            wait_for(lambda: own.exists() and own.read_text().count("\n") == 2, "two lines", process=process)
            wait_for(lambda: rest.exists() and "something else" in rest.read_text(), "the rest", process=process)
        finally:
            end(process)
    assert logged_line() in own.read_text()
    assert "tier=" not in rest.read_text()
