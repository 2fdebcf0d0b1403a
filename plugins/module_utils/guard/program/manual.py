# Copyright: (c) 2026, the tidegate developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The man page of the command `tidegate` and its completion in bash and zsh, made of its table of words."""

from __future__ import annotations

from typing import Iterator

from ansible_collections.tidegate.nftables.plugins.module_utils.files import MARK

from .arguments import SHOWN, VERSION, Command, Word

_STATUS = """\
.SH EXIT STATUS
.TP
.B 0
Done. Of status: the policy is loaded as it was confirmed, and the watcher runs. Of why: allowed.
.TP
.B 1
An error. Of status: the table was edited or never confirmed, a saved file is damaged, a rollback is overdue, or the
watcher does not run. Of why: rejected.
.TP
.B 2
Wrong arguments. Of status, denied and why: no table is loaded, so nothing is rejected.
.SH EXAMPLES
.nf
tidegate denied \\-\\-since 2h \\-\\-user www\\-data
tidegate why api.example.org https \\-\\-user payd
tidegate why 203.0.113.9 tcp/443 by www\\-data
.fi
.SH ENVIRONMENT
.TP
.B NO_COLOR
Print without colours, also to a terminal.
.SH FILES
.TP
.I /var/lib/tidegate
The confirmed policy, earlier ones, the journal and the ledger.
.TP
.I /usr/local/lib/tidegate
The program, and the fail-safe table, which is loaded at boot when no saved policy can be.
.SH SEE ALSO
.BR egress\\-why (1),
.BR nft (8)
"""


def man_page() -> str:
    """Return tidegate.8 in the macros of man(7)."""
    lines = [
        f'.TH TIDEGATE 8 "" "tidegate {VERSION}" "System Administration"',
        ".SH NAME",
        "tidegate \\- the egress policy of this host",
        ".SH SYNOPSIS",
        ".B tidegate",
        ".I COMMAND",
        "[ARGUMENTS]",
        ".SH COMMANDS",
        *(line for name, command in SHOWN.items() for line in _command(name, command)),
    ]
    return "\n".join(lines) + "\n" + _STATUS


def completion() -> str:
    """Return the completion for bash (bash-completion loads it when the command is first completed)."""
    options = {name: [word.name for word in command.words if word.name[0] == "-"] for name, command in SHOWN.items()}
    cases = "".join(f"        {name}) words='{' '.join([*words, '--help'])}' ;;\n" for name, words in options.items())
    return f"""\
{MARK}_tidegate() {{
    local words='{" ".join([*SHOWN, "--help", "--version"])}'
    if [ "$COMP_CWORD" -gt 1 ]; then
        case ${{COMP_WORDS[1]}} in
{cases}        *) words= ;;
        esac
        case ${{COMP_WORDS[COMP_CWORD - 1]}} in
        --user) mapfile -t COMPREPLY < <(compgen -u -- "${{COMP_WORDS[COMP_CWORD]}}"); return ;;
        esac
    fi
    mapfile -t COMPREPLY < <(compgen -W "$words" -- "${{COMP_WORDS[COMP_CWORD]}}")
}}
complete -F _tidegate tidegate
"""


def zsh_completion() -> str:
    """Return the completion for zsh, a file of the folder site-functions that every zsh looks into."""
    named = "".join(f"        {_zsh(f'{name}:{command.about}')}\n" for name, command in SHOWN.items())
    cases = "".join(
        f"    {name}) options=({' '.join(map(_zsh_option, command.words))}) ;;\n" for name, command in SHOWN.items()
    )
    return f"""\
#compdef tidegate
{MARK}_tidegate() {{
    local -a commands options
    if (( CURRENT == 2 )); then
        commands=(
{named}        )
        _describe command commands
        _arguments --help --version
        return
    fi
    case $words[2] in
{cases}    *) return 1 ;;
    esac
    shift words
    (( CURRENT-- ))
    _arguments --help $options
}}
_tidegate "$@"
"""


def _zsh_option(word: Word) -> str:
    """Return an argument in the words of _arguments of zsh."""
    about = word.about.replace("[", "(").replace("]", ")").replace(":", "\\:")
    if not word.name.startswith("-"):
        return _zsh(f"{'*' if word.more.get('nargs') == '*' else ''}:{about}:")
    if "action" in word.more:
        return _zsh(f"{word.name}[{about}]")
    values = (
        f"({' '.join(word.more['choices'])})" if "choices" in word.more else "_users" if word.name == "--user" else ""
    )
    return _zsh(f"{word.name}=[{about}]:{word.name.lstrip('-')}:{values}")


def _zsh(text: str) -> str:
    """Return a text as one word of zsh."""
    return "'" + text.replace("'", "'\\''") + "'"


def _command(name: str, command: Command) -> Iterator[str]:
    yield from (
        ".TP",
        f".B {name}" + "".join(f" {_shown(word)}" for word in command.words),
        _escaped(f"{command.about}."),
    )
    for word in command.words:
        yield from (".RS", ".TP", f".I {_escaped(word.name)}", _escaped(word.about), ".RE")


def _shown(word: Word) -> str:
    value = word.name.lstrip("-").upper()
    if word.name.startswith("-"):
        return _escaped(f"[{word.name}]" if "action" in word.more else f"[{word.name} {value}]")
    return {"?": f"[{value}]", "*": f"[{value}...]"}.get(word.more.get("nargs", ""), value)


def _escaped(text: str) -> str:
    return text.replace("\\", "\\e").replace("-", "\\-")


USER_PAGE = f"""\
.TH EGRESS-WHY 1 "" "tidegate {VERSION}" "User Commands"
.SH NAME
egress\\-why \\- what the egress policy of this host says about a connection of yours
.SH SYNOPSIS
.B egress\\-why
.I HOST SERVICE
.SH DESCRIPTION
Says whether a connection of the user who asks may leave this host; where not, the reason of
.I egress_never
and whom to ask. It needs no root, sends no packet and answers for no other user.
.SH EXIT STATUS
0: allowed. 1: rejected. 2: an error.
.SH EXAMPLES
egress\\-why api.example.org https
.SH SEE ALSO
.BR tidegate (8)
"""
