# Copyright: (c) 2026, the tidegate developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Which command lines are ansible-playbook, and which only mention it."""

from __future__ import annotations

import pytest

from ansible_collections.tidegate.nftables.playbooks.lab.labnet.owner import is_playbook


@pytest.mark.parametrize(
    ("line", "playbook"),
    [
        ("/venv/bin/python3.11 /venv/bin/ansible-playbook lab.yml", True),
        ("python3 -m ansible playbook lab.yml", True),
        ("/bin/sh -c ansible-playbook lab.yml", False),
        ("sudo ansible-playbook lab.yml", False),
        ("make demo", False),
        ("python3 /root/.ansible/tmp/ansible-tmp-1/AnsiballZ_command.py", False),
        ("python3 -m pytest tests/test_ansible-playbook.py", False),
        ("", False),
    ],
)
def test_is_playbook(line: str, playbook: bool) -> None:
    assert is_playbook(line.split()) is playbook
