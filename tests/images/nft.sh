#!/bin/sh
# Copyright: (c) 2026, the tidegate developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
#
# Make the nft of another Debian release run on this machine: nft.sh ROOT.tar VERSION WRAPPER
# The release is unpacked into ROOT; the wrapper starts its nft by its own dynamic loader with its own libraries and,
# unlike a chroot, on this machine's files, users and namespaces.
set -eu
tar=$1
version=$2
wrapper=$3
root=${tar%.tar}
[ "$root" != "$tar" ] || { echo "$tar is not named …tar" >&2 && exit 1; }

if [ ! -e "$root/.complete" ] || [ "$tar" -nt "$root/.complete" ]; then
    rm -rf "$root"
    mkdir -p "$root"
    tar --directory "$root" --extract --file "$tar" --exclude='./dev/*'
    touch "$root/.complete"
fi
root=$(cd "$root" && pwd)
libraries=$(dirname "$(ls -d "$root"/usr/lib/*/libnftables.so.1)")
triplet=$(basename "$libraries")
for loader in "$root/lib/$triplet"/ld*.so.[0-9]; do break; done

mkdir -p "$(dirname "$wrapper")"
cat >"$wrapper.new" <<END
#!/bin/sh
exec '$loader' --library-path '$root/lib/$triplet:$libraries' '$root/usr/sbin/nft' "\$@"
END
chmod +x "$wrapper.new"
found=$("$wrapper.new" --version)
case $found in
    "nftables v$version "*) mv "$wrapper.new" "$wrapper" ;;
    *)
        rm -f "$wrapper.new"
        echo "$tar should hold nft $version and says: $found" >&2
        exit 1
        ;;
esac
