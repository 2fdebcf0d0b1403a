# Copyright: (c) 2026, the tidegate developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Run tasks in a network namespace of this machine."""

from __future__ import annotations

DOCUMENTATION = r"""
name: netns
short_description: Run tasks in a network namespace of this machine
version_added: 0.1.0
description:
  - Runs every command on the controller, as P(ansible.builtin.local#connection) does, but in a network namespace, with
    C(ip netns exec).
  - The host has its own interfaces, addresses, routes, connection tracking and nftables ruleset. It shares the file
    system, users and processes of the controller. A file in C(/etc/netns/NAME) replaces the one in C(/etc).
  - For labs and tests, and for routers that keep their networks in namespaces.
requirements:
  - The package iproute2, and root.
options:
  netns:
    description: Name of the namespace, as C(ip netns list) shows it. The default is the name of the host.
    type: str
    vars:
      - name: inventory_hostname
      - name: ansible_host
      - name: ansible_netns
  become_success_timeout:
    description:
      - Seconds to wait for become to succeed when it is enabled.
      - A value below 1 means the default. Used by ansible-core 2.19 and later.
    type: int
    default: 10
    vars:
      - name: ansible_local_become_success_timeout
  become_strip_preamble:
    description:
      - Remove the output of become before the output of the command. Used by ansible-core 2.19 and later.
    type: bool
    default: true
    vars:
      - name: ansible_local_become_strip_preamble
extends_documentation_fragment:
  - connection_pipelining
author:
  - The tidegate developers (@tidegate)
"""

EXAMPLES = r"""
# ip netns add shop-web1
#
# inventory.yml
# web:
#   hosts:
#     web1: {ansible_connection: tidegate.nftables.netns, ansible_netns: shop-web1}
"""

import os
import shlex
from pathlib import Path

from ansible.errors import AnsibleConnectionFailure
from ansible.plugins.connection.local import Connection as LocalConnection

NAMES = Path("/run/netns")
"""Folder in which ip-netns(8) has a file for each named namespace."""


class Connection(LocalConnection):
    """The local connection, with every command in the namespace of the host."""

    transport = "tidegate.nftables.netns"
    has_pipelining = True

    def exec_command(self, cmd: str, in_data: bytes | None = None, sudoable: bool = True) -> tuple[int, bytes, bytes]:
        """Run a command in the namespace. Raises AnsibleConnectionFailure when it cannot be entered."""
        name = str(self.get_option("netns"))
        obstacle = why_not(name, os.geteuid())
        if obstacle:
            raise AnsibleConnectionFailure(obstacle)
        result: tuple[int, bytes, bytes] = super().exec_command(within(name, cmd), in_data=in_data, sudoable=sudoable)
        return result


def within(name: str, cmd: str) -> str:
    """Return a shell command that runs all of cmd in the namespace, also what follows a semicolon."""
    return f"ip netns exec {shlex.quote(name)} /bin/sh -c {shlex.quote(cmd)}"


def why_not(name: str, uid: int, names: Path = NAMES) -> str | None:
    """Return why a user cannot enter a namespace, as a sentence; None when the user can."""
    if uid != 0:
        return f"Only root can enter the network namespace {name}. Fix: run ansible-playbook with sudo."
    if "/" in name or not (names / name).is_file():
        return f'There is no network namespace "{name}" on this machine. Fix: use a name that `ip netns list` shows.'
    return None
