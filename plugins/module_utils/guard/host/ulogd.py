# Copyright: (c) 2026, the tidegate developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A ulogd2 of ours, which writes the packets that rules log to a group of NFLOG as JSON (egress_log_ulogd).

Beside the service that comes with the package, which belongs to whoever wants it for something else.
"""

from __future__ import annotations

import shutil
from pathlib import Path

from ansible_collections.tidegate.nftables.plugins.module_utils.files import MARK
from ansible_collections.tidegate.nftables.plugins.module_utils.unit_protections import STRICT

from . import clock
from .errors import UNCHANGED, GuardError
from .paths import Paths

UNIT = "tidegate-ulogd.service"
LOG = "/var/log/tidegate/rejected.json"
PACKAGES = ("ulogd2", "ulogd2-json")
"""The program, and its plugin for JSON, as Debian names them."""
_PLUGINS = ("inppkt_NFLOG", "raw2packet_BASE", "filter_IFINDEX", "filter_IP2STR", "output_JSON")
_FOLDERS = ("usr/lib/*/ulogd", "usr/lib64/ulogd", "usr/lib/ulogd")
"""Where distributions have the plugins."""


def texts(paths: Paths, group: int | None, *, systemd: bool) -> dict[Path, str]:
    """Return the text of each file. group: of NFLOG, None for no ulogd2."""
    if group is None:
        return {}
    made = {configuration(paths): _configuration(_folder(paths), group), rotation(paths): _rotation()}
    return {**made, paths.units / UNIT: _unit(paths)} if systemd else made


def configuration(paths: Paths) -> Path:
    """Return the path of its configuration."""
    return paths.at("/etc/tidegate/ulogd.conf")


def rotation(paths: Paths) -> Path:
    """Return the path of what logrotate(8) does."""
    return paths.at("/etc/logrotate.d/tidegate")


def missing(paths: Paths, group: int | None, *, check: bool) -> list[str]:
    """Return what it needs and this host misses, as warnings; outside check mode raise GuardError (ulogd_missing).

    Raise GuardError (bad_request) where nothing would run it.
    """
    if group is not None and not clock.systemd_runs(paths):
        raise GuardError(
            "bad_request",
            f"egress_log_ulogd: ulogd2 is run by systemd, which this host does not have. {UNCHANGED} Fix: remove "
            "egress_log_ulogd, and have a program of your own listen to egress_log_group.",
        )
    there = (shutil.which("ulogd"), _folder(paths))
    packages = [package for package, place in zip(PACKAGES, there) if not place]
    if group is None or not packages:
        return []
    error = GuardError(
        "ulogd_missing",
        f"This host does not have {' and '.join(packages)}, which egress_log_ulogd needs. {UNCHANGED} Fix: install "
        "what is missing, or set egress_log_ulogd: false.",
        {"missing_packages": packages},
    )
    if not check:
        raise error
    return [str(error)]


def _folder(paths: Paths) -> str:
    """Return the folder of the plugins, "" where that for JSON is missing."""
    folders = (file.parent for place in _FOLDERS for file in paths.at("/").glob(f"{place}/ulogd_output_JSON.so"))
    return str(next(folders, ""))


def _configuration(folder: str, group: int) -> str:
    plugins = "".join(f'plugin="{folder}/ulogd_{name}.so"\n' for name in _PLUGINS)
    return f"""\
{MARK}[global]
logfile="stdout"
loglevel=5
{plugins}stack=egress:NFLOG,packet:BASE,interface:IFINDEX,address:IP2STR,json:JSON

[egress]
group={group}

[json]
file="{LOG}"
sync=1
"""


def _rotation() -> str:
    return f"""\
{MARK}{LOG} {{
    daily
    maxsize 100M
    rotate 14
    compress
    delaycompress
    missingok
    notifempty
    postrotate
        systemctl kill --signal=HUP {UNIT} >/dev/null 2>&1 || true
    endscript
}}
"""


def _unit(paths: Paths) -> str:
    # Group adm reads logs on Debian and RHEL: what sends them on needs no root.
    return f"""\
{MARK}[Unit]
Description=Write rejected packets as JSON (egress_log_ulogd)
StartLimitIntervalSec=0

[Service]
ExecStart={shutil.which("ulogd") or "/usr/sbin/ulogd"} -c {configuration(paths)}
Restart=always
RestartSec=5
Group=adm
UMask=0027
LogsDirectory=tidegate
LogsDirectoryMode=0750
CapabilityBoundingSet=CAP_NET_ADMIN
{STRICT}IPAddressDeny=any
RestrictAddressFamilies=AF_NETLINK AF_UNIX

[Install]
WantedBy=multi-user.target
"""
