#!/usr/bin/env bash
# The whole test suite, from a fresh clone on a fresh Debian machine with python3: tests/run.sh [pytest options]
set -euo pipefail
# shellcheck source=tests/setup.sh
source "$(dirname "${BASH_SOURCE[0]}")/setup.sh"

command -v chromium >/dev/null || command -v chromium-browser >/dev/null || command -v google-chrome >/dev/null ||
    apt_install chromium

if [ $# -gt 0 ]; then
    "$python" -m pytest "$@" || fail "pytest did not pass (exit status $?)."
    exit
fi

# One pair of servers for the whole run: they start while the code is read. They end with this script, however it
# ends, because it alone holds their input open.
servers=$(mktemp -d)
mkfifo "$servers/ready" "$servers/alive"
exec 8<>"$servers/ready" 9<>"$servers/alive"
"$python" -m tests.helpers.servers "$servers" <"$servers/alive" 8>&- 9>&- &
trap 'kill $! 2>/dev/null; wait $! || true; rm -r "$servers"' EXIT
export GLASSBOX_SERVERS=$servers

bash tests/check.sh || fail "the checks found something to mend (above)."
node --test tests/node/*.test.mjs || fail "the tests of the JavaScript modules did not pass."
read -r -t 180 -u 8 _ || fail "the servers for the browser tests did not start."
# In the order of the folders: what takes long comes first, so that no worker ends with it alone. Three on two
# cores, because a browser test often waits.
"$python" -m pytest -n 3 --dist loadfile --no-loadscope-reorder -m "not timed" --durations=10 ||
    fail "pytest did not pass (exit status $?)."
# Another CPU adds in another order; the plain code of torch, MKL and OpenBLAS on this one does, too.
ATEN_CPU_CAPABILITY=default MKL_CBWR=COMPATIBLE OPENBLAS_CORETYPE=Prescott \
    "$python" -m pytest -n 2 tests/unit -m "not timed and not once" ||
    fail "the unit tests did not pass with another arithmetic (exit status $?)."
# What takes time is measured alone, after the rest.
"$python" -m pytest -m timed || fail "the speed tests did not pass (exit status $?)."

kill $!
wait $! || fail "a server's log holds a traceback (above)."
trap 'rm -r "$servers"' EXIT
