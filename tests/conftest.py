# Copyright: (c) 2026, the tidegate developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Refuse to test anything but this checkout, and to leave anything on the machine that runs the tests.

An installed copy of the collection may come first on the path. Runs keep their state in a folder of the tests' own.
"""

from __future__ import annotations

import os
import signal
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, is_hypothesis_test, settings

import ansible_collections.tidegate.nftables as collection
from ansible_collections.tidegate.nftables.tests.support.golden import Golden
from ansible_collections.tidegate.nftables.tests.support.namespaces import own_named_namespaces

CHECKOUT = Path(__file__).resolve().parents[1]
IMPORTED = Path(next(iter(collection.__path__))).resolve()

if IMPORTED != CHECKOUT:
    message = f"ansible_collections.tidegate.nftables is {IMPORTED}, not this checkout: run `make venv`"
    raise RuntimeError(message)

# What a shell starts in the background ignores Ctrl-C, and so does all that it starts: a controller that a test
# interrupts would go on.
if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
    signal.signal(signal.SIGINT, signal.default_int_handler)

# On a busy machine a generated case may take seconds: what is asserted are results, never times.
settings.register_profile("any_machine", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("any_machine")

EXAMPLES = int(os.environ.get("TIDEGATE_EXAMPLES", "1"))
"""How many times as many examples each property test tries."""
PATHS_OF_A_HOST = ("/run/tidegate", "/var/lib/tidegate", "/usr/local/lib/tidegate", "/etc/tidegate")
"""Paths of the collection on a host, which this machine is not."""


def _left() -> set[str]:
    """Return what tests must not leave: paths of a host and what is in them, and named namespaces of this process."""
    folders = [Path(path) for path in PATHS_OF_A_HOST]
    return {str(path) for folder in folders for path in [folder, *folder.rglob("*")] if path.exists()} | {
        f"network namespace {name}" for name in own_named_namespaces()
    }


def pytest_addoption(parser: pytest.Parser) -> None:
    """Add the option that `make golden` uses."""
    parser.addoption("--regenerate", action="store_true", help="write the golden files anew, and run no other tests")


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """With --regenerate run only the tests that compare with a golden file; make property tests longer."""
    if config.getoption("--regenerate"):
        selected = [item for item in items if "golden" in getattr(item, "fixturenames", ())]
        config.hook.pytest_deselected(items=list(set(items) - set(selected)))
        items[:] = selected
    if EXAMPLES > 1:
        functions: set[Any] = {item.function for item in items if isinstance(item, pytest.Function)}
        for function in filter(is_hypothesis_test, functions):
            usual = function._hypothesis_internal_use_settings
            function._hypothesis_internal_use_settings = settings(usual, max_examples=EXAMPLES * usual.max_examples)


@pytest.fixture
def golden(request: pytest.FixtureRequest) -> Golden:
    """Compare with golden files, or write them."""
    return Golden(request.config.getoption("--regenerate"))


@pytest.fixture(scope="session", autouse=True)
def _run_directory(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """Give every run that a test starts a run directory of the tests' own, also those that Ansible starts."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("TIDEGATE_RUN_DIR", str(tmp_path_factory.mktemp("run") / "tidegate"))
        yield


@pytest.fixture(autouse=True)
def _leaves_nothing() -> Iterator[None]:
    """Fail a test during which something appeared on this machine that is still there when it ends."""
    before = _left()
    yield
    left = sorted(_left() - before)
    assert not left, f"left on this machine by this test, or by other work at the same time: {', '.join(left)}"
