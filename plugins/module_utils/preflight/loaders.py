# Copyright: (c) 2026, the tidegate developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Programs and units that load rules of their own: they may flush ours, or refuse what ours lets through."""

from __future__ import annotations

import re
from dataclasses import dataclass

from .host import Host, say


@dataclass(frozen=True)
class Kind:
    """One loader. units: its units; processes: names in /proc/PID/comm."""

    name: str
    units: tuple[str, ...]
    processes: tuple[str, ...] = ()


KINDS = (
    Kind("ufw", ("ufw.service",)),
    Kind("firewalld", ("firewalld.service",), ("firewalld",)),
    Kind("nftables", ("nftables.service",)),
    Kind("netfilter-persistent", ("netfilter-persistent.service", "iptables.service", "ip6tables.service")),
    Kind("docker", ("docker.service",), ("dockerd",)),
    Kind("kube-proxy", ("kube-proxy.service", "kubelet.service", "k3s.service"), ("kube-proxy", "kubelet", "k3s")),
    Kind("shorewall", ("shorewall.service", "shorewall6.service")),
    Kind("ferm", ("ferm.service",)),
)

NFTABLES = ("/etc/nftables.conf", "/etc/sysconfig/nftables.conf", "/etc/nftables/*.nft", "/etc/nftables.d/*")
_FLUSH = re.compile(r"^\s*(?:nft\s+)?flush\s+ruleset\b", re.MULTILINE)
_ENABLED = ("enabled", "enabled-runtime", "generated")


@dataclass(frozen=True)
class Loader:
    """A loader that is there. active: it runs or has run; enabled: a boot starts it; flushes: files that flush all."""

    name: str
    active: bool
    enabled: bool
    flushes: tuple[str, ...] = ()


def loaders(host: Host) -> tuple[Loader, ...]:
    """Return the loaders that run, or that a boot would start."""
    # Units below another root would be those of the machine that several hosts share.
    units, processes = {} if host.root else _units(), _processes(host)
    found = []
    for kind in KINDS:
        states = [units[unit] for unit in kind.units if unit in units]
        active = any(state[0] for state in states) or any(name in processes for name in kind.processes)
        enabled = any(state[1] for state in states)
        if kind.name == "ufw":
            active = enabled = "ENABLED=yes" in host.text("/etc/ufw/ufw.conf").replace(" ", "")
        if active or enabled:
            found.append(Loader(kind.name, active, enabled, flushing(host) if kind.name == "nftables" else ()))
    return tuple(found)


def flushing(host: Host) -> tuple[str, ...]:
    """Return the files of nftables.service that begin by flushing everybody's tables."""
    return tuple(path for path, text in host.texts(*NFTABLES) if _FLUSH.search(text))


def _units() -> dict[str, tuple[bool, bool]]:
    """Return (active, enabled) of the units that exist; {} without systemd."""
    wanted = [unit for kind in KINDS for unit in kind.units]
    said = say(["systemctl", "show", "--property", "Id,LoadState,ActiveState,UnitFileState", *wanted])
    found = {}
    for block in said.out.split("\n\n"):
        fields = dict(line.partition("=")[::2] for line in block.split("\n") if "=" in line)
        if fields.get("LoadState") == "loaded":
            enabled = fields.get("UnitFileState", "") in _ENABLED
            found[fields["Id"]] = (fields.get("ActiveState") == "active", enabled)
    return found


def _processes(host: Host) -> frozenset[str]:
    """Return the names of the processes in this network namespace; those in containers load rules there."""
    own = host.link("/proc/self/ns/net")
    found = host.texts("/proc/[0-9]*/comm")
    return frozenset(text.strip() for path, text in found if host.link(path.replace("/comm", "/ns/net")) == own)
