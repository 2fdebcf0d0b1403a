# Copyright: (c) 2026, the tidegate developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The prefix lists of a host, and the networks that each has in this run."""

from __future__ import annotations

import datetime as dt
import os
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from ansible_collections.tidegate.nftables.plugins.plugin_utils.policy.errors import (
    ErrorReport,
    NoticeKind,
    Origins,
    PolicyErrors,
    variable,
)
from ansible_collections.tidegate.nftables.plugins.plugin_utils.policy.reading import hints, values
from ansible_collections.tidegate.nftables.plugins.plugin_utils.policy.sets import addresses

from . import declarations, documents, fetching, files, guards, options
from .copies import Copies, Copy, digest, identity
from .model import Clock, FeedError, Fetch, PrefixList, PrefixListResult, TemplateFailure
from .outcome import Outcome
from .run import Run

ACCEPT = "egress_prefix_list_accept"


def default_cache_dir() -> Path:
    """Return where copies are kept by default (XDG Base Directory Specification)."""
    return Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "tidegate" / "prefix_lists"


def _now() -> dt.datetime:
    return dt.datetime.now(dt.UTC)


class PrefixLists:
    """The lists that one host's variables declare.

    declared: the templated value of egress_prefix_lists, best from template_each. cache_dir: the directory of last good
    copies; a relative path begins at project_dir. search_paths: where the files of `file:` are searched, in order.
    project_dir: the directory of the playbook. run_dir: a directory that all workers of this run share and that is
    removed with it. check_mode: last good copies are read, but not written. accept: the value of
    egress_prefix_list_accept, lists whose max_change is ignored in this run. Nothing is read or fetched before a list
    is resolved.

    errors: all errors of the declarations, used or not.
    """

    def __init__(
        self,
        declared: Any,
        cache_dir: Path | str,
        search_paths: Sequence[Path | str],
        *,
        project_dir: Path | str,
        run_dir: Path | str,
        origins: Origins | None = None,
        check_mode: bool = False,
        accept: Any = None,
        fetch: Fetch = fetching.fetch,
        now: Clock = _now,
    ) -> None:
        self._origins: Origins = origins or {}
        report = ErrorReport(self._origins)
        self._lists = declarations.parse(report, declared)
        mapping = declared if isinstance(declared, Mapping) else {}
        self._declared = sorted(str(name) for name in mapping)
        failures = {name: item for name, item in mapping.items() if isinstance(item, TemplateFailure)}
        self._template_failures = {str(name): failure.reason for name, failure in failures.items()}
        self._accepted = self._accept(report, accept)
        self.errors = tuple(report.errors)
        self._search_paths = [Path(path) for path in search_paths]
        project = Path(project_dir)
        self._copies = Copies(project / Path(cache_dir).expanduser(), project)
        self._run = Run(Path(run_dir))
        self._check_mode = check_mode
        self._fetch = fetch
        self._now = now
        self._resolved: dict[str, PrefixListResult] = {}

    @property
    def names(self) -> tuple[str, ...]:
        """The names of all declared lists, sorted, including those with errors."""
        return tuple(self._declared)

    def resolve(self, name: str) -> PrefixListResult:
        """Return the networks of a list; each source is fetched once per run.

        Raise PolicyErrors when the list is not declared, its declaration has errors, or its source cannot be used and
        there is no good copy.
        """
        if name not in self._resolved:
            self._resolved[name] = self._resolve(name)
        return self._resolved[name]

    def _resolve(self, name: str) -> PrefixListResult:
        declared = self._lists.get(name)
        report = ErrorReport(self._origins)
        if declared is None:
            if name in self._template_failures:
                place, cause = variable(declarations.VARIABLE).key(name), self._template_failures[name]
                report.error(place, f"cannot be templated for this host: {cause}", "define it for this host")
                raise PolicyErrors(tuple(report.errors))
            if name in self._declared and self.errors:
                raise PolicyErrors(self.errors)
            fix = hints.did_you_mean(name, self._declared) or "declare it: NAME: {url: …}"
            report.error(variable(declarations.VARIABLE), f"there is no list {values.show(name)}", fix)
            raise PolicyErrors(tuple(report.errors))
        if declared.kind in ("inline", "external"):
            return PrefixListResult(
                name,
                declared.addresses,
                external=declared.kind == "external",
                shared=declared.shared,
                source=_source(declared),
                names=declared.names,
            )
        try:
            outcome = Outcome.parse(self._run.once(self._key(declared), lambda: self._obtain(declared).text()))
        except FeedError as error:
            report.error(declared.place, error.cause, error.fix)
            raise PolicyErrors(tuple(report.errors)) from error
        except OSError as error:
            cause = f"cannot be stored for this run: {error.filename}: {error.strerror}"
            report.error(declared.place, cause, "make Ansible's local temporary directory writable")
            raise PolicyErrors(tuple(report.errors)) from error
        for kind, text in outcome.notices:
            report.notice(kind, declared.place, text)
        return PrefixListResult(
            name,
            outcome.addresses,
            shared=declared.shared,
            source=_source(declared),
            fetched_at=outcome.fetched_at,
            kept=outcome.kept,
            notices=tuple(report.notices),
        )

    def _obtain(self, declared: PrefixList) -> Outcome:
        """Return the list from its source, or its last good copy. Raise FeedError when there is neither."""
        copy, now = self._copy(declared), self._now()
        if copy is not None and guards.is_fresh(declared, copy, now):
            return Outcome(copy.addresses, copy.fetched_at)
        try:
            new = self._new(declared, now)
            accepted = declared.name in self._accepted
            notices = [] if accepted else guards.check_change(declared, copy, new)
        except FeedError as error:
            return guards.fall_back(declared, copy, error, now, self._copies.directory)
        return Outcome(new.addresses, new.fetched_at, notices=(*notices, *self._keep(declared, new)))

    def _copy(self, declared: PrefixList) -> Copy | None:
        """Return the last good copy as it was when the run began, the same for hosts with other guards."""
        key = digest("copy", str(self._copies.path(declared)))
        return self._copies.parse(self._run.once(key, lambda: self._copies.load(declared)))

    def _new(self, declared: PrefixList, now: dt.datetime) -> Copy:
        """Return the current content of the source, or of all of them. Of several sources each must be good."""
        if not declared.sources:
            return self._content(declared, declared, now)
        contents = []
        for source in declared.sources:
            try:
                contents.append(self._content(declared, source, now))
            except FeedError as error:
                where = "" if source.location in error.cause else f"{_source(source)}: "
                raise FeedError(f"{where}{error.cause}", error.fix) from error
        joined = addresses.union(content.addresses for content in contents)
        documents.check_whole(joined)
        return Copy(joined, min(content.fetched_at for content in contents))

    def _content(self, declared: PrefixList, source: PrefixList, now: dt.datetime) -> Copy:
        """Return the current content of one source of a list."""
        if source.kind == "file":
            body, moment = files.read(source.location, self._search_paths)
        else:
            fetched_at, _newline, body = self._document(source).partition(b"\n")
            moment = dt.datetime.fromisoformat(fetched_at.decode())
        content = Copy(documents.read(source, body), moment)
        guards.check_age(declared, source.location, content, now)
        return content

    def _document(self, declared: PrefixList) -> bytes:
        """Return the time of fetching, a newline and the document; lists with the same URL share it."""

        def fetch() -> bytes:
            body = self._fetch(declared.location, declared.timeout)
            return self._now().isoformat(timespec="seconds").encode() + b"\n" + body

        return self._run.once(digest("document", declared.location), fetch)

    def _keep(self, declared: PrefixList, copy: Copy) -> list[tuple[NoticeKind, str]]:
        """Write the last good copy; return a notice when it cannot be written."""
        if self._check_mode:
            return []
        try:
            self._copies.write(declared, _source(declared), copy)
        except OSError as error:
            text = f"is used, but its copy could not be written to {self._copies.directory}: {error.strerror}"
            return [("prefix_list_not_kept", text)]
        return []

    def _key(self, declared: PrefixList) -> str:
        """Return a key that is the same for all hosts for which the list has the same content."""
        return digest(
            identity(declared),
            [declared.max_age_days, declared.max_change, declared.refresh_minutes, declared.name in self._accepted],
            [str(path) for path in self._search_paths],
            [str(self._copies.directory), str(self._copies.project_dir), self._check_mode],
        )

    def _accept(self, report: ErrorReport, value: Any) -> frozenset[str]:
        """Return the names in egress_prefix_list_accept: a list, or one text with commas, as `-e` passes it."""
        place, names = variable(ACCEPT), []
        elements = [] if value is None or value == "" else values.items(report, place, value) or []
        for at, item in elements:
            for name in str(item).split(","):
                if name.strip() not in self._declared:
                    fix = hints.did_you_mean(name.strip(), self._declared)
                    report.error(at, f"there is no list {values.show(name.strip())}", fix)
                names.append(name.strip())
        return frozenset(names)


def _source(declared: PrefixList) -> str:
    """Return where a list comes from, for people and without credentials."""
    if declared.kind in ("inline", "external"):
        return {"inline": "written in the policy", "external": "filled by others"}[declared.kind]
    if declared.sources:
        return " and ".join(map(_source, declared.sources))
    where = declared.location if declared.kind == "file" else options.shown(declared.location)
    if declared.aws is None:
        return where
    regions = f" in {', '.join(declared.aws.regions)}" if declared.aws.regions else ""
    return f"AWS {declared.aws.service}{regions}, {where}"
