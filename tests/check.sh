#!/usr/bin/env bash
# Reads the code without running it: tests/check.sh. The checks are listed here and nowhere else; tests/run.sh and
# .pre-commit-config.yaml call this. With --all also those that still find something, with how much.
set -euo pipefail
# shellcheck source=tests/setup.sh
source "$(dirname "${BASH_SOURCE[0]}")/setup.sh"

ruff() { "$venv/bin/ruff" check .; }
format() { "$venv/bin/ruff" format --check .; }
mypy() { "$python" -m mypy --config-file .mypy.ini; }
lint() { "$node_tools/.bin/eslint" --config .eslint.config.mjs "$@"; }
eslint() { lint .eslint.config.mjs tests/node viz --ignore-pattern "viz/instruments/decoding/**"; }
eslint_of_decoding() { lint viz/instruments/decoding; }
tsc() { "$node_tools/.bin/tsc" --project .tsconfig.json; }

# What still finds something waits in the second list until it finds nothing.
checks=(ruff format mypy eslint)
later=(eslint_of_decoding tsc)

[ "${1:-}" != --all ] || checks+=("${later[@]}")
found=()
for check in "${checks[@]}"; do
    echo "== $check"
    "$check" || found+=("$check")
done
[ ${#found[@]} -eq 0 ] || fail "something is to be mended (above): ${found[*]}."
