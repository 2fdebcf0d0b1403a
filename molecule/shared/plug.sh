#!/usr/bin/env bash
# Copyright: (c) 2026, the tidegate developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
#
# Plug a machine of the lab into its network, once after every start of it: plug.sh LAB HOST ADDRESS …
# On each address somebody listens on every port that a test tries: what is refused later is refused by a policy, not
# by an empty port. Returns when systemd has settled, sshd, where there is one, runs, and all of them listen.
set -euo pipefail
# shellcheck source=tests/images/podman.sh
. "$(dirname "$0")/../../tests/images/podman.sh"
lab=$1 host=$2
shift 2

pid_of() { podman inspect --type container --format '{{.State.Pid}}' "$lab-$1"; }
pid=$(pid_of "$host")
inside() { nsenter --target "$pid" --mount --net --pid --root --wd -- "$@"; }
plug() { nsenter --target "$pid" --net -- "$@"; }

if [ "$host" = world ]; then
    # An address of its own: a bridge without one takes that of whichever cable is plugged in.
    plug ip link add eth0 address 02:00:00:00:00:01 type bridge
else
    world=$(pid_of world)
    # Another name after every start: the kernel takes its time to remove the cable of a machine that is gone.
    # Its own end keeps its hardware address, as a machine does: the others remember it.
    mac=02:$(printf %s "$host" | sha256sum | sed 's/\(..\)/\1:/g' | cut -c1-14)
    ip link add eth0 address "$mac" netns "$pid" type veth peer name "to$pid" netns "$world"
    nsenter --target "$world" --net ip link set "to$pid" master eth0 up
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

# "degraded" when a unit failed that no container can run; all that matters is that systemd has settled.
# shellcheck disable=SC2016 # for the shell inside
inside timeout 600 sh -c 'until case $(systemctl is-system-running 2>&1) in running | degraded) ;; *) false ;; esac; do
    sleep 0.1; done'
ports=22,25,53,80,443,2379,5432,6514
if inside systemctl --quiet is-enabled ssh; then
    ports=${ports#22,}
    inside systemctl start ssh
fi
inside systemd-run --quiet --unit lab-listen python3 /opt/lab/listen.py "tcp=$ports" udp=53,123,443,514 "$@"
# The last port on the list, on every address.
# shellcheck disable=SC2016 # for the shell inside
inside timeout 600 sh -c 'until [ "$(ss -Hlun sport = :514 | wc -l)" -ge "$0" ]; do sleep 0.1; done' "$#"
