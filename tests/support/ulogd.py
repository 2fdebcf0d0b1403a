# Copyright: (c) 2026, the tidegate developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The ulogd2 of Debian 12 in a network namespace, with the configuration that a host gets."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from ansible_collections.tidegate.nftables.plugins.module_utils.guard.host import ulogd as product
from ansible_collections.tidegate.nftables.plugins.module_utils.guard.host.paths import Paths

from .paths import CHECKOUT
from .waiting import end, wait_for

PROGRAM = CHECKOUT / "build" / "ulogd" / "2.0.8" / "ulogd"


def plugins(root: Path) -> None:
    """Give a root directory the plugins."""
    (folder,) = (CHECKOUT / "build" / "debian").glob("bookworm-ulogd2-json.package/usr/lib/*/ulogd")
    (root / "usr" / "lib").mkdir(parents=True, exist_ok=True)
    (root / "usr" / "lib" / "ulogd").symlink_to(folder)


def configuration(directory: Path) -> Path:
    """Write the configuration that a host gets, for group 20, with its file in a folder; return it."""
    plugins(directory)
    paths = Paths(str(directory))
    written = product.configuration(paths)
    text = product.texts(paths, 20, systemd=False)[written]
    text = text.replace(product.LOG, f"{directory}/tidegate.json").replace("stdout", f"{directory}/ulogd.log")
    written.parent.mkdir(parents=True)
    written.write_text(text)
    return written


@contextmanager
def ulogd(directory: Path, prefix: tuple[str, ...] = ()) -> Iterator[Path]:
    """Run ulogd2, by the words of prefix in another namespace; yield the file that it writes into the folder."""
    written = configuration(directory)
    log = directory / "ulogd.log"
    with subprocess.Popen([*prefix, str(PROGRAM), "-c", str(written)]) as process:
        try:
            # It writes this line when it listens to the group.
            wait_for(lambda: log.exists() and "building new" in log.read_text(), "ulogd2", process=process)
            wait_for(lambda: listens(process.pid), "ulogd2 at the group", process=process)
            yield directory / "tidegate.json"
        finally:
            end(process)


def listens(pid: int) -> bool:
    """Whether some process of this namespace has bound a group of NFLOG; the kernel lists them."""
    return bool(Path(f"/proc/{pid}/net/netfilter/nfnetlink_log").read_text().strip())


def logged(file: Path, number: int) -> list[dict[str, Any]]:
    """Return so many lines of JSON when they are there."""
    wait_for(lambda: file.exists() and file.read_text().count("\n") >= number, f"{number} lines of ulogd2")
    return [json.loads(line) for line in file.read_text().splitlines()]
