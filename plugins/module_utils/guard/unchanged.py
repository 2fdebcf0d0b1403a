# Copyright: (c) 2026, the tidegate developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Whether a host is still as a whole run of the guard found it right, asked without Ansible's module framework.

This file alone is sent to a host (plugin_utils/confirm/unchanged.py) and run with a request, so it imports nothing of
the collection. The guard itself writes the record by the same functions (program/unchanged_record.py). Everything that
a whole run looks at is in the record; what is not equal, or cannot be read, is left to a whole run.
"""

from __future__ import annotations

import errno
import fcntl
import hashlib
import json
import os
import pwd
import socket
import stat
import struct
import sys
import time
from contextlib import closing

TYPE_CHECKING = False
if TYPE_CHECKING:  # typing takes as long to import as all of this takes to run
    from typing import Any, Callable, Collection, Dict, List, Mapping, Tuple

    Pairs = List[Tuple[int, bytes]]
    """Netlink attributes: type and value of each."""
    Attributes = Dict[int, bytes]

RECORD = "/run/tidegate/unchanged.json"
LOCK = "/run/tidegate/lock"
SCRATCH = "scratch."
"""What the files of scratch tables begin with; a killed run leaves one, and a whole run removes its table."""

TABLE = b"tidegate\0"
INET = 1
ATTEMPTS = 20
"""How often the table is read again because another program commits meanwhile."""

CHAIN, RULE, SET, ELEMENTS, OBJECT, FLOWTABLE = 4, 7, 10, 13, 19, 23
"""NFT_MSG_GET* of each kind; 1 is that of tables, 16 that of the generation."""
LEFT_OUT = {
    1: (3, 4, 5),  # use, handle, padding
    CHAIN: (2, 6, 8, 9),  # handle, use, counters of the policy, padding
    RULE: (3, 6, 8),  # handle, position, padding
    SET: (14, 16, 19, 20),  # padding, handle, the kernel's type, its count
    OBJECT: (5, 6, 7),  # use, handle, padding
    FLOWTABLE: (4, 5, 6),  # use, handle, padding
}
COUNTED = {b"counter\0": (1, 2, 3), b"last\0": (1, 2, 3), b"quota\0": (4,)}
"""Expressions that count, with the attributes of their data that hold numbers of packets and times."""
OBJECTS = {bytes((0, 0, 0, 1)): COUNTED[b"counter\0"], bytes((0, 0, 0, 2)): COUNTED[b"quota\0"]}
"""The same by the type of a named object."""
DYNAMIC = 0x40  # NFT_SET_EVAL: packets fill the set
RESTART, INTERRUPTED = 85, 0x10  # -ERESTART: another generation; NLM_F_DUMP_INTR: a commit came between


def answer(request: Mapping[str, Any]) -> dict[str, Any]:
    """Return whether the host is as recorded. request: root and digest, see plugin_utils/confirm/unchanged.py.

    unchanged: whether a whole run would find nothing to do, with the result of it beside; else differs: the first
    thing that is not as recorded, in a word or two.
    """
    try:
        return {"changed": False, **_answer(request["root"], request["digest"])}
    except Exception as error:  # noqa: BLE001  # whatever it is, a whole run says it better
        return {"changed": False, "unchanged": False, "differs": f"{type(error).__name__}: {error}"}


def _answer(root: str, digest: str) -> dict[str, Any]:
    # Shared: several may ask, and nobody of ours writes meanwhile.
    with open(root + LOCK, "rb") as lock:
        fcntl.flock(lock, fcntl.LOCK_SH | fcntl.LOCK_NB)
        record = read(root + RECORD)
        if record["digest"] != digest:
            return {"unchanged": False, "differs": "arguments"}
        now = facts(record["about"])
        for name, value in now.items():
            if value != record["facts"][name]:
                return {"unchanged": False, "differs": _first_difference(name, value, record["facts"][name])}
        with closing(Kernel()) as kernel:
            if kernel.settled() != record["generation"] and kernel.table(record["others"])[1] != record["table"]:
                return {"unchanged": False, "differs": "table"}
            counters = kernel.counters()
    return {"unchanged": True, **record["result"], "counters": {f"inet {TABLE[:-1].decode()}": counters}}


def _first_difference(name: str, now: Any, before: Any) -> str:
    keys = [key for key in now if now[key] != before.get(key)] if isinstance(now, dict) else []
    return f"{name} {keys[0]}" if keys else name


def read(path: str) -> dict[str, Any]:
    """Return the record; raise for one that others than this user could have written."""
    with open(os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_CLOEXEC), "rb") as file:
        for status in (os.fstat(file.fileno()), os.lstat(os.path.dirname(path))):
            if status.st_uid != os.geteuid() or status.st_mode & 0o022:
                raise PermissionError(f"others may write to {path}")
        record: dict[str, Any] = json.loads(file.read())
    return record


def facts(about: Mapping[str, Any]) -> dict[str, Any]:
    """Return what the host is like now.

    about: paths by content, link and mode; stamps, paths by their last change; present, paths that are there; held,
    files that a process keeps locked; empty, folders without files of scratch tables; users by their uid; units
    by which of their paths is there, see `first`; routed, whether interfaces with routes count, as where containers are
    filtered.
    """
    with open("/proc/sys/kernel/random/boot_id") as file, open("/proc/1/stat") as status:
        boot = [file.read().strip(), status.read().rpartition(")")[2].split()[19], _namespace()]
    return {
        "boot": boot,
        "clock": time.localtime().tm_gmtoff,
        "python": [sys.executable, os.path.realpath("/usr/bin/python3")],
        "systemd": _systemd(),
        "files": {path: content(path) for path in about["paths"]},
        "stamps": {path: _stamp(path) for path in about["stamps"]},
        "present": {path: os.path.exists(path) for path in about["present"]},
        "held": {path: _held(path) for path in about["held"]},
        "scratch": [name for path in about["empty"] for name in os.listdir(path) if name.startswith(SCRATCH)],
        "users": {name: _uid(name) for name in about["users"]},
        "units": {name: first(places) for name, places in about["units"].items()},
        "routed": _routed() if about["routed"] else [],
    }


def content(path: str) -> list[Any] | None:
    """Return the target of a link, mode, owner, and a checksum of what is in a file; None where there is none."""
    try:
        status = os.lstat(path)
    except OSError:
        return None
    link = os.readlink(path) if stat.S_ISLNK(status.st_mode) else ""
    try:
        with open(path, "rb") as file:
            return [link, stat.S_IMODE(status.st_mode), status.st_uid, hashlib.sha256(file.read()).hexdigest()]
    except OSError:
        return [link, stat.S_IMODE(status.st_mode), status.st_uid, ""]


def first(paths: Collection[str]) -> list[str]:
    """Return the first of these paths that is there, and the target of a link; "" for none."""
    path = next(filter(os.path.lexists, paths), "")
    return [path, os.readlink(path) if os.path.islink(path) else ""]


def _stamp(path: str) -> list[int]:
    status = os.stat(path)
    return [status.st_mtime_ns, status.st_size, status.st_ino]


def _held(path: str) -> bool:
    with open(path, "rb") as file:
        try:
            # Shared, so that two who ask at once do not take each other for the holder.
            fcntl.flock(file, fcntl.LOCK_SH | fcntl.LOCK_NB)
        except BlockingIOError:
            return True
    return False


def _uid(name: str) -> int | None:
    try:
        return pwd.getpwnam(name).pw_uid
    except (KeyError, ValueError):
        return None


def _routed() -> list[str]:
    """Return the interfaces with routes: a whole run says which of them containers can be behind unfiltered."""
    with open("/proc/net/route") as four:
        names = {line.split()[0] for line in four.readlines()[1:]}
    if os.path.exists("/proc/net/ipv6_route"):
        with open("/proc/net/ipv6_route") as six:
            names.update(line.split()[9] for line in six if not line.startswith(("fe80", "ff")))
    return sorted(names)


def _namespace() -> list[Any]:
    """Return the network namespace, by its inode and, since Linux 5.14, by the number that no other has since boot."""
    option = {"sparc64": 0x50, "parisc": 0x4045, "parisc64": 0x4045}.get(os.uname().machine, 71)
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as any_socket:
        try:
            cookie = any_socket.getsockopt(socket.SOL_SOCKET, option, 8).hex()
        except OSError:
            cookie = ""
    return [os.readlink("/proc/self/ns/net"), cookie]


def _systemd() -> list[Any]:
    """Return what says whether systemd is process 1 and acts in our network namespace (host/clock.py)."""
    try:
        namespace = os.stat("/proc/1/ns/net").st_ino
    except OSError:
        namespace = 0
    return [os.path.isdir("/run/systemd/system"), namespace]


def parse(data: bytes) -> Pairs:
    """Return netlink attributes, each as (type, value)."""
    at, pairs = 0, []
    while at + 4 <= len(data):
        size, kind = struct.unpack_from("=HH", data, at)
        if size < 4:
            raise ValueError("a netlink attribute is too short")
        pairs.append((kind & 0x3FFF, data[at + 4 : at + size]))
        at += (size + 3) & ~3
    return pairs


def attribute(kind: int, value: bytes) -> bytes:
    """Return one attribute."""
    return struct.pack("=HH", len(value) + 4, kind) + value + bytes(-len(value) % 4)


class Kernel:
    """A conversation with nf_tables of this network namespace. Raises OSError for what the kernel refuses."""

    def __init__(self) -> None:
        self._socket = socket.socket(socket.AF_NETLINK, socket.SOCK_RAW | socket.SOCK_CLOEXEC, 12)
        self._socket.bind((0, 0))
        self._socket.settimeout(60)
        self._number = 0
        self._stale = False

    def close(self) -> None:
        """End it."""
        self._socket.close()

    def settled(self) -> int:
        """Return the generation when no commit is under way.

        The kernel counts a generation before its commit is complete. It handles an empty transaction only between
        commits, and refuses one for another generation.
        """
        subsystem = struct.pack("=BBH", 0, 0, socket.htons(10))
        for _attempt in range(ATTEMPTS):
            generation = dict(self.ask(16)[0])[1]
            self._stale = False
            begin = _message(16, 1, self._number, subsystem + attribute(1, generation))
            self._socket.send(begin + _message(17, 1, self._number, subsystem))
            if dict(self.ask(16)[0])[1] == generation and not self._stale:
                return int.from_bytes(generation, "big")
        raise OSError(errno.EBUSY, "the ruleset changes all the time")

    def table(self, others: Collection[str]) -> tuple[int, str]:
        """Return a generation, and a checksum of the table in it without what packets count and others own.

        others: sets whose elements the policy does not own. An element that expires makes another checksum each time.
        """
        for _attempt in range(ATTEMPTS):
            generation = self.settled()
            try:
                checksum = self._checksum(others)
            except InterruptedError:
                continue
            if self.settled() == generation:
                return generation, checksum
        raise OSError(errno.EBUSY, "the ruleset changes all the time")

    def _checksum(self, others: Collection[str]) -> str:
        checksum = hashlib.sha256()
        for kind in LEFT_OUT:
            for pairs in self.ask(kind, attribute(1, TABLE), dump=kind != 1):
                # Of some kinds, the kernel reports those of every table.
                if dict(pairs)[1] == TABLE:
                    checksum.update(repr((kind, _without_counts(kind, pairs))).encode())
                    if kind == SET:
                        self._add_elements(checksum.update, dict(pairs), others)
        return checksum.hexdigest()

    def _add_elements(self, add: Callable[[bytes], None], declaration: Attributes, others: Collection[str]) -> None:
        name = declaration[2]
        if int.from_bytes(declaration.get(3, b""), "big") & DYNAMIC or name.rstrip(b"\0").decode() in others:
            return
        lists = (
            dict(pairs).get(3, b"") for pairs in self.ask(ELEMENTS, attribute(1, TABLE) + attribute(2, name), dump=True)
        )
        # A hash set has them in another order each time that it is made.
        add(repr(sorted(element for each in lists for _kind, element in parse(each))).encode())

    def counters(self) -> dict[str, dict[str, int]]:
        """Return packets and bytes of each named counter."""
        named = {}
        for each in map(dict, self.ask(OBJECT, attribute(1, TABLE), dump=True)):
            if each[1] == TABLE and each[3] == bytes((0, 0, 0, 1)):
                size, packets = (int.from_bytes(dict(parse(each[4]))[kind], "big") for kind in (1, 2))
                named[each[2].rstrip(b"\0").decode()] = {"packets": packets, "bytes": size}
        return dict(sorted(named.items()))

    def ask(self, kind: int, attributes: bytes = b"", *, dump: bool = False) -> list[list[tuple[int, bytes]]]:
        """Return the attributes of each answer; raise InterruptedError where a commit came into a dump."""
        self._number += 1
        body = struct.pack("=BBH", INET if attributes else 0, 0, 0) + attributes
        self._socket.send(_message(10 << 8 | kind, 0x301 if dump else 5, self._number, body))
        answers, interrupted = [], False
        while True:
            for kind_of, marks, number, payload in self._received():
                interrupted = interrupted or bool(marks & INTERRUPTED)
                if kind_of not in (2, 3):  # NLMSG_ERROR, NLMSG_DONE
                    answers.append(parse(payload[4:]))
                    continue
                code = -struct.unpack_from("=i", payload)[0]
                if code == RESTART:
                    self._stale = True
                elif code and code != errno.EINTR:
                    raise OSError(code, os.strerror(code))
                elif number == self._number:
                    if interrupted or code:
                        raise InterruptedError
                    return answers

    def _received(self) -> list[tuple[int, int, int, bytes]]:
        """Return (kind, flags, number, payload) of the messages in the next datagram of the kernel."""
        data, _ancillary, flags, sender = self._socket.recvmsg(1 << 16)
        if flags & socket.MSG_TRUNC:
            raise OSError(errno.EMSGSIZE, "a netlink datagram is truncated")
        at, messages = 0, []
        while at < len(data) and sender[0] == 0:
            size, kind, marks, number, _port = struct.unpack_from("=IHHII", data, at)
            messages.append((kind, marks, number, data[at + 16 : at + size]))
            at += (size + 3) & ~3
        return messages


def _message(kind: int, flags: int, number: int, body: bytes) -> bytes:
    return struct.pack("=IHHII", len(body) + 16, kind, flags, number, 0) + body


def _without_counts(kind: int, pairs: Pairs) -> list[tuple[int, object]]:
    kept: list[tuple[int, object]] = [pair for pair in pairs if pair[0] not in LEFT_OUT[kind]]
    if kind == OBJECT:
        counted = OBJECTS.get(dict(pairs)[3], ())
        return [(number, _without(value, counted) if number == 4 else value) for number, value in kept]
    if kind == RULE:
        return [(number, _expressions(value) if number == 4 else value) for number, value in kept]
    return kept


def _expressions(value: Any) -> list[object]:
    each = [dict(parse(expression)) for _kind, expression in parse(value)]
    return [(one[1], _without(one.get(2, b""), COUNTED[one[1]]) if one[1] in COUNTED else one.get(2)) for one in each]


def _without(value: Any, left_out: Collection[int]) -> list[tuple[int, bytes]]:
    return [pair for pair in parse(value) if pair[0] not in left_out]


def main(request: Mapping[str, Any]) -> None:
    """Print the answer as a module does."""
    sys.stdout.write(json.dumps(answer(request)))
