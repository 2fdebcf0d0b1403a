# Copyright: (c) 2026, the tidegate developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The process that owns a lab: it builds the net, answers for its hosts, and removes everything at the end.

The end comes when its owner (the playbook) ends in any way, or with a signal. The keeper is in a session of its own, so
that Ctrl-C at the terminal reaches the playbook; the keeper then notices that the playbook has ended.
"""

from __future__ import annotations

import json
import os
import selectors
import signal
from collections.abc import Mapping
from types import FrameType
from typing import Any

from .build import build, prefix_of, remove, remove_orphans
from .listener import Listener
from .resolvers import Resolvers, prepare
from .topology import LabError, parse

PAUSE = 0.1
"""Seconds between two looks at what policies say about resolvers."""
SIGNALS = (signal.SIGTERM, signal.SIGINT, signal.SIGHUP)


class _Stop(Exception):
    """The owner ended, or a signal came."""


def _stop(_signal: int, _frame: FrameType | None) -> None:
    raise _Stop


def start(spec: Mapping[str, Any], owner: int) -> dict[str, Any]:
    """Start a keeper for an owner and return {keeper, prefix, namespaces} when every host answers.

    Raises LabError when the net cannot be built, after its removal.
    """
    reader, writer = os.pipe()
    child = os.fork()
    if child == 0:
        os.close(reader)
        _detach_and_keep(spec, owner, writer)
    os.close(writer)
    os.waitpid(child, 0)
    with os.fdopen(reader, "rb") as pipe:
        text = pipe.read()
    if not text:
        raise LabError("the keeper of the lab died while it built the net")
    answer: dict[str, Any] = json.loads(text)
    if "error" in answer:
        raise LabError(answer["error"])
    return answer


def stop(keeper: int) -> None:
    """Stop a keeper, which removes its lab, and wait for its end. Remove the lab of a keeper that has ended."""
    try:
        process = os.pidfd_open(keeper)
    except ProcessLookupError:
        remove_orphans()
        return
    with os.fdopen(process, "rb", buffering=0), selectors.DefaultSelector() as selector:
        os.kill(keeper, signal.SIGTERM)
        selector.register(process, selectors.EVENT_READ)
        if not selector.select(timeout=60):
            raise LabError(f"the keeper of the lab (process {keeper}) has not ended after 60 s")


def _detach_and_keep(spec: Mapping[str, Any], owner: int, writer: int) -> None:
    """Become a daemon that outlives its parent and not its owner. Never returns."""
    try:
        os.setsid()
        if os.fork() == 0:
            nothing = os.open(os.devnull, os.O_RDWR)
            for descriptor in range(3):
                os.dup2(nothing, descriptor)
            os.chdir("/")
            keep(spec, owner, writer)
    finally:
        os._exit(0)


def keep(spec: Mapping[str, Any], owner: int, writer: int) -> None:
    """Build the net, report to writer that it is ready or why it is not, answer until the end, remove the net."""
    prefix = prefix_of(os.getpid())
    for number in SIGNALS:
        signal.signal(number, _stop)
    failure: str | None = None
    try:
        _build_and_serve(spec, owner, writer, prefix)
    except _Stop:
        pass
    except (LabError, OSError) as error:
        failure = str(error)
    finally:
        for number in SIGNALS:
            signal.signal(number, signal.SIG_IGN)
        remove(prefix)
    if failure is not None:
        _report(writer, {"error": failure})


def _build_and_serve(spec: Mapping[str, Any], owner: int, writer: int, prefix: str) -> None:
    with selectors.DefaultSelector() as selector:
        process = os.pidfd_open(owner)
        selector.register(process, selectors.EVENT_READ, _owner_gone)
        remove_orphans()
        net = parse(spec, prefix)
        build(net)
        if net.names:
            prepare(net)
        resolvers = Resolvers(net)
        listener = Listener(net, selector)
        try:
            names = {host.name: net.namespace(host.name) for host in net.hosts}
            _report(writer, {"keeper": os.getpid(), "prefix": prefix, "namespaces": names})
            while True:
                for key, _events in selector.select(PAUSE if net.names else None):
                    key.data()
                resolvers.look()
        finally:
            listener.close()


def _owner_gone() -> None:
    raise _Stop


def _report(writer: int, answer: Mapping[str, Any]) -> None:
    with os.fdopen(writer, "wb") as pipe:
        pipe.write(json.dumps(answer).encode())
