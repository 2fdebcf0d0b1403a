# Copyright: (c) 2026, the tidegate developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What programs are told about the proxy: each real program reads it, and what was there before stays."""

from __future__ import annotations

import configparser
import json
import os
import subprocess
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from ansible_collections.tidegate.nftables.plugins.module_utils.errors import TidegateError
from ansible_collections.tidegate.nftables.plugins.module_utils.guard.host.paths import Paths
from ansible_collections.tidegate.nftables.plugins.module_utils.guard.program import names, proxy_files
from ansible_collections.tidegate.nftables.plugins.module_utils.guard.saved import resolver_document

URL = "http://10.0.0.9:3128"
DOCUMENT: Mapping[str, Any] = {
    "version": 1,
    "mode": "proxy",
    "addresses": ["10.0.0.9"],
    "port": 3128,
    "configured": ["login", "systemd", "apt", "dnf", "pip", "git"],
    "direct": [".corp.example", "10.0.0.0/8"],
}
OTHERS = {
    "/etc/hosts": "127.0.0.1 localhost",
    "/etc/gitconfig": "[user]\n\tname = ops\n",
    "/etc/pip.conf": "[global]\ntimeout = 5\n[install]\nuser = no\n",
    "/etc/dnf/dnf.conf": "[main]\ngpgcheck=1\n",
}


@pytest.fixture
def host(tmp_path: Path) -> Paths:
    for folder in ("apt", "dnf", "systemd"):
        (tmp_path / "etc" / folder).mkdir(parents=True)
    for path, text in OTHERS.items():
        (tmp_path / path[1:]).write_text(text, encoding="utf-8")
    (tmp_path / "var/lib/tidegate").mkdir(parents=True)
    return Paths(str(tmp_path))


def settle(host: Paths, document: Mapping[str, Any] | None) -> list[str]:
    """Make a host as a document says; return the paths that changed."""
    resolver_document.write(host, json.dumps(document) if document else "")
    return [str(change.path).removeprefix(host.root) for change in names.settle(host, "/usr/bin/python3")]


def text(host: Paths, path: str) -> str:
    return host.at(path).read_text(encoding="utf-8")


def test_each_program_reads_the_proxy(host: Paths) -> None:
    settle(host, DOCUMENT)
    shell = ["sh", "-c", f". {host.root}/etc/profile.d/tidegate-proxy.sh; env"]
    environment = subprocess.run(shell, capture_output=True, text=True, check=True, env={"PATH": os.environ["PATH"]})
    around = "localhost,127.0.0.1,::1,.corp.example,10.0.0.0/8"
    assert {f"http_proxy={URL}", f"https_proxy={URL}", f"no_proxy={around}"} <= set(environment.stdout.splitlines())
    assert "HTTP_PROXY" not in environment.stdout
    git = ["git", "config", "--file", str(host.at("/etc/gitconfig")), "--get-urlmatch", "http.proxy"]
    for url, proxy in {
        "https://github.com/a": URL,
        "https://git.corp.example/a": "",
        "https://corp.example/": "",
    }.items():
        asked = subprocess.run([*git, url], capture_output=True, text=True, check=True)
        assert asked.stdout.strip() == proxy
    apt = ["apt-config", "-c", str(host.at("/etc/apt/apt.conf.d/90tidegate-proxy")), "dump"]
    dumped = subprocess.run(apt, capture_output=True, text=True, check=True).stdout
    assert f'Acquire::https::Proxy "{URL}";' in dumped
    assert 'Acquire::http::Proxy::corp.example "DIRECT";' in dumped
    for path, section in {"/etc/pip.conf": "global", "/etc/dnf/dnf.conf": "main"}.items():
        parser = configparser.RawConfigParser()
        parser.read(host.at(path))
        assert parser[section]["proxy"] == URL
    assert f'"https_proxy={URL}"' in text(host, "/etc/systemd/system.conf.d/tidegate-proxy.conf")


def test_a_second_run_changes_nothing_and_absent_leaves_what_was_there(host: Paths) -> None:
    several = {**DOCUMENT, "addresses": ["10.0.0.9", "fd00::9"]}
    assert "/etc/hosts" in settle(host, several)
    assert settle(host, several) == []
    assert "http://tidegate-proxy:3128" in text(host, "/etc/pip.conf")
    assert text(host, "/etc/hosts").count(" tidegate-proxy\n") == 2
    assert settle(host, {**DOCUMENT, "configured": ["git"]})
    assert proxy_files.BEGIN not in text(host, "/etc/hosts")
    settle(host, None)
    for path, before in OTHERS.items():
        assert text(host, path).strip() == before.strip()
    left = {str(path).removeprefix(host.root) for path in Path(host.root, "etc").rglob("*") if path.is_file()}
    assert left == set(OTHERS)


def test_what_was_not_there_is_removed_again(host: Paths) -> None:
    for path in ("/etc/gitconfig", "/etc/pip.conf"):
        host.at(path).unlink()
    settle(host, DOCUMENT)
    assert "[global]\nproxy = " in text(host, "/etc/pip.conf")
    assert settle(host, DOCUMENT) == []
    settle(host, None)
    assert not host.at("/etc/gitconfig").exists()
    assert not host.at("/etc/pip.conf").exists()


def test_programs_that_a_host_does_not_have_are_told_nothing(host: Paths) -> None:
    (host.at("/etc/dnf") / "dnf.conf").unlink()
    host.at("/etc/dnf").rmdir()
    settle(host, DOCUMENT)
    assert not host.at("/etc/dnf").exists()


def test_a_proxy_of_somebody_else_is_an_error(host: Paths) -> None:
    host.at("/etc/dnf/dnf.conf").write_text("[main]\nproxy=http://old:8080\n", encoding="utf-8")
    message = r"A proxy is already in /etc/dnf/dnf\.conf\. Nothing was changed\. Fix: remove"
    with pytest.raises(TidegateError, match=message):
        settle(host, DOCUMENT)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"addresses": []}, "there is no proxy"),
        ({"addresses": ["a'; rm -rf /"]}, "does not appear to be an IPv4 or IPv6 address"),
        ({"direct": ["x'\nexport PATH="]}, "is neither a name with all below it nor a network"),
        ({"port": "a"}, "invalid literal"),
        ({"configured": ["emacs"]}, "nobody knows how to tell emacs"),
    ],
)
def test_a_document_that_cannot_be_used_is_refused(changes: dict[str, Any], message: str) -> None:
    with pytest.raises(TidegateError, match=message):
        proxy_files.check({**DOCUMENT, **changes})
