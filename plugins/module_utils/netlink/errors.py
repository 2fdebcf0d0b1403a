# Copyright: (c) 2026, the tidegate developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What can go wrong between us and the kernel's nf_tables, as types a caller can tell apart."""

from __future__ import annotations

import errno
import os

from ansible_collections.tidegate.nftables.plugins.module_utils.errors import TidegateError

# Linux answers ERESTART to a batch that is pinned to a generation which is no longer the current one.
ERESTART = 85


class NetlinkError(TidegateError):
    """The kernel refused, or its answer could not be used; nothing was changed unless a subclass says otherwise.

    errno: the kernel's positive error number, 0 when the error is not the kernel's.
    reason: one word for machines, as the modules return it.
    """

    reason = "rejected_by_nft"

    def __init__(self, message: str, error: int = 0) -> None:
        super().__init__(type(self).reason, message)
        self.errno = error


class MalformedMessage(NetlinkError):
    """A received message contradicts itself (lengths, order, missing attributes); nothing was concluded from it."""

    reason = "not_applied"


class MissingCapability(NetlinkError):
    """The process has no CAP_NET_ADMIN in the user namespace that owns this network namespace."""

    reason = "no_cap_net_admin"


class NoNfTables(NetlinkError):
    """The kernel has no nf_tables, or may not load it here."""

    reason = "no_nf_tables"


class StaleGeneration(NetlinkError):
    """Somebody committed since the generation that a batch was pinned to; nothing of the batch was done."""

    reason = "busy"


class Busy(NetlinkError):
    """The ruleset changed under every attempt to read it, or the object is in use."""

    reason = "busy"


class BufferOverrun(NetlinkError):
    """The socket's receive buffer overflowed (ENOBUFS): answers were lost and what was done is not known."""

    reason = "not_applied"


class MessageTooLong(NetlinkError):
    """One transaction is larger than the send buffer this process may have (a user namespace); nothing was done.

    size, limit: bytes of the transaction and of the largest one that can be sent, 0 when not known.
    """

    reason = "not_applied"
    size = 0
    limit = 0


class NoSuchObject(NetlinkError):
    """The table, set or element that was named is not there (ENOENT)."""


class AlreadyExists(NetlinkError):
    """An element to add is there already or overlaps one that is (EEXIST)."""


class UnsupportedSet(NetlinkError):
    """A kind of set (a map, an unknown key type) that this layer leaves to nft; nothing was done."""


class UnknownLiteral(NetlinkError):
    """A text that this layer cannot turn into a key; nft itself may still know it. Nothing was done."""

    reason = "bad_spec"


class BadElement(NetlinkError):
    """Elements that contradict each other or their set: wrong length, reversed, overlapping. Nothing was done."""

    reason = "bad_spec"


_BY_ERRNO: dict[int, type[NetlinkError]] = {
    errno.EPERM: MissingCapability,
    errno.EACCES: MissingCapability,
    errno.EPROTONOSUPPORT: NoNfTables,
    errno.EAFNOSUPPORT: NoNfTables,
    errno.EOPNOTSUPP: NoNfTables,
    errno.ENOENT: NoSuchObject,
    errno.EEXIST: AlreadyExists,
    errno.EBUSY: Busy,
    errno.EINTR: Busy,
    errno.ENOBUFS: BufferOverrun,
    errno.EMSGSIZE: MessageTooLong,
    ERESTART: StaleGeneration,
}

_CAUSES: dict[type[NetlinkError], str] = {
    MissingCapability: "this process has no CAP_NET_ADMIN here; run the task with become: true",
    NoNfTables: "this kernel has no nf_tables (module not built, not loadable, or blocked by a sandbox)",
    StaleGeneration: "somebody else changed the ruleset in between; nothing was done",
    Busy: "the ruleset is in use or is being changed all the time by somebody else",
    BufferOverrun: "the netlink receive buffer overflowed and answers were lost",
    MessageTooLong: "the transaction is larger than the netlink send buffer this process may have",
}


def too_long(doing: str, size: int, limit: int) -> MessageTooLong:
    """The error for a transaction of size bytes where limit can be sent."""
    told = f"{_CAUSES[MessageTooLong]}: {size} bytes, {limit} possible in this user namespace; nothing was done"
    error = MessageTooLong(f"{doing}: {told}", errno.EMSGSIZE)
    error.size, error.limit = size, limit
    return error


def from_errno(doing: str, error: int, detail: str = "") -> NetlinkError:
    """The typed error for a positive errno that came while doing something ("reading table inet web")."""
    kind = _BY_ERRNO.get(error, NetlinkError)
    cause = _CAUSES.get(kind, os.strerror(error))
    told = f" ({detail})" if detail else ""
    return kind(f"{doing}: {cause}{told} [errno {error}]", error)
