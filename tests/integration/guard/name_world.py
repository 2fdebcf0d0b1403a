# Copyright: (c) 2026, the tidegate developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What is around a container of test_name_services.py, in a network namespace inside of it: name server and packages.

Runs in the container as /name_world.py, beside authority.py; standard library only.
"""

from __future__ import annotations

import functools
import http.server
import os
import subprocess
import sys
import time
from pathlib import Path

SERVER, MIRROR, HERE = "10.10.0.10", "50.9.0.1", "10.10.0.1"
PID = Path("/run/name-world.pid")
READY = Path("/run/name-world.ready")


def ip(words: str) -> None:
    subprocess.run(["ip", *words.split()], check=True)


def main() -> None:
    """Wait for the interface w0, then serve."""
    sys.path.insert(0, "/")
    import authority  # type: ignore[import-not-found]

    PID.write_text(str(os.getpid()))
    while subprocess.run(["ip", "link", "show", "w0"], capture_output=True, check=False).returncode:
        time.sleep(0.05)
    for words in (
        "link set lo up",
        f"address add {SERVER}/24 dev w0",
        "link set w0 up",
        "route add local 50.0.0.0/8 dev lo",
    ):
        ip(words)
    replies = {"deb.packages.example": authority.addresses(MIRROR)}
    handler = functools.partial(http.server.SimpleHTTPRequestHandler, directory="/repository")
    with authority.Authority(replies=replies).running(SERVER):
        server = http.server.ThreadingHTTPServer((MIRROR, 80), handler)
        READY.touch()
        server.serve_forever()


if __name__ == "__main__":
    main()
