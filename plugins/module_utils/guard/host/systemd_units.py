# Copyright: (c) 2026, the tidegate developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Our systemd units, and calls of systemctl."""

from __future__ import annotations

import subprocess
from contextlib import suppress

from ansible_collections.tidegate.nftables.plugins.module_utils.files import MARK
from ansible_collections.tidegate.nftables.plugins.module_utils.table_names import RESOLVER_USER, TABLE
from ansible_collections.tidegate.nftables.plugins.module_utils.unit_protections import BASIC, STRICT

from . import files
from .errors import GuardError
from .paths import Paths

_PATIENCE = 20.0
"""Seconds that starting a command of the program may take."""

BOOT = "tidegate.service"
WATCH = "tidegate-watch.service"
RESOLVER = "tidegate-dns.service"
NAMES = "tidegate-names.service"
NAMES_PATH = "tidegate-names.path"
"""Make the host's name service ours again, at boot and where another program wrote /etc/resolv.conf."""
RESOLVER_UNITS = (RESOLVER, NAMES, NAMES_PATH)
RESOLVE = "resolve"
"""The command of the unit RESOLVER."""
SETTLE = "settle-names"
"""The command of the unit NAMES."""
SETTLE_UNITS = "settle-units"
"""The command that makes the files beside the units of the policy (host/unit_files.py) those of the live table."""
FOLLOW_UNITS = "follow-units"
"""The command that a unit of the policy runs at its start and end, where systemd does not fill sets itself."""
UNCONFINED = "tidegate-unconfined.service"
"""Does what BOOT does, where systemd cannot confine that one and so does not start it: the policy counts for more."""
WHY = "tidegate-why.socket"
WHY_SERVICE = "tidegate-why@.service"
"""Answers egress-why: one process for each question."""
TARGETS = ((BOOT, "sysinit.target"), (WATCH, "multi-user.target"), (WHY, "sockets.target"))
"""Each unit and the target that wants it."""

FAILSAFE_STATUS = 3
"""Exit status of `tidegate boot` when the fail-safe table was loaded."""

GAVE_UP_STATUS = 4
"""Exit status of `tidegate boot` when it could load nothing, and reported why. Any other is a failure of Python."""

_LOADERS = (
    "nftables.service ufw.service firewalld.service netfilter-persistent.service iptables.service ip6tables.service"
)
"""Units that load a ruleset at boot and may flush the present one. All of them run before network-pre.target too."""

_PROTECTIONS = f"""\
{STRICT}CapabilityBoundingSet=CAP_NET_ADMIN
IPAddressDeny=any
ProcSubset=all
RestrictAddressFamilies=AF_NETLINK AF_UNIX
SystemCallFilter=~@privileged @resources
UMask=0077
StateDirectory={{name}}
StateDirectoryMode=0700
RuntimeDirectory={{name}}
RuntimeDirectoryMode=0700
RuntimeDirectoryPreserve=yes
ReadWritePaths=-{{program}}
"""
"""What the units around the table can bear: they talk to nf_tables and to syslog, and write below three folders.

Not User=: nf_tables asks for CAP_NET_ADMIN, and the files are root's. Not ProtectProc=: process 1 and the rollback
timer are looked up in /proc.
"""


def texts(paths: Paths, interpreter: str, metrics_dir: str = "") -> dict[str, str]:
    """Return the text of each unit by its name. metrics_dir: where the watcher writes metrics, "" for nowhere.

    They start Python and not the program: SELinux allows systemd to start Python, wherever the program is.
    """
    command = f"{interpreter} -IS {paths.program}"
    protections = _PROTECTIONS.format(name=paths.state.name, program=paths.program.parent)
    start = _start(paths, command)
    return {
        BOOT: _boot(paths, start, protections),
        UNCONFINED: _unconfined(start),
        WATCH: _watch(command, protections + (f"ReadWritePaths=-{metrics_dir}\n" if metrics_dir else "")),
        WHY: _why_socket(paths),
        WHY_SERVICE: _why_service(command, protections),
    }


def _start(paths: Paths, command: str) -> str:
    """Return the shell commands that load the policy."""
    table = " ".join(TABLE)
    # Without a working Python, nft loads the saved policy. It accepts an empty file, so the table is listed afterwards.
    reported = f"case $$? in {FAILSAFE_STATUS}|{GAVE_UP_STATUS}) exit 1;; esac"
    nft = "timeout 60 nft"
    without_python = f"{nft} -f {paths.confirmed}; {nft} list table {table} >/dev/null || {nft} -f {paths.failsafe}"
    return f"{command} boot && exit 0; {reported}; [ ! -e {paths.confirmed} ] || {{ {without_python}; }}; exit 1"


def _boot(paths: Paths, start: str, protections: str) -> str:
    return f"""\
{MARK}[Unit]
Description=Load the last confirmed egress policy
DefaultDependencies=no
RequiresMountsFor={paths.state} {paths.program}
After=local-fs.target systemd-modules-load.service {_LOADERS}
Before=network-pre.target shutdown.target
Wants=network-pre.target
OnFailure={UNCONFINED}
Conflicts=shutdown.target

[Service]
Type=oneshot
RemainAfterExit=yes
Environment=TZ=UTC0
ExecStart=/bin/sh -c '{start}'
{protections}
[Install]
WantedBy=sysinit.target
"""


def _unconfined(start: str) -> str:
    return f"""\
{MARK}[Unit]
Description=Load the last confirmed egress policy where systemd cannot confine {BOOT}
DefaultDependencies=no
Before=network-pre.target shutdown.target
Conflicts=shutdown.target

[Service]
Type=oneshot
Environment=TZ=UTC0
ExecStart=/bin/sh -c 'timeout 60 nft list table {" ".join(TABLE)} >/dev/null 2>&1 || {{ {start}; }}'
"""


def _watch(command: str, protections: str) -> str:
    return f"""\
{MARK}[Unit]
Description=Load the egress policy again when its table is flushed
After={BOOT}
StartLimitIntervalSec=0

[Service]
ExecStart={command} watch
Restart=always
RestartSec=1
OOMScoreAdjust=-500
{protections}
[Install]
WantedBy=multi-user.target
"""


def _why_socket(paths: Paths) -> str:
    # Without a limit of triggers: beyond it systemd ends the socket for all users, and one user can go beyond it.
    return f"""\
{MARK}[Unit]
Description=Questions of users about the egress policy (egress-why)

[Socket]
ListenStream={paths.why_socket}
SocketMode=0666
RemoveOnStop=yes
Accept=yes
MaxConnections=4
TriggerLimitIntervalSec=0

[Install]
WantedBy=sockets.target
"""


def _why_service(command: str, protections: str) -> str:
    # Whether an address is the host's own is known by binding to it; no packet leaves.
    protections = protections.replace("AF_NETLINK AF_UNIX", "AF_INET AF_INET6 AF_NETLINK AF_UNIX")
    return f"""\
{MARK}[Unit]
Description=Answer one question about the egress policy
CollectMode=inactive-or-failed

[Service]
ExecStart={command} answer
StandardInput=socket
StandardOutput=null
StandardError=journal
Nice=10
TimeoutStartSec=20
RuntimeMaxSec=20
{protections}"""


def resolver_texts(paths: Paths, interpreter: str) -> dict[str, str]:
    """Return the text of each unit of a host with a resolver."""
    command = f"{interpreter} -IS {paths.program}"
    return {
        RESOLVER: _resolver(paths, command),
        # It writes below /etc and to the folders of other programs, and AppArmor's parser writes to /sys.
        NAMES: f"""\
{MARK}[Unit]
Description=Have programs ask the resolver of the egress policy
StartLimitIntervalSec=0

[Service]
Type=oneshot
ExecStart={command} {SETTLE}
{BASIC}CapabilityBoundingSet=CAP_CHOWN CAP_DAC_OVERRIDE CAP_FOWNER CAP_MAC_ADMIN
IPAddressDeny=any
ProtectSystem=yes
RestrictAddressFamilies=AF_NETLINK AF_UNIX
UMask=0022

[Install]
WantedBy=multi-user.target
""",
        NAMES_PATH: f"""\
{MARK}[Unit]
Description=Notice that another program wrote {paths.resolv_conf}

[Path]
PathChanged={paths.resolv_conf}

[Install]
WantedBy=multi-user.target
""",
    }


def _resolver(paths: Paths, command: str) -> str:
    # Not After= the boot unit, which waits for the lock of the run that starts this one. At a boot it comes later:
    # the boot unit is a part of sysinit.target.
    return f"""\
{MARK}[Unit]
Description=Resolve names and open their addresses
After=network.target
Before=nss-lookup.target
Wants=nss-lookup.target
StartLimitIntervalSec=0

[Service]
Type=notify
NotifyAccess=main
ExecStart={command} {RESOLVE}
ExecReload=/bin/kill -HUP $MAINPID
KillMode=mixed
Restart=always
RestartSec=1
WatchdogSec=60
TimeoutStartSec=120
LimitNOFILE=16384
OOMScoreAdjust=-500
User={RESOLVER_USER}
Group={RESOLVER_USER}
AmbientCapabilities=CAP_NET_ADMIN CAP_NET_BIND_SERVICE
CapabilityBoundingSet=CAP_NET_ADMIN CAP_NET_BIND_SERVICE
RuntimeDirectory={paths.resolver.name}
RuntimeDirectoryMode=0755
{STRICT}RestrictAddressFamilies=AF_INET AF_INET6 AF_NETLINK AF_UNIX
UMask=0022

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


def run_apart(paths: Paths, command: str) -> None:
    """Have systemd run a command of the program: a watcher may not write outside its folders.

    Where that fails, the next boot or run does it.
    """
    first = (files.read(paths.program) or "").partition("\n")[0]
    words = ["systemd-run", "--quiet", "--collect", "--no-block", *first[2:].split(), str(paths.program), command]
    with suppress(OSError, subprocess.TimeoutExpired):
        subprocess.run(words, stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=_PATIENCE, check=False)
