# Copyright: (c) 2026, the tidegate developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Our systemd units, and calls of systemctl."""

from __future__ import annotations

import subprocess

from ansible_collections.tidegate.nftables.plugins.module_utils.table_names import TABLE

from .errors import GuardError
from .paths import Paths

BOOT = "tidegate.service"
WATCH = "tidegate-watch.service"
TARGETS = ((BOOT, "sysinit.target"), (WATCH, "multi-user.target"))
"""Each unit and the target that wants it."""

FAILSAFE_STATUS = 3
"""Exit status of `tidegate boot` when the fail-safe table was loaded."""

GAVE_UP_STATUS = 4
"""Exit status of `tidegate boot` when it could load nothing, and reported why. Any other is a failure of Python."""

_LOADERS = (
    "nftables.service ufw.service firewalld.service netfilter-persistent.service iptables.service ip6tables.service"
)
"""Units that load a ruleset at boot and may flush the present one. All of them run before network-pre.target too."""


def texts(paths: Paths, interpreter: str) -> dict[str, str]:
    """Return the text of each unit by its name.

    They start Python and not the program: SELinux allows systemd to start Python, wherever the program is.
    """
    command = f"{interpreter} -IS {paths.program}"
    return {BOOT: _boot(paths, command), WATCH: _watch(command)}


def _boot(paths: Paths, command: str) -> str:
    table = " ".join(TABLE)
    # Without a working Python, nft loads the saved policy. It accepts an empty file, so the table is listed afterwards.
    reported = f"case $$? in {FAILSAFE_STATUS}|{GAVE_UP_STATUS}) exit 1;; esac"
    without_python = f"nft -f {paths.confirmed}; nft list table {table} >/dev/null || nft -f {paths.failsafe}"
    start = f"{command} boot && exit 0; {reported}; [ ! -e {paths.confirmed} ] || {{ {without_python}; }}; exit 1"
    return f"""\
# Written by tidegate.nftables. The next run overwrites changes.
[Unit]
Description=Load the last confirmed egress policy
DefaultDependencies=no
RequiresMountsFor={paths.state} {paths.program}
After=local-fs.target systemd-modules-load.service {_LOADERS}
Before=network-pre.target shutdown.target
Wants=network-pre.target
Conflicts=shutdown.target

[Service]
Type=oneshot
RemainAfterExit=yes
Environment=TZ=UTC0
ExecStart=/bin/sh -c '{start}'

[Install]
WantedBy=sysinit.target
"""


def _watch(command: str) -> str:
    return f"""\
# Written by tidegate.nftables. The next run overwrites changes.
[Unit]
Description=Load the egress policy again when its table is flushed
After={BOOT}
StartLimitIntervalSec=0

[Service]
ExecStart={command} watch
Restart=always
RestartSec=1
OOMScoreAdjust=-500
NoNewPrivileges=yes
CapabilityBoundingSet=CAP_NET_ADMIN CAP_DAC_OVERRIDE CAP_SYS_RESOURCE

[Install]
WantedBy=multi-user.target
"""


def systemctl(*words: str) -> None:
    """Run systemctl; raise GuardError (cannot_arm) with its output when it fails."""
    try:
        done = subprocess.run(
            ["systemctl", *words],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            check=False,
        )
    except OSError as error:
        raise GuardError("cannot_arm", f"systemctl cannot be started: {error.strerror}.") from error
    if done.returncode:
        raise GuardError("cannot_arm", f"systemctl {' '.join(words)} failed: {done.stdout.strip()}")
