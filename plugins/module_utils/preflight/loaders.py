# Copyright: (c) 2026, the tidegate developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Programs and units that load rules of their own: they may flush ours, or reject what ours allows."""

from __future__ import annotations

import re
from dataclasses import dataclass

from .host_files import HostFiles
from .program import run_program


@dataclass(frozen=True)
class LoaderKind:
    """One loader. units: its systemd units; processes: names in /proc/PID/comm."""

    name: str
    units: tuple[str, ...]
    processes: tuple[str, ...] = ()


KINDS = (
    LoaderKind("ufw", ("ufw.service",)),
    LoaderKind("firewalld", ("firewalld.service",), ("firewalld",)),
    LoaderKind("nftables", ("nftables.service",)),
    LoaderKind("netfilter-persistent", ("netfilter-persistent.service", "iptables.service", "ip6tables.service")),
    LoaderKind("docker", ("docker.service",), ("dockerd",)),
    LoaderKind(
        "kube-proxy", ("kube-proxy.service", "kubelet.service", "k3s.service"), ("kube-proxy", "kubelet", "k3s")
    ),
    LoaderKind("shorewall", ("shorewall.service", "shorewall6.service")),
    LoaderKind("ferm", ("ferm.service",)),
)

NFTABLES = ("/etc/nftables.conf", "/etc/sysconfig/nftables.conf", "/etc/nftables/*.nft", "/etc/nftables.d/*")
_FLUSH = re.compile(r"^\s*(?:nft\s+)?flush\s+ruleset\b", re.MULTILINE)
_ENABLED = ("enabled", "enabled-runtime", "generated")


@dataclass(frozen=True)
class Loader:
    """A loader of this host. active: it runs or has run; enabled: a boot starts it; flushes: files that flush all."""

    name: str
    active: bool
    enabled: bool
    flushes: tuple[str, ...] = ()


def loaders(host: HostFiles) -> tuple[Loader, ...]:
    """Return the loaders that run, or that a boot would start."""
    # Units below another root would be those of the machine that several hosts share.
    units, processes = {} if host.root else _units(), _processes(host)
    present = []
    for kind in KINDS:
        states = [units[unit] for unit in kind.units if unit in units]
        active = any(state[0] for state in states) or any(name in processes for name in kind.processes)
        enabled = any(state[1] for state in states)
        if kind.name == "ufw":
            active = enabled = "ENABLED=yes" in host.text("/etc/ufw/ufw.conf").replace(" ", "")
        if active or enabled:
            present.append(Loader(kind.name, active, enabled, flushing_files(host) if kind.name == "nftables" else ()))
    return tuple(present)


def flushing_files(host: HostFiles) -> tuple[str, ...]:
    """Return the files of nftables.service that flush the tables of all programs."""
    return tuple(path for path, text in host.texts(*NFTABLES) if _FLUSH.search(text))


def _units() -> dict[str, tuple[bool, bool]]:
    """Return (active, enabled) of the units that exist; {} without systemd."""
    names = [unit for kind in KINDS for unit in kind.units]
    output = run_program(["systemctl", "show", "--property", "Id,LoadState,ActiveState,UnitFileState", *names])
    units = {}
    for block in output.out.split("\n\n"):
        fields = dict(line.partition("=")[::2] for line in block.split("\n") if "=" in line)
        if fields.get("LoadState") == "loaded":
            enabled = fields.get("UnitFileState", "") in _ENABLED
            units[fields["Id"]] = (fields.get("ActiveState") == "active", enabled)
    return units


def _processes(host: HostFiles) -> frozenset[str]:
    """Return the names of the processes in this network namespace; those in containers load rules there."""
    own = host.link("/proc/self/ns/net")
    names = host.texts("/proc/[0-9]*/comm")
    return frozenset(text.strip() for path, text in names if host.link(path.replace("/comm", "/ns/net")) == own)
