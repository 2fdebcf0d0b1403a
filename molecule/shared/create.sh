#!/usr/bin/env bash
# Copyright: (c) 2026, the tidegate developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
#
# Start one machine of the lab: create.sh LAB HOST RELEASE ADDRESS …
# The machine "world" comes first: its network namespace holds the bridge that the others are plugged into, so that
# neither podman's networks nor any interface, address or packet filter of this machine takes part.
# Every machine gets its addresses, application users, and listeners: see plug.sh.
# With LAB_SSH=FOLDER it also gets an sshd, on ports 22 and 2222, that lets the user ops in, who may use sudo. FOLDER gets
# what the controller needs: the key, a configuration for ssh, and the process id of the world.
# LAB_OWNER is the label by which the machines are found and removed, by default this checkout.
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)
# shellcheck source=tests/images/podman.sh
. "$here/../../tests/images/podman.sh"
lab=$1 host=$2 release=$3

# As root of a real machine may, to see over which connection a process was started.
capabilities=NET_ADMIN,NET_RAW${LAB_SSH:+,SYS_PTRACE}
image=$(image_of "$release")
podman image exists "$image" || { echo "There is no image $image: run make images" >&2 && exit 1; }
podman run --detach --replace --name "$lab-$host" --hostname "$host" --label "tidegate.lab=$lab" \
    --label "tidegate.checkout=${LAB_OWNER:-${here%/*/*}}" --network none --systemd always \
    --cap-add "$capabilities" --volume "$here/files:/opt/lab:ro" "$image" /lib/systemd/systemd >/dev/null
pid=$(podman inspect --type container --format '{{.State.Pid}}' "$lab-$host")
inside() { nsenter --target "$pid" --mount --net --pid --root --wd -- "$@"; }

for user in payd certbot nosy; do inside useradd --system "$user"; done
if [ -n "${LAB_SSH:-}" ]; then
    if [ "$host" = world ]; then
        mkdir -p "$LAB_SSH/control"
        echo "$pid" >"$LAB_SSH/world"
        printf '%s\n' "User ops" "IdentityFile $LAB_SSH/key" "StrictHostKeyChecking no" "UserKnownHostsFile /dev/null" \
            "LogLevel ERROR" >"$LAB_SSH/config"
        ssh-keygen -q -t ed25519 -N "" -f "$LAB_SSH/key" <<<y >/dev/null
    else
        inside useradd --create-home --password '*' --shell /bin/bash ops
        inside install -d -o ops -m 700 /home/ops/.ssh
        inside sh -ec 'cat >/home/ops/.ssh/authorized_keys' <"$LAB_SSH/key.pub"
        inside sh -ec 'echo "ops ALL=(ALL) NOPASSWD: ALL" >/etc/sudoers.d/ops; systemctl --root / --quiet enable ssh'
        printf '%s\n' "Port 22" "Port 2222" "UseDNS no" "UsePAM no" | inside sh -ec 'cat >/etc/ssh/sshd_config.d/lab.conf'
    fi
fi
"$here/plug.sh" "$lab" "$host" "${@:4}"
