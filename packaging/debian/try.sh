#!/bin/sh
# Installs a package in a Debian system of its own and uses it there as docs/install.md says: with the service started by a
# real systemd, the operator's commands, a reload, the secret apart from the data, an upgrade; then removes and purges it and
# looks at what is left. As root, with debootstrap, systemd-nspawn (Debian: systemd-container) and a mirror in reach; takes
# two minutes or three.
#
#   sudo packaging/debian/try.sh out/package/anteroom_0.1.0-1_amd64.deb [SUITE]
set -eu
package=$1
suite=${2:-$(. /etc/os-release && echo "$VERSION_CODENAME")}
root=$(mktemp -d /var/tmp/anteroom-try-XXXXXX)
# The service's user has to get into it as into any other.
chmod 0755 "$root"
trap 'rm -rf "$root" "$root.log"' EXIT
mirror=$(sed -n 's/^deb \(\[[^]]*\] \)\?\(http[^ ]*\) .*/\2/p; s/^URIs: //p' /etc/apt/sources.list \
    /etc/apt/sources.list.d/* 2>/dev/null | grep -v security | head -1)
# `openssl` and `sudo` because the guide uses them, `curl` to look; the scripts of the package need nothing.
debootstrap --include=systemd-sysv,dbus,sudo,openssl,curl,python3 "$suite" "$root" ${mirror:+"$mirror"} >"$root.log" 2>&1 ||
    { tail -5 "$root.log"; exit 1; }
echo "127.0.0.1 localhost $(hostname)" >"$root/etc/hosts"
cp "$package" "$root/root/anteroom.deb"
cp "$(dirname "$0")/tried.sh" "$root/root/tried.sh"

# What is tried is a service of that system: it begins when everything else is up, and the system goes down with it.
cat >"$root/etc/systemd/system/tried.service" <<'UNIT'
[Unit]
After=multi-user.target
[Service]
Type=oneshot
ExecStart=/bin/sh -c '/bin/sh /root/tried.sh >/root/said 2>&1; echo $? >/root/status'
ExecStopPost=/bin/systemctl poweroff --no-block
[Install]
WantedBy=multi-user.target
UNIT
mkdir -p "$root/etc/systemd/system/multi-user.target.wants"
ln -s ../tried.service "$root/etc/systemd/system/multi-user.target.wants/tried.service"
# No network but its own loopback: nothing that it needs is fetched, and no port of this machine is taken.
timeout 600 systemd-nspawn --quiet --register=no --keep-unit --private-network --directory "$root" --boot >"$root.log" 2>&1 ||
    { tail -20 "$root.log"; cat "$root/root/said"; exit 1; }
cat "$root/root/said"
test "$(cat "$root/root/status")" = 0
