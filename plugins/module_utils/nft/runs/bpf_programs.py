# Copyright: (c) 2026, the tidegate developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Where eBPF programs are attached that decide about packets or sockets: at cgroups, and at interfaces (tcx, netkit).

The kernel is asked about each place (BPF_PROG_QUERY). A list of all programs would not say where they act.
"""

from __future__ import annotations

import ctypes
import errno
import os
import platform
import socket
import struct
from typing import Iterator, Mapping

_SYSCALL = {"x86_64": 321, "i386": 357, "i686": 357, "armv7l": 386, "ppc64le": 361, "ppc64": 361, "s390x": 351}
_SYSCALL_ELSEWHERE = 280
"""Of bpf(2), in the kernel's table for all newer architectures, aarch64 and riscv64 among them."""

# linux/bpf.h
_QUERY, _EFFECTIVE = 16, 1
_ATTRIBUTES = struct.Struct("=IIIIQI100x")
_COUNT = 5
"""Where in these attributes the kernel puts the number of programs."""
CGROUP_HOOKS = {
    0: "ingress",
    1: "egress",
    2: "sock_create",
    3: "sock_ops",
    8: "bind4",
    9: "bind6",
    10: "connect4",
    11: "connect6",
    14: "sendmsg4",
    15: "sendmsg6",
    22: "setsockopt",
    43: "lsm_cgroup",
}
_INTERFACE_HOOKS = {46: "tcx ingress", 47: "tcx egress", 54: "netkit primary", 55: "netkit peer"}
_ABSENT = (errno.EINVAL, errno.ENOSYS, errno.ENODEV, errno.ENOENT)
"""A kernel without this hook or without eBPF, an interface of another kind, or what has just gone."""


def of_cgroups() -> Iterator[tuple[str, tuple[str, ...]]]:
    """Yield (path in the tree, hooks) of each cgroup with programs. Raise OSError."""
    top = _tree()
    for folder, _folders, _files in os.walk(top):
        try:
            place = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
        except FileNotFoundError:
            continue
        try:
            # In a container, the first folder inherits what is attached above it.
            hooks = _attached(place, CGROUP_HOOKS, _EFFECTIVE if folder == top else 0)
        finally:
            os.close(place)
        if hooks:
            yield folder[len(top) :] or "/", hooks


def of_interfaces() -> Iterator[tuple[str, tuple[str, ...]]]:
    """Yield (interface, hooks) of each interface with programs that are not of tc's disciplines. Raise OSError."""
    for index, name in socket.if_nameindex():
        hooks = _attached(index, _INTERFACE_HOOKS, 0)
        if hooks:
            yield name, hooks


def _attached(place: int, hooks: Mapping[int, str], flags: int) -> tuple[str, ...]:
    return tuple(name for hook, name in hooks.items() if _number(place, hook, flags))


def _number(place: int, hook: int, flags: int) -> int:
    """Return how many programs are attached at a place: the descriptor of a cgroup, or the index of an interface."""
    attributes = ctypes.create_string_buffer(_ATTRIBUTES.pack(place, hook, flags, 0, 0, 0), _ATTRIBUTES.size)
    syscall = _SYSCALL.get(platform.machine(), _SYSCALL_ELSEWHERE)
    libc = ctypes.CDLL(None, use_errno=True)
    if libc.syscall(syscall, _QUERY, attributes, _ATTRIBUTES.size) == 0:
        return int(_ATTRIBUTES.unpack(attributes.raw)[_COUNT])
    error = ctypes.get_errno()
    if error in _ABSENT:
        return 0
    raise OSError(error, os.strerror(error))


def _tree() -> str:
    """Return where cgroup v2 is mounted: for this process, else (as below `ip netns exec`) for process 1."""
    for process, root in (("self", ""), ("1", "/proc/1/root")):
        with open(f"/proc/{process}/mounts", encoding="utf-8", errors="surrogateescape") as mounts:  # noqa: PTH123
            for mount in mounts:
                _source, place, kind = mount.split()[:3]
                if kind == "cgroup2" and os.path.isdir(root + place):  # noqa: PTH112
                    return root + place
    raise OSError(errno.ENOENT, "no tree of cgroup v2 is mounted")
