#!/bin/sh
# Copyright: (c) 2026, the tidegate developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
#
# Make a program of another Debian release run on this machine: program.sh ROOT.tar FOLDER/VERSION/PROGRAM
# The release is unpacked into ROOT; the file PROGRAM starts its program by its own dynamic loader with its own libraries
# and, unlike a chroot, on this machine's files, users and namespaces.
set -eu
tar=$1
wrapper=$2
root=${tar%.tar}
[ "$root" != "$tar" ] || { echo "$tar is not named …tar" >&2 && exit 1; }
name=$(basename "$wrapper")
version=$(basename "$(dirname "$wrapper")")

# Two programs of one release may be made at the same time: one of them unpacks it, the other waits.
exec 9>>"$root.lock"
flock 9
if [ ! -e "$root/.complete" ] || [ "$tar" -nt "$root/.complete" ]; then
    rm -rf "$root"
    mkdir -p "$root"
    tar --directory "$root" --extract --file "$tar" --exclude='./dev/*'
    touch "$root/.complete"
fi
exec 9>&-
root=$(cd "$root" && pwd)
libc=$(find "$root/lib/" "$root/usr/lib/" -name libc.so.6 2>/dev/null | head -n 1)
triplet=$(basename "$(dirname "$libc")")
for loader in "$(dirname "$libc")"/ld*.so.[0-9]; do break; done
# Debian 13 builds squid against two libraries for TLS and has alternatives(8) name one. That of squid-openssl reads TLS.
for program in "$root/usr/sbin/$name-openssl" "$root/usr/sbin/$name" "$root/usr/bin/$name"; do
    [ ! -e "$program" ] || break
done
libraries="$root/lib/$triplet:$root/usr/lib/$triplet"

# Squid starts itself again by the name that it was started by. Before glibc 2.33 (Debian 12) no loader can be told that
# name, so there this machine's is taken, with its libc, which programs of older ones run with.
named=""
if [ "$name" = squid ]; then
    named="--argv0 '$(pwd)/$wrapper' "
    if ! "$loader" --help 2>&1 | grep -q argv0; then
        loader=$(find "/lib/$triplet/" -name "$(basename "$loader")")
        libraries="/lib/$triplet:$libraries"
    fi
fi

# unbound has a Python inside, which looks for its library where this machine has another version's. Debian's packages
# of unbound for 11 and 12 do not name their own folder either.
python=""
if [ -d "$root/usr/lib/python3/dist-packages" ]; then
    python="PYTHONHOME='$root/usr' PYTHONPATH='$root/usr/lib/python3/dist-packages' "
fi

mkdir -p "$(dirname "$wrapper")"
cat >"$wrapper.new" <<END
#!/bin/sh
${python}exec '$loader' ${named}--library-path '$libraries' '$program' "\$@"
END
chmod +x "$wrapper.new"
# unbound would start with -v, and unbound-checkconf knows no option for it: its usage names the version.
case $name in
    squid | rsyslogd) reported=$("$wrapper.new" -v 2>&1) ;;
    *) reported=$("$wrapper.new" --version 2>&1) || true ;;
esac
case $reported in
    *ersion" $version"* | "$name"*" v$version "* | "$name"*" $version "*) mv "$wrapper.new" "$wrapper" ;;
    *)
        rm -f "$wrapper.new"
        echo "$tar should hold $name $version and says: $reported" >&2
        exit 1
        ;;
esac
