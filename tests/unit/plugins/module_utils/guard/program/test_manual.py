# Copyright: (c) 2026, the tidegate developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The man page and the completion name every command for people, and no other."""

from __future__ import annotations

import os
import pty
import re
import subprocess
from collections.abc import Iterable
from pathlib import Path

import pytest
import yaml

from ansible_collections.tidegate.nftables.plugins.module_utils.guard.program import arguments, manual
from ansible_collections.tidegate.nftables.tests.support.paths import CHECKOUT


def test_the_command_reports_the_version_of_the_collection() -> None:
    galaxy = yaml.safe_load((CHECKOUT / "galaxy.yml").read_text(encoding="utf-8"))
    assert galaxy["version"] == arguments.VERSION


def test_the_man_page_has_every_command_and_option_for_people() -> None:
    page = manual.man_page()
    assert [name for name in arguments.COMMANDS if f".B {name}" in page] == list(arguments.SHOWN)
    for command in arguments.SHOWN.values():
        assert all(f".I {word.name.replace('-', chr(92) + '-')}\n" in page for word in command.words)
    # In the macros of man(7) a line that begins with a quote or a dot that is no macro would vanish.
    assert not [line for line in page.splitlines() if line.startswith("'")]


@pytest.mark.parametrize(
    ("words", "completed"),
    [
        (["st"], ["status"]),
        (["b"], []),
        (["denied", "--s"], ["--since"]),
        (["why", "10.0.0.1", "--p"], ["--protocol"]),
        (["denied", "--user", "roo"], ["root"]),
    ],
)
def test_bash_completes(words: list[str], completed: list[str]) -> None:
    script = f"{manual.completion()}\nCOMP_WORDS=(tidegate {' '.join(words)}); COMP_CWORD={len(words)}; _tidegate\n"
    shown = subprocess.run(
        ["bash", "-c", f'{script}printf "%s\\n" "${{COMPREPLY[@]}}"'], text=True, capture_output=True, check=True
    )
    assert shown.stdout.split() == completed


def test_the_man_page_has_no_mistake_that_groff_knows() -> None:
    for page in (manual.man_page(), manual.USER_PAGE):
        checked = subprocess.run(["groff", "-man", "-ww", "-z"], input=page, text=True, capture_output=True, check=True)
        assert checked.stderr == ""


@pytest.mark.parametrize(
    ("typed", "completed"),
    [
        ("", {*arguments.SHOWN, "--help", "--version"}),
        ("den", {"ied"}),
        ("denied --", {"--since", "--user", "--unit", "--yaml", "--json", "--help"}),
        ("why example.org https --protocol ", {"tcp", "udp", "sctp", "dccp"}),
        ("boo", set()),
    ],
)
def test_zsh_completes(tmp_path: Path, typed: str, completed: set[str]) -> None:
    (tmp_path / "_tidegate").write_text(manual.zsh_completion(), encoding="utf-8")
    set_up = (
        f"fpath=({tmp_path} $fpath); autoload -U compinit; compinit -u -D",
        "LISTMAX=0; zstyle ':completion:*' verbose no; PS1=; unset zle_bracketed_paste",
    )
    shown = typed_into_zsh(set_up, f"tidegate {typed}", tmp_path)
    after = shown.rpartition("tidegate " + typed)[2] if typed == "den" else shown.replace("tidegate " + typed, "")
    assert set(re.findall(r"[a-z-]+", after)) == completed


def typed_into_zsh(set_up: Iterable[str], typed: str, home: Path) -> str:
    """Return what a zsh shows for a text and a tab. Keys that come before it has shown it all would cut it short."""
    process, terminal = pty.fork()
    if process == 0:
        os.environ.update(HOME=str(home), TERM="dumb", COLUMNS="120")
        os.execvp("zsh", ["zsh", "-f", "-i"])
    try:
        widget = "show() { zle expand-or-complete; zle -R; print -n EN''DED }; zle -N show; bindkey '^I' show"
        os.write(terminal, "".join(f"{line}\n" for line in (*set_up, widget, "print BE''GUN")).encode())
        until(terminal, "BEGUN")
        os.write(terminal, f"{typed}\t".encode())
        return until(terminal, "ENDED").replace("\x07", "")
    finally:
        os.close(terminal)
        os.waitpid(process, 0)


def until(terminal: int, end: str) -> str:
    """Return what comes from a terminal before a word."""
    shown = ""
    while end not in shown:
        shown += os.read(terminal, 65536).decode("utf-8", "replace")
    return shown.partition(end)[0]
