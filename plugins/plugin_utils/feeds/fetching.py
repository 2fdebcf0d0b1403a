# Copyright: (c) 2026, the tidegate developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Fetch a document from a server, completely or not at all."""

from __future__ import annotations

import http.client
import time
import urllib.error
import zlib
from typing import Any
from urllib.parse import urljoin, urlsplit

from .model import FeedError
from .options import shown

LIMIT = 16 * 1024 * 1024
"""Bytes; five times the largest list in use (AWS, 3 MB)."""
RATIO = 32
"""How many times larger than its gzip a document may be; JSON of networks is 8 to 15 times larger."""
_SMALL = 1024 * 1024
"""Bytes of a document to which RATIO does not apply."""
_REDIRECTS = {301, 302, 303, 307, 308}
_MOST_REDIRECTS = 5
_STEP = 65536
_AGENT = "tidegate.nftables"


def fetch(url: str, timeout: float) -> bytes:
    """Return the document at a URL. Proxies, CAs and netrc are Ansible's (`ansible.module_utils.urls`).

    timeout: seconds for the connection, for every wait and for the whole document. Raise FeedError, also for an answer
    that was cut off: half a list would close what its other half opens.
    """
    deadline = time.monotonic() + timeout
    target = url
    for _redirect in range(_MOST_REDIRECTS):
        answer = _answer(url, target, deadline, timeout)
        if isinstance(answer, bytes):
            return answer
        target = answer
    raise FeedError(f"{shown(url)} redirects more than {_MOST_REDIRECTS} times", "check the URL")


def _answer(url: str, target: str, deadline: float, timeout: float) -> bytes | str:
    """Return the document, or the URL on the same server to which the server redirects. Raise FeedError."""
    # Slow to import, and most policies have no URL.
    from ansible.module_utils import urls

    where = shown(url)
    try:
        with urls.open_url(
            target, timeout=timeout, http_agent=_AGENT, follow_redirects="none", decompress=False
        ) as response:
            return _unpacked(where, response.headers, _body(where, response, deadline, timeout))
    except urllib.error.HTTPError as error:
        if error.code in _REDIRECTS and error.headers.get("Location"):
            moved = str(urljoin(target, error.headers["Location"]))
            _check_redirect(where, url, moved)
            return moved
        raise FeedError(f"{where} answers HTTP {error.code} ({error.reason})") from error
    except TimeoutError as error:
        raise _too_slow(where, timeout) from error
    except (OSError, ValueError, http.client.HTTPException, urls.ConnectionError, urls.MissingModuleError) as error:
        if isinstance(getattr(error, "reason", None), TimeoutError):
            raise _too_slow(where, timeout) from error
        raise FeedError(f"{where} cannot be fetched: {_reason(error)}") from error


def _body(where: str, response: Any, deadline: float, timeout: float) -> bytes:
    announced = response.headers.get("Content-Length", "")
    length = int(announced) if announced.isdigit() else None
    chunks: list[bytes] = []
    size = 0
    # One system call per step, so that a server which sends a byte at a time does not take longer than `timeout`.
    while length is None or size < length:
        chunk = response.read1(_STEP)
        if not chunk:
            break
        chunks.append(chunk)
        size += len(chunk)
        if size > LIMIT:
            raise FeedError(f"{where} is larger than {LIMIT // 2**20} MiB", "check the URL")
        if time.monotonic() > deadline:
            raise _too_slow(where, timeout)
    body = b"".join(chunks)
    chunked = "chunked" in response.headers.get("Transfer-Encoding", "").lower()
    if length is not None and size < length:
        raise FeedError(f"{where} was cut off after {size} of {length} bytes", "run again")
    if length is None and not chunked and body[-1:] not in (b"\n", b"}", b"]"):
        # 198.51.0.0/16 cut off reads 198.51.0.0/1.
        raise FeedError(f"{where} may be cut off: the server sends no length, and the last line has no end")
    return body


def _unpacked(where: str, headers: Any, body: bytes) -> bytes:
    """Return the body without gzip, which some servers send unasked."""
    encoding = headers.get("Content-Encoding", "identity").lower()
    if encoding == "identity":
        return body
    if encoding != "gzip":
        raise FeedError(f"{where} is sent in the encoding {encoding}, which was not requested")
    allowed = min(LIMIT, max(_SMALL, RATIO * len(body)))
    unpacker = zlib.decompressobj(wbits=31)
    try:
        plain = unpacker.decompress(body, allowed)
    except zlib.error as error:
        raise FeedError(f"{where} is damaged: {error}") from error
    if not unpacker.eof:
        raise FeedError(f"{where} was cut off, or is larger than {allowed // 2**20} MiB when unpacked", "check the URL")
    return plain


def _check_redirect(where: str, requested: str, target: str) -> None:
    """Raise FeedError when a server redirects to another one, such as a metadata service beside the controller.

    The operator named one server. What others answer, and that the controller asks them at all, is not his word.
    """
    before, after = urlsplit(requested), urlsplit(target)
    if before.scheme == "https" and after.scheme != "https":
        raise FeedError(f"{where} redirects to {shown(target)}, which is not encrypted")
    if (before.scheme, before.hostname, before.port) != (after.scheme, after.hostname, after.port):
        raise FeedError(f"{where} redirects to another server: {shown(target)}", "if you trust it, write that URL")


def _too_slow(where: str, timeout: float) -> FeedError:
    return FeedError(f"{where} did not send the whole document within {timeout:g} s", "raise timeout")


def _reason(error: Exception) -> str:
    """Return the reason as one line, without Python's brackets."""
    reason = getattr(error, "reason", None) or error
    text = getattr(reason, "strerror", None) or str(reason) or type(reason).__name__
    return " ".join(str(text).split())
