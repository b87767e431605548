# Brings what the checks and the tests need, once: sourced by run.sh and check.sh, which then stand in the
# repository's folder and know $python and $node_tools.

fail() {
    echo "tests/$(basename "$0"): $*" >&2
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

make_venv() {
    local stamp=$venv/requirements.sha256 wanted
    wanted=$(cat requirements.txt tests/requirements.txt | sha256sum)
    [ ! -x "$python" ] || [ "$(cat "$stamp" 2>/dev/null)" != "$wanted" ] || return 0
    # One that is there is brought up to date in place: somebody may be using it.
    if ! "$python" -c '' 2>/dev/null; then
        python3 -c 'import ensurepip, venv' 2>/dev/null || apt_install python3-venv
        python3 -m venv --clear "$venv" || fail "python3 could not make the virtual environment $venv."
    fi
    "$python" -m pip install --disable-pip-version-check --no-compile -r requirements.txt -r tests/requirements.txt ||
        fail "pip could not install requirements.txt and tests/requirements.txt."
    # As pip would, but on all cores. (Some packages hold files of an older Python, which do not compile.)
    "$python" -m compileall -q -j 0 "$venv/lib" >/dev/null || true
    echo "$wanted" >"$stamp"
}

has_node() {
    command -v npm >/dev/null && node -e 'const [major, minor] = process.versions.node.split(".");
        process.exit(major >= 24 || (major == 22 && minor >= 13) || (major == 20 && minor >= 19) ? 0 : 1)'
}

make_node_tools() {
    local stamp=$node_tools/lock.sha256 wanted
    if ! has_node; then
        # The wheel is Node with npm.
        [ -x "$venv/bin/npm" ] || "$python" -m pip install --disable-pip-version-check -r tests/node/requirements.txt ||
            fail "there is no Node (20.19, 22.13, 24 or later) on the PATH, and pip could not install it."
        PATH=$PWD/$venv/bin:$PATH
    fi
    wanted=$(sha256sum <tests/node/package-lock.json)
    [ "$(cat "$stamp" 2>/dev/null)" != "$wanted" ] || return 0
    npm ci --prefix tests/node --no-audit --no-fund || fail "npm could not install tests/node/package-lock.json."
    echo "$wanted" >"$stamp"
}

cd "$(dirname "${BASH_SOURCE[0]}")/.." || fail "the repository's folder cannot be entered."
venv=.venv-tests
python=$venv/bin/python
node_tools=tests/node/node_modules

command -v python3 >/dev/null || fail "there is no python3 on the PATH; install it first (3.11 or later)."
python3 -c 'import sys; sys.exit(sys.version_info < (3, 11))' || fail "python3 is older than 3.11."
make_venv
make_node_tools
