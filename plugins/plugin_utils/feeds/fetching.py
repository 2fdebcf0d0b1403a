# Copyright: (c) 2026, the tidegate developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Gets a document from a server, whole or not at all."""

from __future__ import annotations

import http.client
import time
import urllib.error
import zlib
from typing import Any
from urllib.parse import urlsplit

from .model import Unusable
from .options import shown

MOST = 64 * 1024 * 1024
"""Bytes: twenty times the largest list that was met (AWS, 3 MB)."""
_STEP = 65536
_AGENT = "tidegate.nftables"


def fetch(url: str, timeout: float) -> bytes:
    """The document at a URL. Proxies, CAs and netrc are Ansible's (`ansible.module_utils.urls`).

    timeout: seconds, for a connection, for every wait and for the whole. Raises Unusable, also for an answer that was
    cut off: half a list would close what its other half opens.
    """
    # Slow to import, and most policies have no URL.
    from ansible.module_utils import urls

    deadline = time.monotonic() + timeout
    where = shown(url)
    try:
        with urls.open_url(
            url, timeout=timeout, http_agent=_AGENT, follow_redirects="safe", decompress=False
        ) as response:
            _check_way(where, url, response.geturl())
            return _unpacked(where, response.headers, _body(where, response, deadline, timeout))
    except urllib.error.HTTPError as error:
        raise Unusable(f"{where} answers HTTP {error.code} ({error.reason})") from error
    except TimeoutError as error:
        raise _too_slow(where, timeout) from error
    except (OSError, ValueError, http.client.HTTPException, urls.ConnectionError, urls.MissingModuleError) as error:
        if isinstance(getattr(error, "reason", None), TimeoutError):
            raise _too_slow(where, timeout) from error
        raise Unusable(f"{where} cannot be fetched: {_reason(error)}") from error


def _body(where: str, response: Any, deadline: float, timeout: float) -> bytes:
    announced = response.headers.get("Content-Length", "")
    length = int(announced) if announced.isdigit() else None
    pieces: list[bytes] = []
    have = 0
    # One system call a step: a server that drips must not be waited for longer than `timeout` either.
    while length is None or have < length:
        piece = response.read1(_STEP)
        if not piece:
            break
        pieces.append(piece)
        have += len(piece)
        if have > MOST:
            raise Unusable(f"{where} is larger than {MOST // 2**20} MiB", "is it the right URL?")
        if time.monotonic() > deadline:
            raise _too_slow(where, timeout)
    body = b"".join(pieces)
    chunked = "chunked" in response.headers.get("Transfer-Encoding", "").lower()
    if length is not None and have < length:
        raise Unusable(f"{where} was cut off after {have} of {length} bytes", "try again")
    if length is None and not chunked and body[-1:] not in (b"\n", b"}", b"]"):
        # 198.51.0.0/16 cut off reads 198.51.0.0/1.
        raise Unusable(f"{where} may be cut off: the server does not say its length, and its last line has no end")
    return body


def _unpacked(where: str, headers: Any, body: bytes) -> bytes:
    """The body without gzip, which some servers send unasked."""
    encoding = headers.get("Content-Encoding", "identity").lower()
    if encoding == "identity":
        return body
    if encoding != "gzip":
        raise Unusable(f"{where} is sent in the encoding {encoding}, which nobody asked for")
    unpacker = zlib.decompressobj(wbits=31)
    try:
        plain = unpacker.decompress(body, MOST)
    except zlib.error as error:
        raise Unusable(f"{where} is broken: {error}") from error
    if not unpacker.eof:
        raise Unusable(f"{where} was cut off, or is larger than {MOST // 2**20} MiB")
    return plain


def _check_way(where: str, asked: str, answered: str) -> None:
    """An https URL must not be answered over http, wherever a redirect leads."""
    if urlsplit(asked).scheme == "https" and urlsplit(answered).scheme != "https":
        raise Unusable(f"{where} redirects to {shown(answered)}, which is not encrypted")


def _too_slow(where: str, timeout: float) -> Unusable:
    return Unusable(f"{where} did not answer whole within {timeout:g} s", "raise timeout if it is that slow")


def _reason(error: Exception) -> str:
    """What happened, as one line without Python's brackets."""
    reason = getattr(error, "reason", None) or error
    text = getattr(reason, "strerror", None) or str(reason) or type(reason).__name__
    return " ".join(str(text).split())
