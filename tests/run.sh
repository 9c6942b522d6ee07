#!/usr/bin/env bash
# Sets everything up and runs all checks. Wants Python 3.10 or newer, git, OpenSSH's client and
# server, OpenSSL, nginx, Node.js with npm and, for the page, Chromium: as root they are installed
# from the system's packages. A test whose program is missing fails.
set -euo pipefail
cd -- "$(dirname -- "$0")/.."

missing=()
command -v git >/dev/null || missing+=(git)
command -v ssh >/dev/null || missing+=(openssh-client)
[ -x /usr/sbin/sshd ] || missing+=(openssh-server)
command -v openssl >/dev/null || missing+=(openssl)
[ -x /usr/sbin/nginx ] || command -v nginx >/dev/null || missing+=(nginx-light)
command -v node >/dev/null || missing+=(nodejs)
command -v npm >/dev/null || missing+=(npm)
command -v chromium >/dev/null || command -v chromium-browser >/dev/null || missing+=(chromium)
if [ ${#missing[@]} -gt 0 ]; then
  if [ "$(id -u)" = 0 ] && command -v apt-get >/dev/null; then
    apt-get update -qq
    DEBIAN_FRONTEND=noninteractive apt-get install -y -qq "${missing[@]}" >/dev/null
  else
    echo "Please install first: ${missing[*]}" >&2
    exit 1
  fi
fi

[ -x .venv-test/bin/python ] || python3 -m venv .venv-test
.venv-test/bin/python -m pip install -q --disable-pip-version-check -e ".[test]"
.venv-test/bin/ruff check .
.venv-test/bin/ruff format --check .
# The page's tests wait most, so three share two processors. How much of the product the others
# run through is counted, in processes of their own too.
pytest=(.venv-test/bin/python -m pytest -q -n 3 --dist loadfile)
"${pytest[@]}" tests/browser
"${pytest[@]}" --no-loadscope-reorder tests --ignore tests/browser --cov --cov-report=
.venv-test/bin/python -m coverage report --fail-under=97
# What checks names, lists, addresses, callers, uploads and archives is run through wholly.
checks="*/identifiers.py,*/manifest.py,*/address.py,*/guard.py,*/origins.py,*/hidden.py,*/uploads.py,*/archive.py,*/bundle.py"
.venv-test/bin/python -m coverage report --fail-under=100 --include="$checks"
