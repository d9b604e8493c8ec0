#!/bin/sh
# Lays the folders out as they are installed (build/typed/epicenter/collector -> collector, …) for the type checker.
set -eu
rm -rf build/typed
mkdir -p build/typed/epicenter
for path in epicenter/*; do
    ln -s "$PWD/$path" "build/typed/$path"
done
for folder in collector synthetic detectors rules dashboards; do
    ln -s "$PWD/$folder" "build/typed/epicenter/$folder"
done
ln -s "$PWD/tests" "$PWD/benchmarks" build/typed/
