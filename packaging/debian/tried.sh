# What try.sh does inside the system that it has booted.
set -eu
export LC_ALL=C DEBIAN_FRONTEND=noninteractive
deb=/root/anteroom.deb
say() { echo "== $*"; }
answers() { curl --silent --show-error --fail "http://127.0.0.1:8080$1"; echo; }
# By its log, which begins anew with each start.
ready() {
    id=$(systemctl show --property InvocationID --value anteroom)
    until journalctl --quiet _SYSTEMD_INVOCATION_ID="$id" | grep -q '"server.started"'; do
        systemctl is-active --quiet anteroom || { journalctl --quiet --unit anteroom | tail -5; exit 1; }
        sleep 0.2
    done
}
anteroom_as_told() { sudo anteroom --config /etc/anteroom/anteroom.toml "$@"; }

say install
apt-get install --yes --quiet "$deb" >/root/apt 2>&1 || { cat /root/apt; exit 1; }
test "$(stat -c '%U:%G %a' /var/lib/anteroom)" = 'anteroom:anteroom 700'
test "$(stat -c '%U:%G %a' /etc/default/anteroom)" = 'root:root 600'

say started at once
systemctl is-enabled anteroom
ready
systemctl status --no-pager --lines 0 anteroom
answers /readyz
test -z "$(find /var/lib/anteroom -type f -perm /077)"
journalctl --quiet --unit anteroom --output cat | grep '^{' | head -1 | python3 -c 'import json, sys; json.loads(sys.stdin.readline())'
systemd-analyze security --no-pager anteroom | tail -1

say the first administrator
echo 'correct horse battery' | anteroom_as_told user add ann
anteroom_as_told user role ann user admin
anteroom_as_told healthcheck

say another reads nothing
if setpriv --reuid nobody --regid nogroup --clear-groups anteroom --config /etc/anteroom/anteroom.toml room list 2>/root/refused; then
    exit 1
fi
cat /root/refused

say reload
systemctl reload anteroom
anteroom_as_told reload
systemctl is-active anteroom

say the secret apart from the data
openssl rand -hex 32 | sudo install -m 0400 /dev/stdin /etc/anteroom/secret
sudo install -D -m 0644 /usr/share/doc/anteroom/examples/secret.conf /etc/systemd/system/anteroom.service.d/secret.conf
sudo systemctl daemon-reload
sudo systemctl restart anteroom
ready
answers /readyz

say backup and restore
anteroom_as_told backup /var/backups/anteroom-now
sudo systemctl stop anteroom
anteroom_as_told restore /var/backups/anteroom-now
sudo systemctl start anteroom
ready

say killed, it comes again
pid=$(systemctl show --property MainPID --value anteroom)
systemctl kill --signal KILL anteroom
until [ "$(systemctl show --property MainPID --value anteroom)" != "$pid" ] && systemctl is-active --quiet anteroom; do sleep 0.2; done
ready
answers /readyz

say upgrade
echo '# mine' >>/etc/anteroom/anteroom.toml
dpkg --install "$deb" >/root/apt 2>&1 || { cat /root/apt; exit 1; }
grep -q '^# mine' /etc/anteroom/anteroom.toml
ready
answers /readyz

say remove
dpkg --remove anteroom >/dev/null
if systemctl is-active --quiet anteroom; then exit 1; fi
test ! -e /usr/bin/anteroom
test -e /etc/anteroom/anteroom.toml
test -e /var/lib/anteroom/anteroom.db

say purge
rm -r /var/backups/anteroom-now /etc/systemd/system/anteroom.service.d /etc/anteroom/secret
dpkg --purge anteroom >/dev/null 2>&1
left=$(find /etc /usr /var/lib -path '*anteroom*' 2>/dev/null || true)
test -z "$left" || { echo "left: $left"; exit 1; }
say 'all went well'
