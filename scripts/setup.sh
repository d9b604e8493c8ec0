#!/bin/sh
# Makes .venv with the pinned dependencies and this project in it: with uv where it is, else with
# venv and pip. Works from any state: a half-made environment is thrown away.
set -eu

fail() {
    echo "epicenter: $1" >&2
    exit 1
}

python="${PYTHON:-python3}"
command -v "$python" >/dev/null 2>&1 || fail "$python was not found: install Python 3.11 or newer"
"$python" -c 'import sys; sys.exit(sys.version_info < (3, 11))' ||
    fail "$("$python" --version) is too old: install Python 3.11 or newer, or name one with 'make PYTHON=python3.12 …'"

uv=""
if command -v uv >/dev/null 2>&1; then uv=uv; fi

if [ ! -x .venv/bin/python ] || ! .venv/bin/python -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null; then
    rm -rf .venv
    if [ -n "$uv" ]; then
        "$uv" venv --quiet --python "$python" .venv
    elif "$python" -c 'import ensurepip' 2>/dev/null; then
        "$python" -m venv .venv
    elif "$python" -m virtualenv --version >/dev/null 2>&1; then
        "$python" -m virtualenv --quiet .venv
    else
        fail "$python has no ensurepip: install python3-venv (Debian: apt-get install python3-venv), uv or virtualenv"
    fi
fi

# The build backend is pinned in the lock with the rest, so nothing unpinned is ever fetched.
if [ -n "$uv" ]; then
    "$uv" pip sync --quiet --python .venv/bin/python --require-hashes requirements.lock
    "$uv" pip install --quiet --python .venv/bin/python --no-deps --no-build-isolation --editable .
else
    [ -x .venv/bin/pip ] || .venv/bin/python -m ensurepip >/dev/null || fail "could not put pip into .venv"
    .venv/bin/python -m pip install --quiet --disable-pip-version-check --require-hashes --no-deps -r requirements.lock
    .venv/bin/python -m pip install --quiet --disable-pip-version-check --no-deps --no-build-isolation --editable .
fi
touch .venv/ready
