#!/bin/sh
# Make .venv, install requirements.lock into it, and the project itself as a path to this folder, with the command
# maskcon; does nothing where all is as it should be.
#
#     ./set_up.sh                     the newest suitable Python that is found
#     PYTHON=/path/python ./set_up.sh that one
set -eu
cd "$(dirname "$0")"

NEEDED_GB=8 # the environment takes about 6 GB, its downloads come on top

stop() {
    echo "error: $*" >&2
    exit 2
}

# Runs, is 3.11.4 or newer (the first whose tarfile has filters), and can make environments (on Debian ensurepip is a
# package of its own).
suits() {
    "$1" -c 'import sys; sys.exit(sys.version_info < (3, 11, 4))' 2>/dev/null
}
makes_environments() {
    "$1" -c 'import ensurepip, venv' 2>/dev/null
}

find_python() {
    for candidate in ${PYTHON:-python3.13 python3.12 python3.11 python3 python python3.14}; do
        if suits "$candidate" && makes_environments "$candidate"; then
            echo "$candidate"
            return
        fi
    done
    for candidate in ${PYTHON:-python3.13 python3.12 python3.11 python3 python}; do
        if suits "$candidate"; then
            stop "$candidate cannot make environments; install its venv package, on Debian and Ubuntu: apt install python3-venv"
        fi
    done
    found=$("${PYTHON:-python3}" --version 2>&1) || found="none that runs"
    stop "Python 3.11.4 or newer is needed, found: $found; install one, or name it: PYTHON=/path/to/python make repro"
}

check_git() {
    command -v git >/dev/null || stop "git is needed; install it, on Debian and Ubuntu: apt install git"
    reason=$(git rev-parse --verify --quiet HEAD 2>&1) ||
        stop "this folder is not a git checkout with a commit, which DVC needs${reason:+ ($reason)}; get the project with git clone"
}

check_path() (
    LC_ALL=C
    case $(pwd -P) in
        *[{}]*) stop "DVC fails in folders whose path holds { or }; move the checkout" ;;
        *[?#]* | *[!\ -~]*) echo "note: this path holds ?, # or letters beyond ASCII, where dvc exp run --temp and --queue fail; all else works" ;;
    esac
)

check_disk() {
    free_kb=$(df -Pk . | awk 'NR == 2 { print $4 }')
    [ "$free_kb" -ge $((NEEDED_GB * 1024 * 1024)) ] ||
        stop "the environment needs about $NEEDED_GB GB of disk, only $((free_kb / 1024 / 1024)) GB are free here; free some, or move the checkout"
}

check_git
if cmp -s requirements.lock .venv/installed_requirements.lock && suits .venv/bin/python; then
    exit 0
fi
check_path
python=.venv/bin/python
suits "$python" || python=$(find_python)
ls -d .venv/lib/python3*/site-packages/torch >/dev/null 2>&1 || check_disk
if [ "$python" != .venv/bin/python ]; then
    echo "Making .venv with $("$python" --version)"
    "$python" -m venv --clear .venv
fi
echo "Installing requirements.lock into .venv (the first time: several GB, some minutes)"
rm -f .venv/installed_requirements.lock
install() {
    .venv/bin/python -m pip install --quiet --disable-pip-version-check "$@" </dev/null ||
        stop "the installation failed, see above; the same command tries again and keeps what has been downloaded"
}
# Every package at the version and with the checksum of the lock, or nothing is installed.
install --require-hashes --requirement requirements.lock
install --no-index --no-deps --no-build-isolation --editable .
cp requirements.lock .venv/installed_requirements.lock # written last: an installation cut short is taken up again
