#!/usr/bin/env bash
# The whole test suite, from a fresh clone on a fresh Debian machine with python3: tests/run.sh [pytest options]
set -euo pipefail

fail() {
    echo "tests/run.sh: $*" >&2
    exit 1
}

as_root() {
    if [ "$(id -u)" -eq 0 ]; then
        "$@"
    elif command -v sudo >/dev/null; then
        sudo "$@"
    else
        fail "installing Debian packages needs root or sudo; install $* by hand."
    fi
}

apt_install() {
    command -v apt-get >/dev/null || fail "there is no apt-get here; install $* by hand."
    as_root apt-get update || fail "apt-get update failed: is the network there?"
    as_root env DEBIAN_FRONTEND=noninteractive apt-get install -y --no-install-recommends "$@" ||
        fail "apt-get could not install $*."
}

cd "$(dirname "${BASH_SOURCE[0]}")/.." || fail "the repository's folder cannot be entered."
venv=.venv-tests
stamp=$venv/requirements.sha256

command -v python3 >/dev/null || fail "there is no python3 on the PATH; install it first (3.11 or later)."
python3 -c 'import sys; sys.exit(sys.version_info < (3, 11))' || fail "python3 is older than 3.11."

wanted=$(cat requirements.txt tests/requirements.txt | sha256sum)
if [ ! -x "$venv/bin/python" ] || [ "$(cat "$stamp" 2>/dev/null || true)" != "$wanted" ]; then
    python3 -c 'import ensurepip, venv' 2>/dev/null || apt_install python3-venv
    python3 -m venv --clear "$venv" || fail "python3 could not make the virtual environment $venv."
    "$venv/bin/python" -m pip install --disable-pip-version-check -r requirements.txt -r tests/requirements.txt ||
        fail "pip could not install requirements.txt and tests/requirements.txt."
    echo "$wanted" >"$stamp"
fi

command -v chromium >/dev/null || command -v chromium-browser >/dev/null || command -v google-chrome >/dev/null ||
    apt_install chromium

"$venv/bin/ruff" check . || fail "ruff found something to mend (above)."
if [ $# -gt 0 ]; then
    "$venv/bin/python" -m pytest "$@" || fail "pytest did not pass (exit status $?)."
    exit
fi

# One pair of servers for the whole run: they start while the first tests do.
servers=$(mktemp -d)
"$venv/bin/python" -m tests.helpers.servers "$servers" &
trap 'kill $! 2>/dev/null; wait $! || true; rm -r "$servers"' EXIT
export GLASSBOX_SERVERS=$servers

"$venv/bin/python" -m pytest -n 2 --dist loadfile -m "not timed" || fail "pytest did not pass (exit status $?)."
# Another CPU adds in another order; the plain code of torch, MKL and OpenBLAS on this one does, too.
ATEN_CPU_CAPABILITY=default MKL_CBWR=COMPATIBLE OPENBLAS_CORETYPE=Prescott \
    "$venv/bin/python" -m pytest -n 2 tests/unit -m "not timed" ||
    fail "the unit tests did not pass with another arithmetic (exit status $?)."
# What takes time is measured alone, after the rest.
"$venv/bin/python" -m pytest -m timed || fail "the speed tests did not pass (exit status $?)."

kill $!
wait $! || fail "a server's log holds a traceback (above)."
trap 'rm -r "$servers"' EXIT
