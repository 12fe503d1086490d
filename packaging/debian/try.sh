#!/bin/sh
# Installs a package in a Debian system of its own, runs its program there as the service's user, removes and purges
# it, and looks at what is left. As root, with debootstrap and a mirror in reach; takes a minute or two.
#
#   sudo packaging/debian/try.sh out/package/anteroom_0.1.0-1_amd64.deb [SUITE]
set -eu
package=$1
suite=${2:-$(. /etc/os-release && echo "$VERSION_CODENAME")}
root=$(mktemp -d)
# The service's user has to get into it as into any other.
chmod 0755 "$root"
trap 'umount "$root/proc" 2>/dev/null || true; rm -rf "$root"' EXIT
mirror=$(sed -n 's/^deb \(\[[^]]*\] \)\?\(http[^ ]*\) .*/\2/p; s/^URIs: //p' /etc/apt/sources.list \
    /etc/apt/sources.list.d/* 2>/dev/null | grep -v security | head -1)
# `adduser` and `curl` for what follows; the scripts of the package need `init-system-helpers`, which is always there.
debootstrap --variant=minbase --include=adduser,curl "$suite" "$root" ${mirror:+"$mirror"} >"$root.log" 2>&1 ||
    { tail -5 "$root.log"; exit 1; }
rm -f "$root.log"
mount -t proc proc "$root/proc"
cp "$package" "$root/tmp/anteroom.deb"
inside() { chroot "$root" env -i PATH=/usr/sbin:/usr/bin:/sbin:/bin LC_ALL=C DEBIAN_FRONTEND=noninteractive "$@"; }
say() { echo "== $*"; }

say install
inside dpkg --install /tmp/anteroom.deb
inside id anteroom
test "$(inside stat -c '%U:%G %a' /var/lib/anteroom)" = 'anteroom:anteroom 700'
test "$(inside stat -c '%U:%G %a' /etc/default/anteroom)" = 'root:root 600'
test ! -e "$root/var/lib/anteroom/secret"

say run
inside sh -euc '
    cd /var/lib/anteroom
    mkfifo --mode 0666 /tmp/said
    setpriv --reuid anteroom --regid anteroom --clear-groups --no-new-privs \
        anteroom --config /etc/anteroom/anteroom.toml --listen 127.0.0.1:18080 >/tmp/said 2>/tmp/log &
    server=$!
    read -r line </tmp/said || { cat /tmp/log; exit 1; }
    echo "$line"
    curl --silent --show-error --fail http://127.0.0.1:18080/readyz; echo
    kill -TERM $server
    wait $server'
ls -l "$root/var/lib/anteroom"
test -z "$(find "$root/var/lib/anteroom" -type f -perm /077)"

say upgrade
echo '# mine' >>"$root/etc/anteroom/anteroom.toml"
inside dpkg --install /tmp/anteroom.deb
grep -q '^# mine' "$root/etc/anteroom/anteroom.toml"

say remove
inside dpkg --remove anteroom
test ! -e "$root/usr/bin/anteroom"
test -e "$root/etc/anteroom/anteroom.toml"
test -e "$root/var/lib/anteroom"

say purge
inside dpkg --purge anteroom
left=$(find "$root/etc" "$root/usr" "$root/var/lib/anteroom" -path '*anteroom*' 2>/dev/null || true)
test -z "$left" || { echo "left: $left"; exit 1; }
say 'all went well'
