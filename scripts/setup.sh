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

with_uv() {
    "$uv" pip sync --quiet --python .venv/bin/python --require-hashes requirements.lock &&
        "$uv" pip install --quiet --python .venv/bin/python --no-deps --no-build-isolation --editable .
}

with_pip() {
    .venv/bin/python -m pip --version >/dev/null 2>&1 || .venv/bin/python -m ensurepip >/dev/null ||
        fail "could not put pip into .venv: install python3-venv"
    .venv/bin/python -m pip install --quiet --disable-pip-version-check --require-hashes --no-deps -r requirements.lock &&
        .venv/bin/python -m pip install --quiet --disable-pip-version-check --no-deps --no-build-isolation --editable .
}

# The build backend is pinned in the lock with the rest, so nothing unpinned is ever fetched.
# uv trusts only its own list of certificate authorities unless told to ask the system, as pip and companies do.
export UV_SYSTEM_CERTS=true UV_NATIVE_TLS=true
if [ -n "$uv" ]; then
    with_uv || { echo "epicenter: uv could not install the dependencies; trying pip" >&2 && with_pip; } ||
        fail "the pinned dependencies could not be installed (see above)"
else
    with_pip || fail "the pinned dependencies could not be installed (see above)"
fi
touch .venv/ready
