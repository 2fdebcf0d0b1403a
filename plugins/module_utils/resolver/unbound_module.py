# Copyright: (c) 2026, the tidegate developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What runs inside of unbound, in its Python: hand every answer about a name of the policy to the writer, and wait.

unbound ignores what a callback returns, so a callback cannot stop an answer. Fresh answers are therefore handed over
when they are finished, which is before anything leaves, and an answer that the writer refuses becomes SERVFAIL and is
not cached. Cached answers only renew. The installed script takes the functions of this module as its own.
"""

from __future__ import annotations

import json
import os
import socket
import threading
import time
from contextlib import suppress
from pathlib import Path
from typing import Any

from . import document, messages
from .directory import Directory
from .document import OBSERVE, ONLY
from .messages import Reply

DOCUMENT, CHANNEL = "TIDEGATE_NAMES", "TIDEGATE_CHANNEL"
"""Variables of the environment: the path of the document, and the descriptor of the socket to the writer."""

unbound: Any = None
"""unbound's own module, which exists only inside of it; the script sets it."""

_TYPES = ("A", "AAAA")
_HTTPS_AND_SVCB = (64, 65)
_SERVFAIL, _NXDOMAIN = 2, 3
_BOGUS = 1
_PATIENCE = 10.0
"""Seconds that the writer may take; it gives the kernel half of them."""
_AGAIN = 1.0
"""Seconds in which the same addresses of a name are not reported twice: each report costs 0.1 ms."""
_KEPT = 20_000


class Channel:
    """The conversation with the writer. The callbacks of all threads of unbound share it."""

    def __init__(self, number: int) -> None:
        self._socket = socket.socket(fileno=os.dup(number))
        self._socket.settimeout(_PATIENCE)
        self._lock = threading.Lock()
        self._number = 0

    def report(self, kind: int, name: str, keys: list[bytes]) -> Reply:
        """Report an answer."""
        with self._lock:
            self._number = self._number + 1 & 0xFFFFFFFF
            try:
                self._socket.send(messages.pack(messages.Report(self._number, kind, name, keys)))
                while True:
                    data = self._socket.recv(messages.LARGEST)
                    if not data:
                        return Reply(self._number, "the writer has ended", complete=False)
                    reply = messages.unpack_reply(data)
                    if reply.number == self._number:
                        return reply
            except OSError as error:
                return Reply(self._number, f"the writer does not answer: {error}", complete=False)

    def tell(self, kind: int, name: str, keys: list[bytes]) -> None:
        """Report what nobody waits for; nothing where the writer is busy."""
        with self._lock, suppress(OSError):
            self._socket.send(messages.pack(messages.Report(0, kind, name, keys)), socket.MSG_DONTWAIT)

    def close(self) -> None:
        """Close this process's copy of the socket."""
        self._socket.close()


class State:
    """What the module knows between two questions."""

    def __init__(self) -> None:
        self.directory = Directory(document.parse(json.loads(Path(os.environ[DOCUMENT]).read_text("utf-8"))))
        self.only = self.directory.document.dns_names == ONLY
        self.counts = self.directory.document.dns_names in (OBSERVE, ONLY)
        self.channel = Channel(int(os.environ[CHANNEL]))
        self._reported: dict[tuple[str, str], tuple[float, list[bytes]]] = {}

    def answer(self, kind: int, query: Any, reply: Any) -> str:
        """Report an answer, unless it was a moment ago; return why it must not leave, "" where it may."""
        if reply is None or not reply.an_numrrsets or reply.security == _BOGUS:
            return ""
        name = query.qname_str
        named = bool(self.directory.meaning(name).sets)
        keys = _keys(reply) if named or kind == messages.FRESH else []
        if not keys:
            return ""
        if not named:
            # So that what is rejected has a name.
            self.channel.tell(messages.OTHER, name, keys)
            return ""
        last = self._reported.get((name, query.qtype_str))
        now = time.monotonic()
        if last is not None and last[1] == keys and now - last[0] < _AGAIN:
            return ""
        result = self.channel.report(kind, name, keys)
        if result.complete:
            # Else the sets may come within that moment, and a cached answer must not leave before it is in them.
            if len(self._reported) >= _KEPT:
                self._reported.clear()
            self._reported[name, query.qtype_str] = now, keys
        return result.problem


_state: Any = None


def _keys(reply: Any) -> list[bytes]:
    """Return the addresses of an answer."""
    keys = []
    for index in range(reply.an_numrrsets):
        answer = reply.rrsets[index]
        if answer.rk.type_str in _TYPES:
            data = answer.entry.data
            # Two bytes of length come first.
            keys += [bytes(data.rr_data[each])[2:] for each in range(data.count)]
    return keys


def _guarded(kind: int, query: Any, reply: Any) -> str:
    """Return why an answer must not leave; a fault in here is a reason too."""
    try:
        return str(_state.answer(kind, query, reply))
    except Exception as error:  # noqa: BLE001
        unbound.log_err(f"tidegate: {query.qname_str}: {error!r}")
        return repr(error)


def _callback(query: Any, _query_state: Any, reply: Any, *_others: Any, **_more: Any) -> bool:
    _guarded(messages.CACHED, query, reply)
    return True


def init(_number: int, _configuration: Any) -> bool:
    """Do nothing: unbound-checkconf calls this too."""
    return True


def init_standard(number: int, environment: Any) -> bool:
    """Start, also after a reload. unbound-checkconf calls this without a channel."""
    global _state  # noqa: PLW0603
    if CHANNEL not in os.environ:
        return True
    _state = State()
    return bool(unbound.register_inplace_cb_reply_cache(_callback, environment, number))


def deinit(_number: int) -> bool:
    """End, also before a reload."""
    if _state is not None:
        _state.channel.close()
    return True


def inform_super(_number: int, _query: Any, _above: Any, _data: Any) -> bool:
    """Do nothing: a query that another one waits for is handled as any other."""
    return True


def operate(number: int, event: int, query: Any, _data: Any) -> bool:
    """Handle one step of a question."""
    if event in (unbound.MODULE_EVENT_NEW, unbound.MODULE_EVENT_PASS):
        return _begin(number, query)
    if event == unbound.MODULE_EVENT_MODDONE:
        finished = query.return_msg
        if finished and _guarded(messages.FRESH, query.qinfo, finished.rep):
            unbound.invalidateQueryInCache(query, finished.qinfo)
            return _finish(number, query, _SERVFAIL)
        query.ext_state[number] = unbound.MODULE_FINISHED
        return True
    query.ext_state[number] = unbound.MODULE_ERROR
    return True


def _begin(number: int, query: Any) -> bool:
    """Answer a question here, or pass it on."""
    meaning = _state.directory.meaning(query.qinfo.qname_str)
    # unbound's own questions, such as a validator's, have nobody who waits for a reply.
    if not meaning.covered and _state.counts and query.mesh_info.reply_list is not None:
        if _state.only:
            return _finish(number, query, _NXDOMAIN)
        _state.channel.tell(messages.UNKNOWN, query.qinfo.qname_str, [])
    if meaning.sets and query.qinfo.qtype in _HTTPS_AND_SVCB:
        # They carry addresses that no set has, and keys that hide the name from a proxy.
        return _finish_empty(number, query)
    query.ext_state[number] = unbound.MODULE_WAIT_MODULE
    return True


def _finish(number: int, query: Any, rcode: int) -> bool:
    query.return_rcode = rcode
    query.return_msg = None
    query.ext_state[number] = unbound.MODULE_FINISHED
    return True


def _finish_empty(number: int, query: Any) -> bool:
    message = unbound.DNSMessage(
        query.qinfo.qname_str, query.qinfo.qtype, unbound.RR_CLASS_IN, unbound.PKT_QR | unbound.PKT_RA
    )
    made = message.set_return_msg(query)
    query.return_rcode = 0
    query.ext_state[number] = unbound.MODULE_FINISHED if made else unbound.MODULE_ERROR
    return True
