# Copyright: (c) 2026, the tidegate developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The report at the end of `make test`: nothing passes in silence."""

from __future__ import annotations

from pathlib import Path

import pytest

from ansible_collections.tidegate.nftables.tests.tools import report

PASSED = '<testcase classname="a" name="one"/>'
FAILED = '<testcase classname="a" name="two"><failure/></testcase>'
ERROR = '<testcase classname="a" name="three"><error/></testcase>'
SKIPPED = '<testcase classname="a" name="four"><skipped/></testcase>'


def written(path: Path, *cases: str) -> Path:
    path.write_text(f"<testsuites><testsuite>{''.join(cases)}</testsuite></testsuites>", encoding="utf-8")
    return path


def test_counts_what_passed(tmp_path: Path) -> None:
    tally = report.read(written(tmp_path / "unit.xml", PASSED, PASSED))

    assert (tally.passed, tally.failures) == (2, [])


@pytest.mark.parametrize("case", [FAILED, ERROR, SKIPPED])
def test_counts_whatever_did_not_pass_as_failed(tmp_path: Path, case: str) -> None:
    tally = report.read(written(tmp_path / "unit.xml", PASSED, case))

    assert (tally.passed, len(tally.failures)) == (1, 1)


def test_fails_a_report_without_a_test(tmp_path: Path) -> None:
    assert report.read(written(tmp_path / "molecule-empty.xml")).failures == ["molecule-empty: ran no assertion"]


def test_fails_a_report_that_is_not_there(tmp_path: Path) -> None:
    (failure,) = report.read(tmp_path / "molecule-default.xml").failures

    assert "left no report" in failure


def test_expects_a_report_of_every_scenario() -> None:
    names = {path.name for path in report.reports_of("molecule")}

    assert names == {
        f"molecule-{name}.xml" for name in ("absent", "boot", "default", "lockout", "modules", "observe", "ways_out")
    }


def test_targets_at_the_same_time_are_printed_and_counted_one_by_one(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    # Each waits for the other: one after the other they would never end.
    waiting = "\ttouch $@.began; timeout 60 sh -c 'until [ -e {other}.began ]; do sleep 0.01; done'; {end}\n"
    one = waiting.format(other="html", end="echo out of lint")
    two = waiting.format(other="lint", end="echo out of html; exit 1")
    (tmp_path / "Makefile").write_text(f"lint:\n{one}html:\n{two}", encoding="utf-8")
    monkeypatch.setattr(report, "ROOT", tmp_path)
    monkeypatch.setattr(report, "REPORTS", tmp_path)

    assert report.main(["lint+html"]) == 1

    lines = [
        line
        for line in capfd.readouterr().out.splitlines()
        if line in ("=== lint ===", "out of lint", "=== html ===", "out of html")
    ]
    assert lines == ["=== lint ===", "out of lint", "=== html ===", "out of html"]
