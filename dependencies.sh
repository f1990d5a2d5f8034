#!/bin/sh
# The packages that the environment is made of, beyond those that requirements.txt names.
#
#     ./dependencies.sh lock     requirements.lock from requirements.txt: all that it needs, each with its checksums
#     ./dependencies.sh audit    which of them have known vulnerabilities
set -eu
cd "$(dirname "$0")"

stop() {
    echo "error: $*" >&2
    exit 2
}

install_tools() {
    cmp -s requirements-tools.txt .tools/installed.txt && return
    "${PYTHON:-python3}" -m venv --clear .tools || stop "Python with its venv package is needed, see set_up.sh"
    .tools/bin/python -m pip install --quiet --disable-pip-version-check --requirement requirements-tools.txt ||
        stop "the tools of requirements-tools.txt cannot be installed, see above"
    cp requirements-tools.txt .tools/installed.txt
}

# One file for every system and Python from 3.11 on; packages that only some of them need carry a condition.
# What is locked already stays at its version unless requirements.txt asks for another.
make_lock() {
    .tools/bin/uv pip compile --quiet --universal --python-version 3.11 --generate-hashes --no-annotate \
        --custom-compile-command "make lock" --output-file requirements.lock requirements.txt ||
        stop "requirements.lock is as it was, see above"
    echo "requirements.lock: $(grep -c '==' requirements.lock) packages"
}

# --strict: a package that could not be looked up is a failure, not a pass.
audit_lock() {
    if .tools/bin/pip-audit --strict --progress-spinner off --require-hashes --disable-pip \
        --requirement requirements.lock >.tools/audit.txt 2>&1; then
        echo "no known vulnerability in the $(grep -c '==' requirements.lock) packages of requirements.lock"
        return
    fi
    cat .tools/audit.txt >&2
    grep -q "^Found .* known vulnerabilit" .tools/audit.txt ||
        stop "the audit is incomplete: it asks a list on the network about every package, which gave no answer, see above"
    stop "packages of requirements.lock have known vulnerabilities: raise their versions, then make lock"
}

case "${1:-}" in
    lock) install_tools && make_lock ;;
    audit) install_tools && audit_lock ;;
    *) stop "say what to do: ./dependencies.sh lock, or ./dependencies.sh audit" ;;
esac
