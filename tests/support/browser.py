# Copyright: (c) 2026, the tidegate developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A headless Chromium without a network, driven over a pipe by its own protocol (Chrome DevTools Protocol)."""

from __future__ import annotations

import base64
import json
import os
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

from .waiting import wait_for

_COMMAND = (
    "exec unshare --net chromium --headless --no-sandbox --disable-gpu --disable-quic --no-first-run "
    "--disable-background-networking --disable-component-update --disable-sync --disable-dev-shm-usage "
    "--hide-scrollbars --force-color-profile=srgb --remote-debugging-pipe --user-data-dir={profile} about:blank "
    "3<&{reads} 4>&{writes}"
)


class Browser:
    """One page. events: what the browser reported, oldest first, by method."""

    def __init__(self, to_browser: int, from_browser: int) -> None:
        self.events: list[tuple[str, dict[str, Any]]] = []
        self._to, self._from = to_browser, from_browser
        self._number, self._buffer, self._session = 0, b"", ""
        target = self.call("Target.createTarget", url="about:blank")["targetId"]
        self._session = self.call("Target.attachToTarget", targetId=target, flatten=True)["sessionId"]
        for domain in ("Page", "Runtime", "Log", "Network"):
            self.call(f"{domain}.enable")

    def call(self, method: str, **parameters: Any) -> dict[str, Any]:
        """Return the result of a command."""
        self._number += 1
        message: dict[str, Any] = {"id": self._number, "method": method, "params": parameters}
        if self._session:
            message["sessionId"] = self._session
        data = json.dumps(message).encode() + b"\0"
        while data:
            data = data[os.write(self._to, data) :]
        while True:
            answer = self._read()
            if answer.get("id") == self._number:
                assert "error" not in answer, answer
                result: dict[str, Any] = answer["result"]
                return result
            if "method" in answer:
                self.events.append((answer["method"], answer["params"]))

    def run(self, program: str) -> Any:
        """Return the value of an expression in the page; promises are awaited."""
        answer = self.call("Runtime.evaluate", expression=program, awaitPromise=True, returnByValue=True)
        assert "exceptionDetails" not in answer, answer
        return answer["result"].get("value")

    def open(self, path: Path, fragment: str = "") -> None:
        """Load a file and wait until its program has run. fragment: of the address, without #."""
        self.call("Page.navigate", url="about:blank")
        self.events.clear()
        self.call("Page.navigate", url=f"file://{path}" + (f"#{fragment}" if fragment else ""))
        self._ready()

    def reload(self) -> None:
        """Load the page again, with what its address says now."""
        self.run("document.documentElement.dataset.ready = ''")
        self.call("Page.reload")
        self._ready()

    def _ready(self) -> None:
        def is_ready() -> Any:
            # While one page takes the place of another there is none to ask.
            with suppress(AssertionError):
                return self.run("document.documentElement?.dataset?.ready || ''")
            return ""

        wait_for(is_ready, "the page's program")

    def press(self, key: str, text: str = "") -> None:
        """Press and release a key, such as Tab or Enter."""
        codes = {"Tab": 9, "Enter": 13, " ": 32}
        about = {
            "key": key,
            "windowsVirtualKeyCode": codes.get(key, 0),
            "text": text or ("\r" if key == "Enter" else ""),
        }
        self.call("Input.dispatchKeyEvent", type="keyDown", **about)
        self.call("Input.dispatchKeyEvent", type="keyUp", **{**about, "text": ""})

    def write(self, text: str) -> None:
        """Write into what has the focus."""
        self.call("Input.insertText", text=text)

    def view(self, width: int, *, dark: bool = False, height: int = 900) -> None:
        """Set the size of the window in pixels, and whether it is dark."""
        self.call("Emulation.setDeviceMetricsOverride", width=width, height=height, deviceScaleFactor=1, mobile=False)
        scheme = {"name": "prefers-color-scheme", "value": "dark" if dark else "light"}
        self.call("Emulation.setEmulatedMedia", features=[scheme])

    def picture(self) -> bytes:
        """Return what the window shows, as PNG."""
        return base64.b64decode(self.call("Page.captureScreenshot", format="png")["data"])

    def pdf(self) -> bytes:
        """Return the page as it prints."""
        return base64.b64decode(self.call("Page.printToPDF", preferCSSPageSize=False)["data"])

    def reported(self, *methods: str) -> list[dict[str, Any]]:
        """Return the events of these methods since the page was opened."""
        self.run("0")
        return [parameters for method, parameters in self.events if method in methods]

    def _read(self) -> dict[str, Any]:
        while b"\0" not in self._buffer:
            data = os.read(self._from, 1 << 20)
            assert data, "the browser has ended"
            self._buffer += data
        message, _end, self._buffer = self._buffer.partition(b"\0")
        answer: dict[str, Any] = json.loads(message)
        return answer


@contextmanager
def browser(folder: Path) -> Iterator[Browser]:
    """Yield a browser with a profile in the folder; it ends with its children."""
    reads, to_browser = os.pipe()
    from_browser, writes = os.pipe()
    command = _COMMAND.format(profile=folder / "profile", reads=reads, writes=writes)
    environment = {**os.environ, "HOME": str(folder)}
    with (folder / "chromium.log").open("wb") as log:
        process = subprocess.Popen(
            ["/bin/bash", "-c", command], pass_fds=(reads, writes), stdout=log, stderr=log, env=environment
        )
    os.close(reads)
    os.close(writes)
    try:
        yield Browser(to_browser, from_browser)
    finally:
        os.close(to_browser)
        with suppress(subprocess.TimeoutExpired):
            process.wait(20)
        process.kill()
        process.wait()
        os.close(from_browser)
