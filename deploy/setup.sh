#!/usr/bin/env bash
# A virtual environment from the lock: `deploy/setup.sh .venv dev browser`, with these dependency sets.
# Needs Python 3.11+ and nothing else.
set -euo pipefail
cd "$(dirname "$0")/.."
venv=${1:-.venv}
sets=("${@:2}")
uv_version=0.13.9

say() { printf '%s\n' "$*" >&2; }
fail() { say "$*"; exit 1; }

# The system's own before one that was built from source, which mostly lacks the optimisation by profile
# and takes a fifth more of the processor.
find_python() {
  for candidate in "${PYTHON:-/usr/bin/python3}" python3 python3.13 python3.12 python3.11; do
    if "$candidate" -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null; then
      printf '%s' "$candidate"
      return
    fi
  done
  fail "Prereview needs Python 3.11 or newer. Install it, or name it: make PYTHON=/path/to/python3"
}

# uv into an environment of its own. Debian's python3 comes without what venv needs to bring pip along:
# root can add it; others fetch pip's package and unpack it beside us.
install_uv() {
  local pip=(-m pip)
  rm -rf .uv
  if "$1" -c 'import ensurepip' 2>/dev/null || add_venv; then
    "$1" -m venv .uv
  else
    local folder
    folder=$("$1" -m deploy.local.unpacking python3-pip-whl) ||
      fail "Python's venv module is missing. Ask an administrator for: apt-get install python3-venv"
    "$1" -m venv --without-pip .uv
    pip=("$(echo "$folder"/usr/share/python-wheels/pip-*.whl)/pip")
  fi
  say "Installing uv …"
  .uv/bin/python "${pip[@]}" install --quiet --disable-pip-version-check "uv==$uv_version"
}

add_venv() {
  [[ $(id -u) == 0 ]] && command -v apt-get >/dev/null || return
  local install=(apt-get install -y -qq --no-install-recommends python3-venv)
  say "Installing python3-venv …"
  export DEBIAN_FRONTEND=noninteractive
  "${install[@]}" >/dev/null 2>&1 || { apt-get update -qq >/dev/null && "${install[@]}" >/dev/null; }
}

python=$(find_python)
if command -v uv >/dev/null && uv --version | grep -qF "uv $uv_version"; then
  uv=uv
else
  uv=.uv/bin/uv
  if ! "$uv" --version 2>/dev/null | grep -qF "uv $uv_version"; then
    install_uv "$python"
  fi
fi
# What uv tells, without the list of all that it has installed.
follow() {
  while IFS= read -r line; do
    case $line in
      " + "* | " - "* | " ~ "*) ;;
      Installed*) say "  $line; compiling them, once …" ;; # by itself, not by each of the programs that start together
      *) say "  ${line##  }" ;;
    esac
  done
}

say "Installing the packages of the lock …"
UV_PROJECT_ENVIRONMENT=$venv "$uv" sync --frozen --system-certs --python "$python" "${sets[@]/#/--extra=}" \
  --compile-bytecode 2>&1 | follow
