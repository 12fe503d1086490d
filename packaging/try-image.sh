#!/bin/sh
# Builds the image of packaging/Dockerfile.binary and uses it as docs/install.md says: started without rights on a system that is
# read-only but for its volume, asked whether it is ready, stopped, and started again on the same data. With podman or docker, as
# whoever may use it; the base image is pulled, or made by debootstrap where it cannot be (as root). A minute or two.
#
#   packaging/try-image.sh target/release [SUITE]
#
# Where there is no engine that can run it, it says NOT RUN and why.
set -eu
dir=$1
suite=${2:-$(. /etc/os-release && echo "$VERSION_CODENAME")}
here=$(cd "$(dirname "$0")" && pwd)
not_run() { printf '\nNOT RUN: the image: %s\n' "$1"; exit 0; }
say() { echo "== $*"; }

# A hard limit below what an engine asks for by default is no reason not to run.
limits="--ulimit nofile=4096:4096 --ulimit nproc=4096:4096"
if command -v podman >/dev/null; then
    # crun knows no machine whose control groups are half of the old kind.
    if [ -d /sys/fs/cgroup/unified ] && command -v runc >/dev/null; then
        engine="podman --runtime runc --cgroup-manager cgroupfs"
    else
        engine=podman
    fi
    # `docker` is the form that has health checks.
    build="podman build --isolation chroot --format docker --ulimit nofile=4096:4096 --ulimit nproc=4096:4096"
elif command -v docker >/dev/null && docker info >/dev/null 2>&1; then
    engine=docker build="docker build"
else
    not_run "neither podman nor a docker that answers"
fi

base=docker.io/library/debian:$suite-slim
if ! $engine image inspect "$base" >/dev/null 2>&1 && ! timeout 60 $engine pull --quiet "$base" >/dev/null 2>&1; then
    command -v debootstrap >/dev/null || not_run "$base cannot be pulled, and there is no debootstrap to make it"
    say "$base is made here"
    root=$(mktemp -d /var/tmp/anteroom-base-XXXXXX)
    mirror=$(sed -n 's/^deb \(\[[^]]*\] \)\?\(http[^ ]*\) .*/\2/p; s/^URIs: //p' /etc/apt/sources.list \
        /etc/apt/sources.list.d/* 2>/dev/null | grep -v security | head -1)
    debootstrap --variant=minbase "$suite" "$root" ${mirror:+"$mirror"} >/dev/null 2>&1 ||
        { rm -rf "$root"; not_run "debootstrap cannot make $base"; }
    tar --directory "$root" --create . | $engine import - "$base" >/dev/null
    rm -rf "$root"
fi
$engine run --rm $limits "$base" true 2>/dev/null || not_run "$engine runs nothing here"

say build
context=$(mktemp -d)
volume=anteroom-try-$$
clean() {
    $engine rm --force "$volume" >/dev/null 2>&1 || true
    $engine volume rm "$volume" >/dev/null 2>&1 || true
    $engine rmi "localhost/$volume" >/dev/null 2>&1 || true
    rm -rf "$context"
}
trap clean EXIT
cp "$dir/anteroom" "$context/anteroom"
$build --build-arg "DEBIAN=$suite" --file "$here/Dockerfile.binary" --tag "localhost/$volume" "$context" >"$context/said" 2>&1 ||
    { cat "$context/said"; exit 1; }

# What an engine complains of matters where it fails. (Without a systemd podman has nobody who asks for the health.)
quiet() {
    "$@" 2>"$context/complaints" || { cat "$context/complaints" >&2; return 1; }
}
start() {
    quiet $engine run --detach --name "$volume" $limits --read-only --cap-drop ALL --security-opt no-new-privileges \
        --publish 127.0.0.1::8080 --volume "$volume:/var/lib/anteroom" "localhost/$volume" >/dev/null
    at=$($engine port "$volume" 8080/tcp | head -1)
    # What cannot be connected to is asked again; what answers otherwise fails.
    curl --silent --show-error --fail --retry 50 --retry-delay 1 --retry-all-errors --max-time 5 "http://$at/readyz"; echo
}
inside() { $engine exec "$volume" "$@"; }
ended() {
    quiet $engine stop --time 20 "$volume" >/dev/null
    $engine logs "$volume" 2>&1 | tail -1 | grep '"server.stopped"'
    quiet $engine rm "$volume" >/dev/null
}

say run
start
test "$(inside id -u)" = 10001
case $engine in
podman*) $engine healthcheck run "$volume" ;;
*) inside anteroom healthcheck ;;
esac
echo 'correct horse battery' | $engine exec --interactive "$volume" anteroom user add ann
ended

say 'again, on the same data'
start
if echo 'correct horse battery' | $engine exec --interactive "$volume" anteroom user add ann; then
    exit 1
fi
ended
say 'all went well'
