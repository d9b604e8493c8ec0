#!/bin/sh
# The programs that some tests drive: promtool (prometheus) and chromium. Taken from PATH or .tools/;
# else installed by apt as root; else unpacked into .tools/ without root; else those tests say that they
# were skipped and why.
set -eu

have() { command -v "$1" >/dev/null 2>&1 || [ -x ".tools/bin/$1" ]; }

need=""
have promtool || need="$need prometheus"
have chromium || need="$need chromium"
[ -n "$need" ] || exit 0
command -v apt-get >/dev/null 2>&1 || exit 0

if [ "$(id -u)" = 0 ]; then
    apt-get update -qq >/dev/null 2>&1 || true
    # shellcheck disable=SC2086 # a list of names
    DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends $need >/dev/null 2>&1 ||
        echo "epicenter: apt-get could not install:$need; the tests that need them will be skipped"
elif [ -z "${need##*prometheus*}" ]; then
    # Chromium has too many parts to unpack by hand; promtool is one file.
    mkdir -p .tools/bin .tools/deb
    (cd .tools/deb && apt-get download -qq prometheus >/dev/null 2>&1) &&
        dpkg -x .tools/deb/prometheus_*.deb .tools/deb/root &&
        cp .tools/deb/root/usr/bin/promtool .tools/deb/root/usr/bin/prometheus .tools/bin/ ||
        echo "epicenter: prometheus could not be downloaded; the tests that need promtool will be skipped"
fi
