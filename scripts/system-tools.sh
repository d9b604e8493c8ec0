#!/bin/sh
# The programs that some tests drive: promtool (prometheus), amtool (prometheus-alertmanager) and chromium. Taken from
# PATH or .tools/; else installed by apt as root; else unpacked into .tools/ without root; else those tests say that they
# were skipped and why. Where there is npm, OpenTelemetry's SDK for Node.js goes into .tools/ in the same way.
set -eu

have() { command -v "$1" >/dev/null 2>&1 || [ -x ".tools/bin/$1" ]; }

sdk=tests/collector/node_sdk
if command -v npm >/dev/null 2>&1 && ! cmp -s "$sdk/package-lock.json" .tools/package-lock.json; then
    mkdir -p .tools
    cp "$sdk"/package*.json .tools/
    npm ci --prefix .tools --ignore-scripts --no-audit --no-fund --silent >/dev/null 2>&1 || {
        rm .tools/package-lock.json # it stands for an installation that is whole
        echo "epicenter: npm could not install OpenTelemetry's SDK for Node.js; the tests that need it will be skipped"
    }
fi

need=""
have promtool || need="$need prometheus"
have amtool || need="$need prometheus-alertmanager"
have chromium || need="$need chromium"
[ -n "$need" ] || exit 0
command -v apt-get >/dev/null 2>&1 || exit 0

# unpack PACKAGE PROGRAM…: its programs into .tools/bin, without root.
unpack() {
    package="$1"
    shift
    mkdir -p .tools/bin .tools/deb
    (cd .tools/deb && apt-get download -qq "$package" >/dev/null 2>&1) &&
        dpkg -x .tools/deb/"$package"_*.deb .tools/deb/root &&
        for program in "$@"; do cp ".tools/deb/root/usr/bin/$program" .tools/bin/ || return 1; done ||
        echo "epicenter: $package could not be downloaded; the tests that need $1 will be skipped"
}

if [ "$(id -u)" = 0 ]; then
    apt-get update -qq >/dev/null 2>&1 || true
    # shellcheck disable=SC2086 # a list of names
    DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends $need >/dev/null 2>&1 ||
        echo "epicenter: apt-get could not install:$need; the tests that need them will be skipped"
else
    # Chromium has too many parts to unpack by hand; each of these is one file.
    have promtool || unpack prometheus promtool prometheus
    have amtool || unpack prometheus-alertmanager amtool prometheus-alertmanager
fi
