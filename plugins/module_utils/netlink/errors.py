# Copyright: (c) 2026, the tidegate developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What can go wrong between this process and the kernel's nf_tables, as types that a caller can distinguish."""

from __future__ import annotations

import errno
import os

from ansible_collections.tidegate.nftables.plugins.module_utils.errors import TidegateError

# Linux answers ERESTART to a batch that is pinned to a generation which is no longer the current one.
ERESTART = 85


class NetlinkError(TidegateError):
    """The kernel refused a request, or its answer cannot be used. Nothing was changed unless a subclass says otherwise.

    errno: the kernel's positive error number, 0 when the error is not the kernel's.
    """

    reason = "rejected_by_nft"

    def __init__(self, message: str, error: int = 0) -> None:
        super().__init__(self.reason, message)
        self.errno = error


class MalformedMessage(NetlinkError):
    """A message from the kernel contradicts itself (lengths, order, missing attributes); no part of it is used."""

    reason = "not_applied"


class MissingCapability(NetlinkError):
    """The process has no CAP_NET_ADMIN in the user namespace that owns this network namespace."""

    reason = "no_cap_net_admin"


class NoNfTables(NetlinkError):
    """The kernel has no nf_tables, or may not load it here."""

    reason = "no_nf_tables"


class StaleGeneration(NetlinkError):
    """Another program committed after the generation that a batch is pinned to."""

    reason = "busy"


class Busy(NetlinkError):
    """The ruleset changed during every attempt to read it, or the object is in use."""

    reason = "busy"


class BufferOverrun(NetlinkError):
    """The socket's receive buffer overflowed (ENOBUFS), so answers are lost: the change may be done or not."""

    reason = "not_applied"


class MessageTooLong(NetlinkError):
    """One transaction is larger than the send buffer that this process may have (in a user namespace).

    size, limit: bytes of the transaction and of the largest one that can be sent, 0 when not known.
    """

    reason = "not_applied"
    size = 0
    limit = 0


class NoSuchObject(NetlinkError):
    """The table, set or element does not exist (ENOENT)."""


class AlreadyExists(NetlinkError):
    """An element to add exists already or overlaps an existing one (EEXIST)."""


class UnsupportedSet(NetlinkError):
    """A kind of set that this room leaves to nft: a map, a concatenation, keys other than addresses."""


class UnknownLiteral(NetlinkError):
    """A text that this room cannot turn into a key; nft may still know it."""

    reason = "bad_spec"


class BadElement(NetlinkError):
    """Elements that contradict each other or their set: wrong length, reversed, overlapping."""

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
    NoNfTables: "this kernel has no nf_tables (not built, not loadable, or blocked by a sandbox)",
    StaleGeneration: "another program changed the ruleset in between; nothing was changed",
    Busy: "the ruleset is in use, or another program changes it all the time",
    BufferOverrun: "the netlink receive buffer overflowed and answers are lost",
    MessageTooLong: "the transaction is larger than the netlink send buffer that this process may have",
}


def too_long(action: str, size: int, limit: int) -> MessageTooLong:
    """Return the error for a transaction of size bytes where limit bytes can be sent."""
    sizes = f"{size} bytes, at most {limit} in this user namespace; nothing was changed"
    error = MessageTooLong(f"{action}: {_CAUSES[MessageTooLong]}: {sizes}", errno.EMSGSIZE)
    error.size, error.limit = size, limit
    return error


def from_errno(action: str, error: int, detail: str = "") -> NetlinkError:
    """Return the typed error for a positive errno of an action such as "reading table inet web"."""
    kind = _BY_ERRNO.get(error, NetlinkError)
    cause = _CAUSES.get(kind, os.strerror(error))
    details = f" ({detail})" if detail else ""
    return kind(f"{action}: {cause}{details} [errno {error}]", error)
