# Copyright: (c) 2026, the tidegate developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Try flows, all at once, and print what became of each: reach.py [OUTCOME] PROTOCOL/PORT@ADDRESS …

Prints a JSON object from each argument to ``[outcome, milliseconds]``. Outcomes: ``open`` (somebody answered),
``refused`` (the kernel said no), ``silent`` (nothing came in time). With OUTCOME, fails unless each has it.
"""

from __future__ import annotations

import json
import socket
import sys
import time
from concurrent.futures import ThreadPoolExecutor

TIMEOUT = 5.0  # seconds; everything is on this machine, which may be busy


def attempt(flow: str) -> str:
    service, address = flow.split("@")
    protocol, port = service.split("/")
    family = socket.AF_INET6 if ":" in address else socket.AF_INET
    kind = socket.SOCK_STREAM if protocol == "tcp" else socket.SOCK_DGRAM
    with socket.socket(family, kind) as sock:
        sock.settimeout(TIMEOUT)
        try:
            sock.connect((address, int(port)))
            if protocol == "udp":
                sock.send(b"?")
            return "open" if sock.recv(16) else "refused"
        except socket.timeout:
            return "silent"
        except OSError:  # reset, or an ICMP error; EPERM when the packet was dropped on its way out
            return "refused"


def timed(flow: str) -> tuple[str, int]:
    started = time.monotonic()
    outcome = attempt(flow)
    return outcome, round((time.monotonic() - started) * 1000)


def main(arguments: list[str]) -> int:
    flows = [argument for argument in arguments if "@" in argument]
    expected = [argument for argument in arguments if "@" not in argument]
    with ThreadPoolExecutor(max_workers=64) as pool:
        outcomes = dict(zip(flows, pool.map(timed, flows)))
    json.dump(outcomes, sys.stdout)
    return int(bool(expected) and any([outcome] != expected for outcome, _milliseconds in outcomes.values()))


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
