#!/usr/bin/env bash
# Reads the code without running it: tests/check.sh. The checks are listed here and nowhere else; tests/run.sh and
# .pre-commit-config.yaml call this.
set -euo pipefail
# shellcheck source=tests/setup.sh
source "$(dirname "${BASH_SOURCE[0]}")/setup.sh"

ruff() { "$venv/bin/ruff" check .; }
format() { "$venv/bin/ruff" format --check .; }
mypy() { "$python" -m mypy --config-file .mypy.ini; }
lint() { "$node_tools/.bin/eslint" --config .eslint.config.mjs "$@"; }
eslint() { lint .eslint.config.mjs tests/node viz; }
tsc() { "$node_tools/.bin/tsc" --project .tsconfig.json; }

found=()
for check in ruff format mypy eslint tsc; do
    echo "== $check"
    "$check" || found+=("$check")
done
[ ${#found[@]} -eq 0 ] || fail "something is to be mended (above): ${found[*]}."
