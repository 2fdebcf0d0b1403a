# Copyright: (c) 2026, the tidegate developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The connections over which a confirmation proves that the host can still be reached, and how to renew them."""

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
"""Last words of the names of connection plugins that enter a host without using its network."""


def name(connection: ConnectionBase) -> str:
    """Return the connection plugin's name, such as ssh or containers.podman.podman."""
    full_name = str(getattr(connection, "ansible_name", "") or connection.transport)
    return full_name.removeprefix("ansible.builtin.").removeprefix("ansible.legacy.")


def passes_network(connection: ConnectionBase) -> bool:
    """Return whether commands reach the host through its network, and so through the pending policy.

    Plugins derived from the local one run commands on the controller and enter the host by its namespaces.
    """
    return not isinstance(connection, LocalConnection) and name(connection).rpartition(".")[2] not in NO_NETWORK


def own_root(connection: ConnectionBase) -> str:
    """Return a directory of the host's own when hosts share the controller's file system, else ""."""
    if name(connection) != "tidegate.nftables.netns":
        return ""
    return f"/run/tidegate-netns/{connection.get_option('netns')}"


def renew(connection: ConnectionBase) -> None:
    """Close the connection, so that the next command opens a new one.

    The reset of ssh makes a shared master (ControlPersist) stop listening and remove its socket; that of paramiko drops
    the cached transport.
    """
    if passes_network(connection):
        connection.reset()
