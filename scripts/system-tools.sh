#!/bin/sh
# The programs that some tests drive: promtool (prometheus), amtool (prometheus-alertmanager) and chromium. Taken from
# PATH or .tools/; else the first two are unpacked into .tools/, since an installation starts servers where systemd runs,
# and chromium, which has too many parts for that, is installed by apt as root; else those tests say that they were
# skipped and why. Where there is npm, OpenTelemetry's SDK for Node.js goes into .tools/ in the same way.
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

have promtool && have amtool && have chromium && exit 0
command -v apt-get >/dev/null 2>&1 || exit 0
root=$([ "$(id -u)" != 0 ] || echo yes)
[ -z "$root" ] || apt-get update -qq >/dev/null 2>&1 || true

# unpack PACKAGE PROGRAM…: its programs into .tools/bin.
unpack() {
    package="$1"
    shift
    mkdir -p .tools/bin .tools/deb
    rm -f .tools/deb/"$package"_*.deb
    (cd .tools/deb && apt-get download -qq "$package" >/dev/null 2>&1) &&
        dpkg -x .tools/deb/"$package"_*.deb .tools/deb/root &&
        for program in "$@"; do cp ".tools/deb/root/usr/bin/$program" .tools/bin/ || return 1; done ||
        echo "epicenter: $package could not be downloaded; the tests that need $1 will be skipped"
}

have promtool || unpack prometheus promtool prometheus
have amtool || unpack prometheus-alertmanager amtool prometheus-alertmanager
# Debian's Alertmanager reads its templates from there alone, and does not start without them.
templates=/usr/share/prometheus/alertmanager
if [ -n "$root" ] && [ ! -e "$templates" ] && [ -d ".tools/deb/root$templates" ]; then
    mkdir -p "$templates" && cp ".tools/deb/root$templates"/*.tmpl "$templates"
fi
if [ -n "$root" ] && ! have chromium; then
    DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends chromium >/dev/null 2>&1 ||
        echo "epicenter: apt-get could not install chromium; the tests that need it will be skipped"
fi
