# Copyright: (c) 2026, the tidegate developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What every process commits, as the kernel announces it to those who listen."""

from __future__ import annotations

import errno
from typing import Iterator, NamedTuple

from . import errors, wire
from .connection import open_socket

# linux/netlink.h, linux/netfilter/nfnetlink.h, linux/netfilter/nf_tables.h
_SOL_NETLINK = 270
_ADD_MEMBERSHIP = 1
_GROUP_NFTABLES = 7
_RECEIVE = 65536
_CHAINS = (3, 5)
_DELETES = (wire.NFT_MSG_DELTABLE, 5, 11)
_TABLES = (wire.NFT_MSG_NEWTABLE, wire.NFT_MSG_DELTABLE)


class Commit(NamedTuple):
    """One commit. touched: the tables, chains (also by their rules) and sets that it changed; deleted: it deleted."""

    touched: frozenset[tuple[str, str, str]]
    deleted: frozenset[tuple[str, str, str]]


class CommitListener:
    """Hears the commits of all processes in this network namespace from now on; use as a context manager."""

    def __init__(self) -> None:
        self._socket = open_socket()
        try:
            self._socket.setsockopt(_SOL_NETLINK, _ADD_MEMBERSHIP, _GROUP_NFTABLES)
            self._socket.settimeout(0)
        except OSError as error:
            self.close()
            raise errors.from_errno("listening to commits", error.errno or 0) from error

    def close(self) -> None:
        """Stop to listen."""
        self._socket.close()

    def commits(self) -> list[Commit] | None:
        """Return the commits since the last call, None when some of them were too long to be heard."""
        heard: list[Commit] = []
        touched: set[tuple[str, str, str]] = set()
        deleted: set[tuple[str, str, str]] = set()
        try:
            for message in self._messages():
                kind = message.type & 0xFF
                if kind == wire.NFT_MSG_NEWGEN:
                    heard.append(Commit(frozenset(touched), frozenset(deleted)))
                    touched, deleted = set(), set()
                    continue
                target = _target(kind, message)
                touched.add(target)
                if kind in _DELETES:
                    deleted.add(target)
        except OSError:
            return None
        return heard

    def _messages(self) -> Iterator[wire.Message]:
        while True:
            try:
                data = self._socket.recv(_RECEIVE)
            except OSError as error:
                if error.errno in (errno.EAGAIN, errno.EWOULDBLOCK):
                    return
                raise
            yield from wire.parse_messages(data)


def _target(kind: int, message: wire.Message) -> tuple[str, str, str]:
    family, attributes = wire.nft_payload(message, kind)
    # The table is the first attribute of every kind; the name is the third of a chain, the second of a rule's chain,
    # of a set, of a list of elements and of an object.
    name = "" if kind in _TABLES else wire.text(attributes, 3 if kind in _CHAINS else 2)
    return wire.family_name(family), wire.text(attributes, 1), name
