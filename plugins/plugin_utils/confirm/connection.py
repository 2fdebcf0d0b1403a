# Copyright: (c) 2026, the tidegate developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Over which connections a confirmation proves that the host can still be reached, and how to get a new one."""

from __future__ import annotations

from ansible.plugins.connection import ConnectionBase
from ansible.plugins.connection.local import Connection as LocalConnection

NO_NETWORK = frozenset(
    (
        *("chroot", "jail", "local", "nsenter", "zone", "iocage"),
        *("docker", "docker_api", "podman", "buildah", "lxc", "lxd", "incus"),
        *("kubectl", "oc", "qubes"),
    )
)
"""The last words of the names of connection plugins that enter a host without passing its network."""


def name(connection: ConnectionBase) -> str:
    """Return the connection plugin's name, such as ssh or containers.podman.podman."""
    found = str(getattr(connection, "ansible_name", "") or connection.transport)
    return found.removeprefix("ansible.builtin.").removeprefix("ansible.legacy.")


def passes_network(connection: ConnectionBase) -> bool:
    """Whether commands reach the host through the policy that is tried.

    Plugins that are made of the local one run their commands on the controller and enter the host by its namespaces.
    """
    return not isinstance(connection, LocalConnection) and name(connection).rpartition(".")[2] not in NO_NETWORK


def own_root(connection: ConnectionBase) -> str:
    """Return a folder of the host's own, where hosts share the controller's file system; "" where they do not."""
    if name(connection) != "tidegate.nftables.netns":
        return ""
    return f"/run/tidegate-netns/{connection.get_option('netns')}"


def renew(connection: ConnectionBase) -> None:
    """End the connection, so that the next command makes a new one.

    ssh's own reset has a master that stays for others (ControlPersist) stop listening and remove its socket; paramiko's
    drops the cached transport.
    """
    if passes_network(connection):
        connection.reset()
