# Copyright: (c) 2026, the tidegate developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Write addresses into sets: one transaction for each answer, on a socket that stays open."""

from __future__ import annotations

import errno
import socket
from contextlib import suppress
from typing import List, Mapping

from ansible_collections.tidegate.nftables.plugins.module_utils.netlink import elements, errors, wire
from ansible_collections.tidegate.nftables.plugins.module_utils.netlink.connection import Connection, open_socket

Writes = Mapping[str, List[bytes]]
"""By set: addresses in network byte order."""

_SILENCE = 5.0
"""Seconds that the kernel may take for an answer: a client waits for it."""
_ACTION = "writing addresses of names"


class SetWriter:
    """Sets of one table, whose elements stay for some seconds from each write. Not for several threads."""

    def __init__(self, family: str, table: str, seconds: int) -> None:
        self._family, self._table = family, table
        self._timeout = wire.attribute(elements.TIMEOUT, (seconds * 1000).to_bytes(8, "big"))
        self._kernel: Connection | None = None
        self._heads: dict[str, bytes] = {}

    def write(self, writes: Writes) -> bool:
        """Write all or nothing; raise NetlinkError. A set that does not exist is left out; return whether none was.

        No rule can accept by a set that is not there, so nothing is opened or closed by leaving it out.
        """
        try:
            self._commit(writes)
        except errors.NoSuchObject:
            for name in writes if len(writes) > 1 else ():
                with suppress(errors.NoSuchObject):
                    self._commit({name: writes[name]})
            return False
        return True

    def _commit(self, writes: Writes) -> None:
        messages = [message for name, keys in writes.items() for message in self._messages(name, keys)]
        if self._kernel is None:
            self._kernel = Connection(_open)
        first = self._kernel.reserve(len(messages) + 2)
        last = first + len(messages)
        parts = [wire.batch_begin(first)]
        for seq, (kind, flags, attributes) in enumerate(messages, start=first + 1):
            flags |= wire.NLM_F_ACK if seq == last else 0
            parts.append(wire.nft_message(kind, flags, seq, wire.family_number(self._family), attributes))
        parts.append(wire.batch_end(last + 1))
        failed = 0
        try:
            for seq, answer in self._kernel.transact(_ACTION, parts, first, last):
                failed = failed or answer.error
                if answer.error and seq == first:
                    break
        except errors.NetlinkError:
            self._forget()
            raise
        if failed:
            # The kernel may have said more than was read.
            self._forget()
            full = f"the set for {', '.join(writes)} is full" if failed == errno.ENFILE else ""
            raise errors.from_errno(_ACTION, failed, full)

    def _messages(self, name: str, keys: list[bytes]) -> list[tuple[int, int, bytes]]:
        """Return the messages for one set.

        On older kernels, adding an element that exists renews nothing, so it is deleted in between: one transaction
        has no gap.
        """
        plain = [elements.element_attribute(key) for key in keys]
        timed = [elements.element_attribute(key, extras=self._timeout) for key in keys]
        head = self._head(name)
        new, old = (wire.NFT_MSG_NEWSETELEM, wire.NLM_F_CREATE), (wire.NFT_MSG_DELSETELEM, 0)
        steps = ((new, plain), (old, plain), (new, timed))
        return [
            (kind, flags, head + part) for (kind, flags), encoded in steps for part in elements.list_attributes(encoded)
        ]

    def _head(self, name: str) -> bytes:
        if name not in self._heads:
            self._heads[name] = wire.string_attribute(elements.LIST_TABLE, self._table) + wire.string_attribute(
                elements.LIST_SET, name
            )
        return self._heads[name]

    def _forget(self) -> None:
        if self._kernel is not None:
            self._kernel.__exit__(None, None, None)
            self._kernel = None


def _open() -> socket.socket:
    sock = open_socket()
    sock.settimeout(_SILENCE)
    return sock
