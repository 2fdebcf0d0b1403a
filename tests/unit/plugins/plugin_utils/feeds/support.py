# Copyright: (c) 2026, the tidegate developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A project directory with prefix lists in it, and a clock that can be turned."""

from __future__ import annotations

import datetime as dt
import os
from pathlib import Path
from typing import Any

import pytest
import yaml

from ansible_collections.tidegate.nftables.plugins.plugin_utils.feeds import FeedError, PrefixListResult, PrefixLists
from ansible_collections.tidegate.nftables.plugins.plugin_utils.policy import PolicyErrors

NOON = dt.datetime(2026, 11, 20, 12, 0, tzinfo=dt.UTC)


class Project:
    """What is there between runs: files, the cache, what servers answer, the day. A run is one call of lists()."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.now = NOON
        self.answers: dict[str, bytes | FeedError] = {}
        self.asked: list[str] = []
        self._runs = 0

    def fetch(self, url: str, _timeout: float) -> bytes:
        self.asked.append(url)
        answer = self.answers[url]
        if isinstance(answer, FeedError):
            raise answer
        return answer

    def file(self, name: str, content: str | bytes, days_old: float = 0) -> Path:
        target = self.path / name
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_bytes(content if isinstance(content, bytes) else content.encode())
        changed = (self.now - dt.timedelta(days=days_old)).timestamp()
        os.utime(target, (changed, changed))
        return target

    def run_dir(self) -> Path:
        self._runs += 1
        return self.path / "runs" / str(self._runs)

    def lists(self, declared: str, **options: Any) -> PrefixLists:
        """The lists of a host in a run of its own, unless run_dir says which."""
        options = {"run_dir": self.run_dir(), "fetch": self.fetch, "project_dir": self.path, **options}
        cache, paths = options.pop("cache_dir", self.path.parent / "cache"), options.pop("search_paths", [self.path])
        return PrefixLists(yaml.safe_load(declared), cache, paths, now=lambda: self.now, **options)

    def resolve(self, declared: str, name: str = "crm", **options: Any) -> PrefixListResult:
        lists = self.lists(declared, **options)
        assert [str(error) for error in lists.errors] == []
        return lists.resolve(name)

    def refusal(self, declared: str, name: str = "crm", **options: Any) -> str:
        """The one error of a list that cannot be resolved, as people read it."""
        with pytest.raises(PolicyErrors) as caught:
            self.resolve(declared, name, **options)
        assert len(caught.value.errors) == 1
        return str(caught.value.errors[0])


def shown(result: PrefixListResult) -> list[str]:
    return result.addresses.cidrs()


def said(result: PrefixListResult) -> list[str]:
    """The notices, as people read them."""
    return [str(notice) for notice in result.notices]
