# Copyright: (c) 2026, the tidegate developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The interfaces that containers and guests are behind, as those who make them name them by default."""

from __future__ import annotations

BRIDGES = (
    "docker0",
    "docker_gwbridge",
    "br-*",
    "podman*",
    "cni*",
    "cbr0",
    "lxcbr*",
    "lxdbr*",
    "incusbr*",
    "virbr*",
    "flannel*",
    "cali*",
)
"""Docker and its Swarm, networks of Docker, Podman, CNI and Kubernetes, LXC, LXD, Incus, libvirt, Flannel, Calico.

A star at the end stands for any further characters.
"""
