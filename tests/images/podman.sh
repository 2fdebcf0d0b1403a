# Copyright: (c) 2026, the tidegate developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# shellcheck shell=bash
#
# To be sourced: settings for podman that only some machines need, and the names of images.
images=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)

# A hybrid cgroup hierarchy is beyond crun, and without CAP_SYS_RESOURCE (bit 24) podman's default limits are refused.
# CONTAINERS_CONF replaces the machine's own file, so it is not set where it is not needed.
capabilities=$(sed -n 's/^CapEff:\s*//p' /proc/self/status)
if [ -d /sys/fs/cgroup/unified ] || ! ((0x$capabilities >> 24 & 1)); then
    export CONTAINERS_CONF=$images/containers.conf
fi

# Overlay does not stack on overlay: inside a container, copies.
if [ "$(stat --file-system --format %T "$(dirname "$images")")" = overlayfs ] && [ ! -e /etc/containers/storage.conf ]; then
    export STORAGE_DRIVER=vfs
fi

# Releases are named after what they are made from, so that nothing is built again when nothing changed, and two
# checkouts that differ do not share an image.
inputs=$(cat "$images/packages.txt" "$images/build.sh" | sha256sum | cut -c1-12)
image_of() { echo "localhost/tidegate-nftables-test:$1-$inputs"; }
