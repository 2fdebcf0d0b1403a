#!/bin/bash
# Copyright: (c) 2026, the tidegate developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
#
# Start one machine of the lab: create.sh LAB HOST RELEASE ADDRESS …
# The machine "world" comes first: its network namespace holds the bridge that the others are plugged into, so that
# neither podman's networks nor any interface, address or packet filter of this machine takes part.
# Every machine gets its addresses, application users, and a listener on each address and on every port that a test
# tries: what is refused later is refused by a policy, not by an empty port.
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)
# shellcheck source=tests/images/podman.sh
. "$here/../../tests/images/podman.sh"
lab=$1 host=$2 release=$3
shift 3

pid_of() { podman inspect --type container --format '{{.State.Pid}}' "$lab-$1"; }

image=$(image_of "$release")
podman image exists "$image" || { echo "There is no image $image: run make images" >&2 && exit 1; }
podman run --detach --replace --name "$lab-$host" --hostname "$host" --label "tidegate.lab=$lab" \
    --label "tidegate.checkout=${here%/*/*}" --network none --systemd always \
    --cap-add NET_ADMIN,NET_RAW --volume "$here/files:/opt/lab:ro" "$image" /lib/systemd/systemd >/dev/null

pid=$(pid_of "$host")
inside() { nsenter --target "$pid" --mount --net --pid --root --wd -- "$@"; }
plug() { nsenter --target "$pid" --net -- "$@"; }
if [ "$host" = world ]; then
    plug ip link add eth0 type bridge
else
    world=$(pid_of world)
    ip link add eth0 netns "$pid" type veth peer name "$host" netns "$world"
    nsenter --target "$world" --net ip link set "$host" master eth0 up
fi
plug ip link set eth0 up
for address in "$@"; do
    case $address in
        10.94.*) length=16 ;;
        fd94:*) length=48 ;;
        *:*) length=128 ;;
        *) length=32 ;;
    esac
    usable_at_once=()
    [[ $address == *:* ]] && usable_at_once=(nodad)
    plug ip address add "$address/$length" dev eth0 "${usable_at_once[@]}"
done
if [ "$host" != world ]; then
    plug ip -4 route add default via 10.94.0.1
    plug ip -6 route add default via fd94:7467::1
fi

for user in payd certbot nosy; do inside useradd --system "$user"; done
# The last command fails when a unit failed that no container can run; all that matters is that systemd has settled.
inside timeout 60 sh -ec 'until [ -S /run/dbus/system_bus_socket ]; do sleep 0.1; done
    systemctl is-system-running --wait >/dev/null || true'
inside systemd-run --quiet --unit lab-listen python3 /opt/lab/listen.py \
    tcp=22,25,53,80,443,2379,5432,6514 udp=53,123,443,514 "$@"
